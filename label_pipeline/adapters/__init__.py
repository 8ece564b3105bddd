"""The outside world behind the protocols of core: tables, files, models, MLflow, pictures.

Each module wraps one library and takes plain values. Keep out: Dagster, stages and settings.
"""
