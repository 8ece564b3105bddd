"""Grading tools: tasks go out to people, their answers come back as `Annotation` records.

* label_studio.py  labelling configuration, tasks to import, the JSON export
* sheets.py        one CSV sheet per person, for teams without a tool

Keep out: which answers become labels (stages/seed/annotations.py).
"""
