"""Everything Dagster: assets, checks, jobs, schedules and the resource that hands out plain objects.

build.py puts a project's graph together; project.py says what its settings mean. Keep out: rules and figures.
"""
