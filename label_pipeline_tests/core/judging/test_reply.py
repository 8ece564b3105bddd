import math

import pytest

from label_pipeline.core.judging.reply import read_reply
from label_pipeline.core.ports import TokenChoice
from label_pipeline.core.scale import Scale
from label_pipeline_tests.core.judging.scripted import reply

FOUR = Scale(0, 3)


@pytest.mark.parametrize(
    "content",
    [
        '{"rationale": "r", "grade": 2}',
        '  \n{"grade": 2, "rationale": "r"}\n',
        '```json\n{"rationale": "r", "grade": 2}\n```',
        '```\n{"rationale": "r", "grade": 2}\n```',
        '{"rationale": "r", "grade": 2, "extra": []}',
    ],
)
def test_one_json_object_is_read(content: str) -> None:
    reading = read_reply(reply(content=content), FOUR)
    assert (reading.outcome, reading.grade, reading.rationale, reading.detail) == ("graded", 2, "r", None)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "empty"),
        ("", "empty"),
        ("The grade is 2.", "not one JSON object"),
        ('I think {"grade": 2}', "not one JSON object"),  # prose around it: which object would count?
        ('{"grade": 1} {"grade": 3}', "not one JSON object"),
        ('{"rationale": "r", "grade": 2', "not one JSON object"),
        ('{"grade": 0, "grade": 3}', "repeats a field"),
        ("[2]", "JSON list"),
        ("2", "JSON int"),
        ('{"rationale": "r"}', "no field `grade`"),
        ('{"grade": "3"}', "type str"),
        ('{"grade": 2.5}', "type float"),
        ('{"grade": 2.0}', "type float"),
        ('{"grade": true}', "type bool"),
        ('{"grade": null}', "type NoneType"),
        ('{"grade": [2]}', "type list"),
        ("[" * 100_000, "not one JSON object"),  # too deep for the parser
        ('{"grade": ' + "9" * 5000 + "}", "not one JSON object"),  # too long for an int
    ],
)
def test_anything_else_is_malformed(content: str | None, words: str) -> None:
    reading = read_reply(reply(content=content), FOUR)
    assert reading.outcome == "malformed"
    assert reading.grade is None
    assert words in str(reading.detail)


@pytest.mark.parametrize("grade", [4, -1, 5, 10**30])
def test_a_grade_outside_the_scale_is_never_clipped(grade: int) -> None:
    reading = read_reply(reply(grade), FOUR)
    assert (reading.outcome, reading.grade, reading.rationale) == ("out_of_scale", None, "because")


def test_a_cut_reply_is_cut_even_if_it_reads_well() -> None:
    assert read_reply(reply(finish_reason="length"), FOUR).outcome == "cut"


def test_a_refusal_is_a_refusal_in_both_spellings() -> None:
    assert read_reply(reply(refusal="I cannot"), FOUR).outcome == "refused"
    assert read_reply(reply(finish_reason="content_filter"), FOUR).outcome == "refused"


def test_a_detail_quotes_nothing_of_the_reply() -> None:
    for content in ("secret words", '{"grade": "secret"}', '{"secret": 1}'):
        assert "secret" not in str(read_reply(reply(content=content), FOUR).detail)


def test_a_rationale_no_file_could_hold_is_made_storable() -> None:
    reading = read_reply(reply(content='{"rationale": "a\\ud800b", "grade": 1}'), FOUR)
    assert reading.grade == 1
    assert str(reading.rationale).encode() == b"a?b"


def written(grade: str, alternatives: dict[str, float], after: tuple[str, ...] = ("}",)) -> tuple[TokenChoice, ...]:
    """Tokens of a reply whose grade token had these probabilities; an earlier "3" stands in the rationale."""
    options = tuple((token, math.log(p)) for token, p in alternatives.items())
    early = TokenChoice(" 3", ((" 3", math.log(0.99)),))
    rest = [TokenChoice(token, ((token, 0.0),)) for token in after]
    return (TokenChoice("hops", ()), early, TokenChoice('":', ()), TokenChoice(grade, options), *rest)


def test_the_expected_grade_comes_from_the_last_grade_token_renormalised() -> None:
    # mass .5 + .3 + .12 + .04 = .96; (2*.54 + 1*.3 + 3*.12) / .96
    tokens = written("2", {"2": 0.5, "1": 0.3, "3": 0.12, " 2": 0.04, "x": 0.04})
    reading = read_reply(reply(2, tokens=tokens), FOUR)
    assert reading.grade_mass == pytest.approx(0.96)
    assert reading.expected_grade == pytest.approx((2 * 0.54 + 0.3 + 0.36) / 0.96)
    assert reading.grade == 2


@pytest.mark.parametrize(
    ("tokens", "mass"),
    [
        ((), None),
        (written("2", {"2": 0.5, "x": 0.5}), 0.5),  # half the distribution is no grade
        (written("2", {"2": 0.95}, after=(', "note": "', "fine", '"}')), None),  # the grade is not the last thing
        (written("1", {"1": 0.95}), None),  # the token is not the grade that was read
    ],
)
def test_without_a_trustworthy_distribution_there_is_no_expected_grade(
    tokens: tuple[TokenChoice, ...], mass: float | None
) -> None:
    reading = read_reply(reply(2, tokens=tokens), FOUR)
    assert reading.outcome == "graded"
    assert reading.expected_grade is None
    assert reading.grade_mass == (None if mass is None else pytest.approx(mass))


def test_grades_of_two_digits_count_only_where_the_tokeniser_has_them() -> None:
    ten = Scale(0, 10)
    whole = read_reply(reply(10, tokens=written("10", {"10": 0.6, "9": 0.2, "1": 0.2})), ten)
    assert whole.expected_grade == pytest.approx(0.6 * 10 + 0.2 * 9 + 0.2)
    # "1" may be the beginning of "10", and nothing shows that the tokeniser writes "10" at once.
    assert read_reply(reply(1, tokens=written("1", {"1": 0.7, "2": 0.3})), ten).expected_grade is None
    # No grade begins with 7 or 8 but themselves.
    assert read_reply(reply(7, tokens=written("7", {"7": 0.7, "8": 0.3})), ten).expected_grade == pytest.approx(7.3)
    # "1", "0": the last grade token is "0", the grade is 10.
    pieces = (TokenChoice("1", (("1", 0.0),)), TokenChoice("0", (("0", 0.0),)), TokenChoice("}", ()))
    assert read_reply(reply(10, tokens=pieces), ten).expected_grade is None
