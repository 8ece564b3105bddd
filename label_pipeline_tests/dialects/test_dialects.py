from collections.abc import Iterator
from pathlib import Path

import pytest

from label_pipeline.core.judging.misfits import refused
from label_pipeline.rehearsal.behaviours import Behaviour, behaviours
from label_pipeline_tests.dialects.__main__ import PAGE
from label_pipeline_tests.dialects.meeting import every_behaviour, meet, member_of, models
from label_pipeline_tests.dialects.page import page

FOUND = {one.name: one for one in behaviours()}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with every_behaviour() as url:
        yield url


def test_every_behaviour_names_its_source_and_whether_its_body_was_recorded() -> None:
    assert len(FOUND) >= 40
    for one in FOUND.values():
        assert (one.source or "https://").startswith("https://"), one.name
        assert (one.source is None) == ("no public record" in one.body), one.name
        assert one.body.split()[0].rstrip(";") in {"recorded", "written", "taken"}, one.name


@pytest.mark.outside
@pytest.mark.parametrize("name", FOUND)
def test_what_becomes_of_three_pairs_is_what_the_file_says(server: str, tmp_path: Path, name: str) -> None:
    one = FOUND[name]
    met, expected = meet(server, one, tmp_path, one.settings), one.expected
    if met.judging is None:
        assert met.error is not None
        ends = "stopped" if type(met.error).__name__ == "ProviderRejectedError" else "gone"
        assert (ends, (), "nothing") == (expected.ends, expected.outcomes, expected.booked), str(met.error)
        said = str(met.error)
    else:
        rows = met.judging.judgements
        assert tuple(rows["outcome"]) == expected.outcomes, rows["detail"].to_list()
        assert met.judging.outcome == expected.ends
        booked = "estimated" if met.judging.estimated else "counted" if met.judging.cost_usd else "nothing"
        assert booked == expected.booked
        assert rows["expected_grade"].is_not_null().any() == expected.probabilities
        said = met.judging.sentence
    assert (expected.says or "") in said


@pytest.mark.outside
@pytest.mark.parametrize("name", [name for name, one in FOUND.items() if one.misfit])
def test_under_plain_settings_the_refusal_names_the_key_to_change(server: str, tmp_path: Path, name: str) -> None:
    one = FOUND[name]
    met = meet(server, one, tmp_path, {})
    rows = [] if met.judging is None else met.judging.judgements.rows(named=True)
    assert {row["outcome"] for row in rows} <= {"rejected"}, "nothing was graded"
    words = str(met.error) if met.error else rows[0]["detail"]
    found = refused(member_of(one, tmp_path, {}), words)
    assert {found.endpoint_field: found.value} == one.misfit, words


@pytest.mark.outside
@pytest.mark.parametrize("name", [name for name, one in FOUND.items() if one.models is not None])
def test_its_list_of_models_is_read(server: str, tmp_path: Path, name: str) -> None:
    assert models(server, FOUND[name], tmp_path) == FOUND[name].models


def test_the_page_is_what_the_files_say() -> None:
    found: tuple[Behaviour, ...] = tuple(FOUND.values())
    assert PAGE.read_text(encoding="utf-8") == page(found), "run `make endpoints`"
