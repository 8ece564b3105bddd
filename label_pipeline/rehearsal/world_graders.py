"""The people who grade: five annotators with their own bias, noise and slips, and one expert."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from label_pipeline.core.scale import Scale
from label_pipeline.rehearsal.draws import Draws
from label_pipeline.rehearsal.world_documents import Document
from label_pipeline.rehearsal.world_queries import WorldQuery


class Annotator(NamedTuple):
    """One grader; ``bias`` and ``noise`` (standard deviation) in spans of the scale; ``slips``: share of misreads."""

    annotator_id: str
    bias: float
    noise: float
    slips: float


ANNOTATORS: tuple[Annotator, ...] = (
    Annotator("ann-1", 0.00, 0.08, 0.02),
    Annotator("ann-2", 0.05, 0.09, 0.03),
    Annotator("ann-3", -0.05, 0.08, 0.02),
    Annotator("ann-4", 0.03, 0.11, 0.05),
    Annotator("ann-5", -0.02, 0.10, 0.03),
)
EXPERT = Annotator("expert", 0.0, 0.05, 0.0)
PER_PAIR = 3


def grades_of(
    annotator: Annotator, relevance: NDArray[np.float64], scale: Scale, rng: np.random.Generator
) -> NDArray[np.int64]:
    """One grader's grades: relevance + bias + noise on the scale, rounded; a slip is any grade at all.

    Args:
        annotator: who grades.
        relevance: latent relevance in [0, 1], shape (pairs,).
        scale: grades to choose from.
        rng: chance.

    Returns:
        Grades, shape (pairs,).
    """
    seen = relevance + annotator.bias + rng.normal(0, annotator.noise, relevance.shape)
    graded = np.clip(np.rint(scale.lo + scale.span * seen), scale.lo, scale.hi).astype(np.int64)
    slip = rng.random(relevance.shape) < annotator.slips
    return np.where(slip, rng.integers(scale.lo, scale.hi + 1, relevance.shape), graded)


def panel(n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Which three of the five grade each of ``n`` pairs, shape (n, 3), every row without repeats."""
    order = rng.random((n, len(ANNOTATORS))).argsort(axis=1)
    return np.sort(order[:, :PER_PAIR], axis=1)


_REMARKS: dict[str, Sequence[str]] = {
    "answers": ("Answers the question directly.", "Exactly what was asked.", "Says it in one sentence."),
    "partly": ("Helps, but not the whole answer.", "Answers part of it.", "Right subject, general case only."),
    "topic": ("Right topic, another question.", "About the same thing, but does not answer.", "Only mentions it."),
    "off": ("Different topic.", "Nothing to do with the question.", "Not about this at all."),
    "missed": ("Did not find it in the text.", "Seems unrelated to me.", "I see no connection."),
}


def rationale(query: WorldQuery, document: Document, grade: int, scale: Scale, draws: Draws) -> str:
    """A short reason that fits the grade given (not the truth)."""
    share = (grade - scale.lo) / scale.span
    same = query.topic == document.topic
    if share < 0.17:
        kind = "missed" if same else "off"
    else:
        kind = "topic" if share < 0.5 else "partly" if share < 0.84 else "answers"
    remark = draws.pick(_REMARKS[kind])
    if same and document.language != query.language and draws.chance(0.5):
        remark += " Wrong language for this reader."
    elif same and document.created_on.year < 2024 and draws.chance(0.4):
        remark += f" Dated {document.created_on.year}."
    return remark
