"""The same documents and questions in eleven languages, and how well words find them: docs/languages.md.

`parallel/*.tsv` holds a document and its question a line, line n the same in every language; written for this project.
Keep out: which words a text has (label_pipeline_tests/core/test_words.py).
"""
