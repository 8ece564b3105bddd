"""A stranger's project: what `init` writes, filled with small generated files, and the judges that know their grades.

The texts are made of invented words: each query owns twelve of them, and a document holds more of its query's words the
better it answers. Judges are recorded: they play back the true grade, or a worse one. Keep out: running commands
(commands.py).
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import yaml

from label_pipeline.cli.init import write_project

N_QUERIES, DEPTH, CANDIDATES = 92, 10, 60
"""A gate needs 44 holdout queries (half of them) with 10 graded pairs."""

DAYS = ("2026-03-01", "2026-03-02")
CONCURRENCY = 4
KEY_VARIABLE = "COMPANY_LLM_KEY"
KEY = "sk-a-key-of-this-test"
PRICE = {"input_usd": 0.5, "output_usd": 2.0}
GOOD, POOR = "judge-good", "judge-poor"
MODELS = {GOOD: "good", POOR: "poor"}
"""Judge to its column of the recorded grades."""

_SYLLABLES = ("ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "ru", "sa", "te")


@dataclass(frozen=True)
class OwnData:
    """The generated files' rows, and what each judge says of every pair.

    Attributes:
        queries: query_id, query.
        documents: doc_id, title, text.
        graded: query_id, doc_id, grade; the truth about the pairs people graded.
        candidates: query_id, doc_id, arrived_on.
        recorded: query, passage and a column of grades per judge, for every pair.
    """

    queries: pl.DataFrame
    documents: pl.DataFrame
    graded: pl.DataFrame
    candidates: pl.DataFrame
    recorded: pl.DataFrame


def generate(seed: int = 5) -> OwnData:
    """The data of this seed."""
    rng = np.random.default_rng(seed)
    queries, documents, pairs = [], [], []
    for number in range(N_QUERIES):
        topic = [_word(rng) for _ in range(12)]
        queries.append((f"q{number:03}", " ".join(topic[:3])))
        for place in range(DEPTH + 2):
            grade = int(rng.choice(4, p=[0.3, 0.3, 0.2, 0.2]))
            words = [*rng.choice(topic, 3 * grade), *(_word(rng) for _ in range(25))]
            doc_id = f"d{number:03}-{place:02}"
            documents.append((doc_id, f"note {doc_id}", " ".join(rng.permutation(words))))
            pairs.append((f"q{number:03}", doc_id, grade))
    truth = pl.DataFrame(pairs, schema=["query_id", "doc_id", "grade"], orient="row")
    rank = pl.col("doc_id").str.slice(-2).cast(pl.Int64)
    found_queries = pl.DataFrame(queries, schema=["query_id", "query"], orient="row")
    found_documents = pl.DataFrame(documents, schema=["doc_id", "title", "text"], orient="row")
    candidates = truth.filter(rank >= DEPTH).head(CANDIDATES).drop("grade")
    days = [DAYS[index % len(DAYS)] for index in range(CANDIDATES)]
    shift = rng.choice([0, 0, 0, 0, 1, -1], truth.height)
    recorded = (
        truth.join(found_queries, on="query_id")
        .join(found_documents, on="doc_id")
        .sort("query_id", "doc_id")
        .select(
            "query",
            (pl.col("title") + "\n\n" + pl.col("text")).alias("passage"),
            (pl.col("grade") + pl.Series(shift)).clip(0, 3).alias("good"),
            pl.Series("poor", rng.choice(4, truth.height)),
        )
    )
    return OwnData(
        found_queries,
        found_documents,
        truth.filter(rank < DEPTH),
        candidates.with_columns(pl.Series("arrived_on", days)),
        recorded,
    )


NO_ANCHOR = {"required": False, "cap_usd": 0, "canary_pairs": 0}
"""What most tests count is sent for labels alone; test_own_data.py walks with the anchor of the template."""


def _word(rng: np.random.Generator) -> str:
    return "".join(rng.choice(_SYLLABLES, 3))


def fill(folder: Path, data: OwnData, base_url: str, *, model: str = GOOD) -> Path:
    """What README's "Your own data" asks of a person: `init`, fill the CSVs, edit the settings. Returns the latter.

    Two annotators grade every pair; the second one is a grade off now and then.
    """
    if not folder.exists():
        write_project(folder)
    write_csv(folder / "queries.csv", data.queries)
    write_csv(folder / "documents.csv", data.documents)
    second = data.graded.with_columns(
        pl.when(pl.int_range(pl.len()) % 9 == 0)
        .then((pl.col("grade") - 1).clip(0, 3))
        .otherwise("grade")
        .alias("grade")
    )
    labels = [
        part.with_columns(pl.lit(name).alias("annotator_id")) for name, part in (("a", data.graded), ("b", second))
    ]
    write_csv(folder / "human_labels.csv", pl.concat(labels))
    write_csv(folder / "evaluation.csv", data.graded)
    write_csv(folder / "candidates.csv", data.candidates)
    config = folder / "settings.yaml"
    edit(config, name="company", days={"start": DAYS[0], "end": DAYS[-1]}, candidates=[judge(model)], anchor=NO_ANCHOR)
    point_at(config, base_url)
    return config


def judge(model: str, **changes: object) -> dict[str, object]:
    """One entry of `candidates`."""
    entry = {"endpoint": "main", "models": [model], "prompts": ["prompts/plain.yaml"], "prices": {model: PRICE}}
    return entry | changes


def point_at(config: Path, base_url: str, **endpoint: object) -> None:
    """Makes ``base_url`` the project's endpoint: few requests at once, and no waiting for one that is down."""
    main = {
        "base_url": base_url,
        "api_key_env": KEY_VARIABLE,
        "concurrency": CONCURRENCY,
        "max_retries": 0,
        "patience_s": 0,
    }
    edit(config, endpoints={"main": main | endpoint})


def endpoint(config: Path) -> dict[str, object]:
    """The project's endpoint as its settings have it."""
    found: dict[str, object] = yaml.safe_load(config.read_text(encoding="utf-8"))["endpoints"]["main"]
    return found


def write_csv(path: Path, frame: pl.DataFrame) -> None:
    """Writes the file a spreadsheet would."""
    frame.write_csv(path)


def edit(config: Path, **changes: object) -> None:
    """Replaces top-level settings, as a person with an editor would; comments are lost."""
    data = yaml.safe_load(config.read_text(encoding="utf-8"))
    config.write_text(yaml.safe_dump({**data, **changes}, sort_keys=False), encoding="utf-8")


def append_rows(path: Path, rows: Iterable[Sequence[object]]) -> None:
    """Adds rows at the end of a CSV."""
    with path.open("a", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
