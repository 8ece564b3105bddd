"""From one or two thousand human relevance grades to trustworthy training labels and a ranker.

Start at stages/__init__.py (the verbs, in order), core/catalogue/ (the tables), operations/ (the steps) and
defs/build.py (the graph).
"""
