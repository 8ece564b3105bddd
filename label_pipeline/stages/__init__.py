"""The verbs of the pipeline, one module or package per stage; ``STAGES`` spells their order.

A stage takes frames and records and returns frames and records. It may import core and earlier stages; it knows no
framework, database, file or network. Only stages that exist are listed.
"""

STAGES = ("seed", "calibrate", "gate", "amplify", "rank", "anchor")
