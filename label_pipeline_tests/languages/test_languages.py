import pytest

from label_pipeline_tests.languages.__main__ import PAGE, by_language
from label_pipeline_tests.languages.finding import FOLDER, LANGUAGES, Answered, answered, parallel
from label_pipeline_tests.languages.page import page

SOUND = 0.9
"""English has .98 of 24; one question that finds nothing and one at place 2 cost .06."""


@pytest.fixture(scope="module")
def found() -> dict[str, tuple[Answered, Answered]]:
    return by_language()


def test_every_language_has_the_same_documents_and_questions() -> None:
    assert {path.stem for path in FOLDER.glob("*.tsv")} == set(LANGUAGES)
    assert {len(side) for code in LANGUAGES for side in parallel(code)} == {24}


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_question_finds_its_document_in_any_script(found: dict[str, tuple[Answered, Answered]], code: str) -> None:
    old, new = found[code]
    assert new.mrr >= max(SOUND, old.mrr)
    assert new.nothing_found == 0


def test_the_first_tokeniser_found_nothing_in_chinese_and_japanese(found: dict[str, tuple[Answered, Answered]]) -> None:
    assert {code for code, (old, _) in found.items() if old.mrr < 0.1} == {"zh", "ja"}


def test_the_mean_reciprocal_rank_is_that_of_three_questions_answered_by_hand() -> None:
    documents = ["red fox", "fox fox fox", "cat"]
    # "fox" is in document 1 three times, so document 0 is second; "dog" finds nothing
    assert answered(documents, ["fox", "fox", "dog"], 2) == Answered((1 / 2 + 1 + 0) / 3, 1, 3)


def test_the_page_is_what_was_found(found: dict[str, tuple[Answered, Answered]]) -> None:
    assert PAGE.read_text(encoding="utf-8") == page(found), "run `make languages`"
