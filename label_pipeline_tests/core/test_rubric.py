from copy import deepcopy
from typing import Any

import pytest

from label_pipeline.core.errors import PromptError
from label_pipeline.core.rubric import parse_rubric
from label_pipeline.core.scale import Scale

GOOD: dict[str, Any] = {
    "name": "relevance",
    "version": 2,
    "task": "Grade how well the document answers the query.",
    "scale": {"lo": 0, "hi": 2},
    "grades": [
        {"grade": 2, "title": "answers", "definition": "It answers it.", "examples": ["vpn / how to get vpn"]},
        {"grade": 0, "title": "irrelevant", "definition": "It is about something else."},
        {"grade": 1, "title": "related", "definition": "It is on the topic."},
    ],
    "edge_cases": ["An outdated answer is related."],
}


def test_a_rubric_renders_to_exactly_this_text() -> None:
    rubric = parse_rubric(GOOD, "rubric.yaml")
    assert rubric.scale == Scale(0, 2)
    assert rubric.version == "2"
    assert rubric.render() == (
        "Grade how well the document answers the query.\n"
        "\n"
        "Grades: whole numbers from 0 to 2.\n"
        "0 = irrelevant: It is about something else.\n"
        "1 = related: It is on the topic.\n"
        "2 = answers: It answers it.\n"
        "    Example: vpn / how to get vpn\n"
        "\n"
        "Edge cases:\n"
        "- An outdated answer is related."
    )


def changed(path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    data = deepcopy(GOOD)
    place: Any = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return data


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), "3"),
        (("task",), "Grade it."),
        (("grades", 1, "definition"), "Other."),
        (("grades", 2, "title"), "near"),
        (("grades", 0, "examples"), []),
        (("edge_cases",), []),
    ],
)
def test_every_word_of_the_content_is_in_the_hash(path: tuple[str | int, ...], value: object) -> None:
    assert parse_rubric(changed(path, value), "r").version_hash != parse_rubric(GOOD, "r").version_hash


def test_name_and_order_are_not_in_the_hash() -> None:
    reordered = {**dict(reversed(GOOD.items())), "name": "other", "grades": GOOD["grades"][::-1]}
    rubric = parse_rubric(reordered, "r")
    assert rubric.version_hash == parse_rubric(GOOD, "r").version_hash
    assert len(rubric.version_hash) == 12


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("task",), None, "task is missing"),
        (("name",), "  ", "name is str"),
        (("grades", 1, "title"), False, r"grades\[1\]: title is bool False"),  # YAML's `title: No`
        (("grades", 1, "grade"), True, r"grades\[1\]: grade is bool True"),
        (("grades", 1, "grade"), "0", r"grades\[1\]: grade is str '0'"),
        (("grades", 1, "grade"), 1, "defines grade 0 0 times"),
        (("grades", 1, "grade"), 3, "defines grade 0 0 times"),
        (("scale", "hi"), 1, r"defines \[2\], outside scale 0 to 1"),
        (("scale", "hi"), 0, "hi above lo"),
        (("scale",), "0-3", "scale is str"),
        (("grades",), "none", "grades is str"),
        (("grades", 0), "two", r"grades\[0\] is str"),
        (("grades", 0, "definiton"), "x", "did you mean definition"),
        (("edge_case",), [], "did you mean edge_cases"),
        (("edge_cases",), ["ok", 3], r"edge_cases\[1\] is int 3"),
        (("scale", "low"), 0, "did you mean lo"),
    ],
)
def test_a_bad_rubric_is_refused_by_the_name_of_the_field(
    path: tuple[str | int, ...], value: object, words: str
) -> None:
    with pytest.raises(PromptError, match=words) as caught:
        parse_rubric(changed(path, value), "rubric.yaml")
    assert str(caught.value).startswith("rubric.yaml")


def test_a_grade_defined_twice_is_refused() -> None:
    twice = {**GOOD, "grades": [*GOOD["grades"], GOOD["grades"][0]]}
    with pytest.raises(PromptError, match="grade 2 2 times"):
        parse_rubric(twice, "r")
