"""Everything Dagster, and nothing else: one module or folder per noun of it.

* assets/     the graph, one module per stage: call the operation, show what it found
* checks      asset checks from sql/checks/ and the input contracts; gate_check: `judge_gate` between two runs
* jobs, schedules, partitions
* sensors/    what watches for free and asks for runs; alerts/: what tells people
* resources   the project and the run record; report: what an asset shows; dagster_private: names that are not public
* build       puts one project's graph together

When to add here: something only Dagster can do. What a run does is an operation (operations/), what is decided a rule
(stages/).
"""
