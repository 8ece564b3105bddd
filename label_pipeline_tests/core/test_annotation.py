"""What people answer, as words and as grades."""

import pytest

from label_pipeline.core.annotation import CANNOT_JUDGE, choices, read_grade
from label_pipeline.core.rubric import GradeDefinition, Rubric
from label_pipeline.core.scale import Scale

SCALE = Scale(-1, 10)


@pytest.mark.parametrize(
    ("answer", "grade"),
    [
        ("2", 2), (" 2.0 ", 2), ("2,0", 2), ("2 = highly relevant", 2), ("10 = a = b\nc", 10), ("-1", -1),
        ("cannot judge", None), ("Cannot Judge ", None), ("cannot_judge", None),
    ],
)  # fmt: skip
def test_a_grade_is_read_however_a_tool_writes_it(answer: str, grade: int | None) -> None:
    assert read_grade(answer, SCALE) == grade


@pytest.mark.parametrize("answer", ["", "11", "-2", "2.5", "two", "2 or 3", "23 relevant", "= 2", "2025-01-01"])
def test_anything_else_is_no_grade(answer: str) -> None:
    with pytest.raises(ValueError, match=r"is no grade; expected a whole number -1 to 10 or 'cannot judge'"):
        read_grade(answer, SCALE)


def test_every_choice_offered_is_read_back_as_its_grade() -> None:
    rubric = Rubric("r", "1", "t", Scale(0, 1), (GradeDefinition(0, "no = 1", "d"), GradeDefinition(1, "yes", "d")))
    assert [read_grade(choice, rubric.scale) for choice in choices(rubric)] == [0, 1, None]
    assert choices(rubric)[-1] == CANNOT_JUDGE
