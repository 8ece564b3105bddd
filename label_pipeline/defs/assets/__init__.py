"""The assets, one module a stage: fetch, call, store, report.

seed.py, calibrate.py, gate.py, amplify.py, rank.py, anchor.py. Keep out: every decision (stages).
"""
