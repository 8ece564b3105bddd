"""Which labels lie outside the human seed, and in what."""

import json

import polars as pl
import pytest

from label_pipeline.stages.amplify import outside_seed

SCHEMA = {
    "grade": pl.Float64, "characters": pl.Int64,
    "source": pl.String, "language": pl.String, "query_language": pl.String,
}  # fmt: skip
SEED = [(0.0, 100, "wiki", "en", "en"), (2.4, 900, "mail", None, "en"), (None, 400, "wiki", "en", "de")]
INSIDE = (2.0, 500, "mail", "en", "en")


def frame(rows: list[tuple[object, ...]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def beyond(*row: object, seed: list[tuple[object, ...]] | None = None) -> list[str]:
    found = outside_seed(frame([row]), frame(list(SEED if seed is None else seed)))
    assert found.name == "outside_seed"
    return list(json.loads(found[0]))


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (0, 2.0, []), (0, 0.4, []), (0, 1.0, ["grade"]), (0, 2.5, ["grade"]), (0, 3.0, ["grade"]),
        (1, 100, []), (1, 900, []), (1, 99, ["length"]), (1, 901, ["length"]), (1, None, ["length"]),
        (2, "wiki", []), (2, "chat", ["source"]), (2, None, ["source"]),
        (3, None, []), (3, "fr", ["language"]),
        (4, "de", []), (4, None, ["language"]),
    ],
)  # fmt: skip
def test_one_thing_changed(place: int, value: object, words: list[str]) -> None:
    row: list[object] = list(INSIDE)
    row[place] = value
    assert beyond(*row) == words


def test_everything_at_once_stands_in_one_order() -> None:
    assert beyond(1.0, 5000, "chat", "fr", "fr") == ["grade", "length", "language", "source"]


def test_a_collection_without_a_seed_covers_nothing() -> None:
    assert beyond(*INSIDE, seed=[]) == ["grade", "length", "language", "source"]


def test_rows_stay_in_their_order() -> None:
    found = outside_seed(frame([INSIDE, (1.0, *INSIDE[1:]), INSIDE]), frame(list(SEED)))
    assert found.to_list() == ["[]", '["grade"]', "[]"]
