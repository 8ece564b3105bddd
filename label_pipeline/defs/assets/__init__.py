"""The assets, one module per stage: call the operation, show what it found.

seed.py, calibrate.py, gate.py, amplify.py, rank.py, anchor.py. When to add here: a table people want to see in the
graph. Keep out: steps (operations), every decision (stages).
"""
