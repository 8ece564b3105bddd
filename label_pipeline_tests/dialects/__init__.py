"""Behaviours of real endpoints, asked by the real engine over a real connection: docs/endpoints.md.

The behaviours are files of label_pipeline/rehearsal/endpoints.
"""
