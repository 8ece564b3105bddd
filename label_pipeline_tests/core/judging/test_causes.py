from label_pipeline.core.codes.outcomes import GRADED, OUTCOMES
from label_pipeline.core.judging.causes import WHAT_TO_DO


def test_whoever_reads_of_an_outcome_is_told_what_to_do() -> None:
    assert set(WHAT_TO_DO) == set(OUTCOMES) - {GRADED}
    assert all(sentence for sentence in WHAT_TO_DO.values())
