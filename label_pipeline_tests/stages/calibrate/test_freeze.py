"""freeze: one calibrator per collection, and a version that changes with whatever could change a grade."""

import json

import polars as pl
import pytest

from label_pipeline.core.errors import ServedModelError
from label_pipeline.core.judge import JudgeVersion
from label_pipeline.stages.calibrate import calibration_id, freeze, served_model
from label_pipeline_tests.stages import judged
from label_pipeline_tests.stages.judged import SCALE

HUMAN = [1, 2] * 60
MEMBER = {"name": "cheap", "member_hash": "m1", "endpoint": "local", "price": [1.0, 0.5, 2.0]}


def frozen(
    gold: pl.DataFrame | None = None, grades: pl.DataFrame | None = None, member: object = None, **changes: str
) -> JudgeVersion:
    """A judge that is generous by one grade."""
    texts = {"candidate": "cheap", "rubric_version": "1-abc", "model_served": "model-2026", "members": ""}
    texts["members"] = json.dumps([member or MEMBER])
    return freeze(
        judged.gold(HUMAN) if gold is None else gold,
        judged.grades([g + 1 for g in HUMAN]) if grades is None else grades,
        SCALE, **(texts | changes),
    )  # fmt: skip


def test_the_calibrator_is_fitted_on_every_pair_that_was_read() -> None:
    replies = [None if i < 6 else g + 1 for i, g in enumerate(HUMAN)]
    fit = frozen(grades=judged.grades(replies)).calibrators["main"]
    assert (fit.intercept, fit.slope) == pytest.approx((-1, 1))
    assert fit.n == len(HUMAN) - 6


def test_a_calibrator_does_not_travel() -> None:
    """The same judge, generous in one collection and severe in another."""
    gold = pl.concat([judged.gold(HUMAN), judged.gold(HUMAN, collection="mail")])
    up, down = [g + 1 for g in HUMAN], [g - 1 for g in HUMAN]
    judge = frozen(gold, pl.concat([judged.grades(up), judged.grades(down, collection="mail")]))
    assert {name: round(fit.intercept, 9) for name, fit in judge.calibrators.items()} == {"mail": 1.0, "main": -1.0}
    assert {fit.n for fit in judge.calibrators.values()} == {len(HUMAN)}
    alone = frozen()
    assert judge.calibrators["main"] == alone.calibrators["main"]  # no pair of one collection teaches the other


def test_row_order_changes_no_version() -> None:
    """Panel means and expected grades are fractions: summed in another order their last digit, and the hash, differ."""
    gold = judged.gold([(i * 0.37) % 3 for i in range(200)])
    grades = judged.grades([None if i % 40 == 0 else (i * 0.41) % 3 for i in range(200)])
    shuffled = [frame.sample(fraction=1, shuffle=True, seed=1) for frame in (gold, grades)]
    assert frozen(*shuffled).judge_version == frozen(gold, grades).judge_version


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        pytest.param(frozen(grades=judged.grades([g + 1 if i else g for i, g in enumerate(HUMAN)])), False, id="fit"),
        pytest.param(frozen(member=MEMBER | {"member_hash": "m2"}), False, id="member hash"),
        pytest.param(frozen(model_served="model-2027"), False, id="served model"),
        pytest.param(frozen(candidate="renamed"), True, id="candidate name"),
        pytest.param(frozen(member=MEMBER | {"name": "renamed"}), True, id="member name"),
        pytest.param(frozen(member=MEMBER | {"price": [9.0, 9.0, 9.0]}), True, id="price"),
    ],
)
def test_the_version_is_of_what_could_change_a_grade(changed: JudgeVersion, same: bool) -> None:
    assert (changed.judge_version == frozen().judge_version) == same


def test_a_calibration_is_named_by_gold_candidates_and_epoch() -> None:
    gold = judged.gold([0, 1, 2])
    name = calibration_id(gold, ["m1", "m2"], 0)
    assert calibration_id(gold.reverse(), ["m2", "m1"], 0) == name
    others = [
        calibration_id(judged.gold([0, 1, 3]), ["m1", "m2"], 0),
        calibration_id(judged.gold([0, 1]), ["m1", "m2"], 0),
        calibration_id(gold, ["m1", "m3"], 0),
        calibration_id(gold, ["m1", "m2"], 1),
    ]
    assert len({name, *others}) == 5


def test_one_model_gave_every_grade() -> None:
    unread = judged.judgements([None, None], model_reported="another")
    judgements = pl.concat([judged.judgements([1, 2, 3], model_reported="model-2026-08"), unread])
    assert served_model(judgements, "cheap") == "model-2026-08"
    assert served_model(unread, "cheap") is None


def test_two_models_in_one_calibration_are_named_with_what_to_do() -> None:
    judgements = pl.concat(
        [judged.judgements([1, 2, 3], model_reported="m-09"), judged.judgements([0] * 4, model_reported="m-08")]
    )
    with pytest.raises(ServedModelError) as caught:
        served_model(judgements, "cheap")
    assert str(caught.value) == (
        "candidate 'cheap' was served by 2 models in one calibration: m-08 (4 grades) and m-09 (3 grades); a judge is "
        "one model: name a dated model in candidates, or take the other out of served_as, and calibrate again with "
        "`fresh: true` (label-pipeline run --fresh)"
    )
