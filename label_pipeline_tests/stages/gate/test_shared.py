"""Looks at the same texts under another collection's name: a new name gives none back."""

from collections.abc import Iterable

import polars as pl
import pytest

from label_pipeline.core.codes.verdicts import RECERTIFY
from label_pipeline.stages.gate import looks_elsewhere
from label_pipeline_tests.sql import frames


def held(collection: str, texts: Iterable[int], **changes: object) -> list[dict[str, object]]:
    """Holdout queries of these texts."""
    return [
        {"collection": collection, "query_id": f"{collection} {text}", "split": "holdout", "text_key": f"1:{text}"}
        | changes
        for text in texts
    ]


def splits(*groups: list[dict[str, object]]) -> pl.DataFrame:
    return frames.rows("splits", *(row for group in groups for row in group))


def looks(**taken: int) -> pl.DataFrame:
    return frames.rows(
        "holdout_looks",
        *(
            {"collection": name, "verdict_id": f"{name}{n}", "look": n + 1}
            for name, count in taken.items()
            for n in range(count)
        ),
    )


@pytest.mark.parametrize(
    ("queries", "taken", "expected"),
    [
        # renamed: every look counts
        (held("old", range(10)), {"old": 4}, 4),
        # renamed twice: the looks under both names
        (held("old", range(10)) + held("older", range(10)), {"old": 2, "older": 2}, 4),
        # put together of two halves: of the half that was looked at more often
        (held("de", range(5)) + held("fr", range(5, 10)), {"de": 3, "fr": 1}, 3),
        # a shared query or two spends nothing, and neither does another project's text
        (held("old", (0, 1, 90, 91)), {"old": 5}, 0),
        (held("old", range(10), task="other"), {"old": 5}, 0),
        # a retired holdout of the other name was looked at too; what it has never been asked about was not
        (held("old", range(10), split="dev", retired=1), {"old": 2}, 2),
        (held("old", range(10), split="dev"), {"old": 2}, 0),
        # a query whose text is not known is nobody else's
        (held("old", range(10), text_key=None), {"old": 2}, 0),
    ],
)
def test_of_every_query_the_looks_that_showed_it(
    queries: list[dict[str, object]], taken: dict[str, int], expected: int
) -> None:
    assert looks_elsewhere(looks(**taken), splits(held("new", range(10)), queries), "new") == expected


def test_its_own_looks_are_counted_elsewhere_and_lanes_apart() -> None:
    both = splits(held("new", range(10)), held("old", range(10)))
    assert looks_elsewhere(looks(new=3), both, "new") == 0
    assert looks_elsewhere(looks(old=3), both, "new", RECERTIFY) == 0
    assert looks_elsewhere(looks(old=3).with_columns(lane=pl.lit(RECERTIFY)), both, "new", RECERTIFY) == 3


def test_a_holdout_that_was_renewed_since_was_shown_in_none_of_its_looks() -> None:
    """Five looks at the old name's first holdout; the new name has the texts of its second."""
    both = splits(held("new", range(10)), held("old", range(10)), held("old", range(20, 30), split="dev", retired=1))
    assert looks_elsewhere(looks(old=5), both, "new") == 0
