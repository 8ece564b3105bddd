"""What to do about requests that gave no grade, by outcome: which are asked again by themselves, and how the rest is.

Keep out: what an outcome is (core/codes/outcomes.py).
"""

from collections.abc import Mapping

from label_pipeline.core.codes import outcomes

WHAT_TO_DO: Mapping[str, str] = {
    outcomes.FAILED: "no answer came: the next run of the day asks again by itself",
    outcomes.OVER_CAP: "not sent: raise the cap and run the day again",
    outcomes.WRONG_MODEL: "no grade of it counts: see `served_as`, or calibrate and certify again",
    outcomes.REJECTED: "final for this text: shorten or correct the document, whose new version is asked again",
    outcomes.UNANSWERABLE: "counted as ungraded after so many runs: `unanswered_runs` of the endpoint",
    outcomes.REFUSED: "final: the model, or its filter, does not grade this text",
    outcomes.MALFORMED: "final for this judge version: it is what was certified, unreadable replies included",
    outcomes.CUT: "final for this judge version: a higher max_tokens is another judge, to be certified",
    outcomes.OUT_OF_SCALE: "final for this judge version: it is what was certified, such replies included",
}
"""By outcome, what becomes of it and who must do something."""
