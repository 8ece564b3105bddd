"""docs/endpoints.md as text. Keep out: asking anybody."""

from collections.abc import Sequence

import yaml

from label_pipeline.rehearsal.behaviours import Behaviour

HEAD = """# Endpoints

Written by `make endpoints` (`python -m label_pipeline_tests.dialects`); do not edit it by hand, a test compares it.
How real endpoints differ from OpenAI's, one behaviour a row and a file (`label_pipeline/rehearsal/endpoints/`; adding
one is adding a file). Every test run speaks each of the {n} on a local server and asks three pairs there through
client and engine, with the settings named here; what then happens is the column **works**. No real endpoint is asked:
a body is **recorded** where the source quotes it, and **written** by us where the source only describes it, or where
none is known; a row says so where its source was not opened.

| Endpoint | Behaviour | Settings | Works | Lost | Body | Source |
|---|---|---|---|---|---|---|
"""

WORKS = {
    "complete": "yes",
    "stopped": "no: the run ends with the endpoint's words",
    "gone": "no: the run ends without a usable answer",
    "other_model": "no: another model's name",
}


def page(found: Sequence[Behaviour]) -> str:
    """The whole file."""
    rows = sorted(found, key=lambda one: (one.endpoint.casefold(), one.name))
    return HEAD.format(n=len(found)) + "".join(map(_row, rows))


def _row(one: Behaviour) -> str:
    settings = yaml.safe_dump(dict(one.settings), default_flow_style=True, width=1000).strip()[1:-1]
    outcomes = one.expected.outcomes
    other = sorted(set(outcomes) - {"graded"}) if one.expected.ends == "complete" else []
    works = WORKS[one.expected.ends]
    if other:
        works = f"{outcomes.count('graded')} of 3; else `{', '.join(other)}`"
    cells = (
        one.endpoint, one.says, f"`{settings}`" if settings else "none", works, one.lost or "nothing", one.body,
        _linked(one.source),
    )  # fmt: skip
    return "| " + " | ".join(cell.replace("|", "\\|").replace("<think>", "`<think>`") for cell in cells) + " |\n"


def _linked(source: str | None) -> str:
    return "none" if source is None else f"[{source.removeprefix('https://').split('/')[0]}]({source})"
