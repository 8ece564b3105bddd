"""Nouns and arithmetic: scale, tables, statistics, and how a judge is asked.

Standard library, numpy, scipy and polars only. Keep out: I/O, clocks and global randomness.
"""
