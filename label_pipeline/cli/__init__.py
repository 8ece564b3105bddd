"""The command line: `label-pipeline demo | init | plan-humans | seed | check | run | status | recall | provide`.

app.py the commands; running.py materialises stages in this process; provider.py starts the local provider; the others
are one command each. Exit codes are in exits.py. Keep out: anything a stage or the graph should do.
"""

from label_pipeline.cli.app import main

__all__ = ["main"]
