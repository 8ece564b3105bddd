"""What the project does, step by step: fetch, call the rule, store. Any of it runs on a folder of tables.

* seed, calibrate, gate, amplify, rank, anchor                  one module per stage, under the stage's word
* anchor_reference, canary, drift, recall, watch, recalibrate   what watches the certified judge, and what follows
* project, endpoints, run                                       settings, the doors to the outside world, who is at work
* judging, spending, epochs                                     price, ask and book; one run at a time; what is re-used

Keep out: every rule (stages/), everything Dagster (defs/).
"""
