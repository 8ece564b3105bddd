"""A project that `init` made, with documents and a query log, to draw a seed from.

Keep out: the tests (test_seed.py, test_seed_refusals.py).
"""

import csv
import io
from pathlib import Path

import numpy as np
import polars as pl

from label_pipeline_tests.cli import own_data
from label_pipeline_tests.cli.commands import Ended, Shell

WORDS = ("invoice", "holiday", "laptop", "badge", "server", "travel", "budget", "printer", "contract", "salary")

DRAW = ("seed", "draw", "--log", "log.csv", "--annotators", "ann,bea,cid", "--queries", "20", "--pairs", "6")


def drawable(shell: Shell) -> Path:
    """A project folder with 300 documents, a tenth of them customer text, and a log of 60 queries."""
    assert shell.here("init", "mine").code == 0
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS, 12)) for _ in range(300)]
    boundary = ["customer" if n % 10 == 0 else "" for n in range(300)]
    found = shell.folder / "mine"
    pl.DataFrame({"doc_id": [f"d{n}" for n in range(300)], "text": texts, "boundary": boundary}).write_csv(
        found / "documents.csv"
    )
    queries = [f"{one} {two}" for one in WORDS for two in WORDS if one < two][:45]
    log = pl.DataFrame({"query": queries, "frequency": [900 // (n + 1) + 1 for n in range(45)]})
    log.write_csv(shell.folder / "log.csv")
    own_data.edit(
        found / "settings.yaml",
        inputs={"documents": "documents.csv", "queries": "seed/queries.csv", "human_labels": "seed/human_labels.csv"},
    )
    return found


def seed(shell: Shell, folder: Path, *arguments: object) -> Ended:
    return shell.here(*arguments, "--config", folder / "settings.yaml")


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "seed").iterdir()) if path.is_file()}


def table(folder: Path, name: str) -> pl.DataFrame:
    return pl.read_csv(folder / "seed" / name)


def filled(text: str, delimiter: str) -> str:
    """A sheet somebody filled in: grades in turn, the first row cannot be judged."""
    rows = list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    for place, row in enumerate(rows):
        grade = "cannot judge" if place == 0 else f"{place % 4}.0"
        writer.writerow({**row, "grade": grade, "rationale": f"row {place}"})
    return out.getvalue()
