"""The page's section on drift: what the detectors make of judges whose change is known.

A pure function of the findings. Keep out: simulating (drift.py).
"""

from collections.abc import Sequence

from label_pipeline.stages.anchor.thresholds import DEFAULT
from label_pipeline_tests.results.drift import BASELINE_RUNS, COMBINED, DETECTORS, ITEMS, WEEKS, YEARS, Detection
from label_pipeline_tests.results.sentences import item, text
from label_pipeline_tests.results.tables import table

HEADINGS = {
    "e-process": "e-process", "jump": "weekly jump", "flips": "flips", "any": "any of the three",
    "suspended": "suspended",
}  # fmt: skip


def section(found: Sequence[Detection]) -> list[str]:
    """Heading, set-up, table and what it says."""
    healthy = found[0]
    return [
        "## 5. Drift, simulated",
        text(
            f"Nobody knows when a real judge changed, so this part is simulated: grades 1 to 5, an anchor of {ITEMS} "
            f"pairs, a judge of calibrated MSE .54 that gives another grade to .24 of the pairs when asked again, "
            f"{BASELINE_RUNS} baseline runs, then one run a week for {WEEKS} weeks; {YEARS} such years a row, with the "
            f"functions the anchor uses. Tolerated is a rise of {DEFAULT.delta * 16:.2f} MSE. A cell is the share of "
            "years with an alarm, and in brackets the median run of the first one, counted from the change."
        ),
        drift_table(found),
        "\n".join(
            (
                item(f"A healthy judge is suspended in {healthy.share('suspended'):.1%} of years; the e-process alone "
                     f"alarms in {healthy.share('e-process'):.1%}. Only it suspends by itself; a jump does when the "
                     "run it asks for jumps again and both are together beyond the tolerance."),
                item(f"Jump and flips only ask for one more run. They do so in {healthy.share('jump'):.1%} and "
                     f"{healthy.share('flips'):.1%} of healthy years."),
                item("The rise is the mean over years. Each anchor is its own 300 pairs, and one change costs more on "
                     "some than on others; a model as good over all pairs can be worse on one anchor beyond the "
                     "tolerance."),
                item("*located*: in the years that end in a suspension, how often the estimated change is exactly the "
                     "first changed run, on the evidence of that day. Labels since then are recalled."),
            )
        ),
    ]  # fmt: skip


def drift_table(found: Sequence[Detection]) -> str:
    """One row per kind of change."""
    names = (*DETECTORS, *COMBINED)
    rows = [
        (each.change.name, f"{each.mse + 0.0:+.3f}", *(_cell(each, name) for name in names),
         "–" if each.located != each.located else f"{each.located:.1%}")
        for each in found
    ]  # fmt: skip
    return table(("judge", "rise of the MSE", *(HEADINGS[name] for name in names), "located"), rows)


def _cell(found: Detection, detector: str) -> str:
    share = f"{found.share(detector):.1%}"
    return share if found.share(detector) == 0 else f"{share} ({found.median(detector):.0f})"
