"""Timings as ratios: our code against a named baseline, in one process, turn about.

A benchmark is no test: it fails on a wrong answer, never on a slow one. `make bench` writes docs/benchmarks.md.
"""
