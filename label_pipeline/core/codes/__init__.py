"""Every closed set of words, one module a subject: the constants that Python uses and the sets that columns declare.

core/catalogue/ names the set of a column (``Column(values=...)``), sql/ is held to it by
label_pipeline_tests/sql/test_words.py. Words are codes: decisions rest on them, and they are stored, so a change of
spelling needs a migration note; the sentences that people read live with whoever says them. The four splits are in
core/splits.py. Add a word here first. Keep out: what follows from a word.
"""
