"""Writes the sample queries: one question each about one topic, sometimes about a special case, often by code name."""

from typing import NamedTuple

import numpy as np

from label_pipeline.rehearsal.draws import Draws
from label_pipeline.rehearsal.world_facets import FACETS
from label_pipeline.rehearsal.world_phrases import DETAILS, details_of
from label_pipeline.rehearsal.world_vocabulary import TOPICS


class WorldQuery(NamedTuple):
    """One query and what the person truly wants.

    Attributes:
        topic: index into ``TOPICS``.
        facet: key of ``FACETS``.
        detail: index into ``DETAILS``, or None.
        by_code: the topic is named by its code name only.
    """

    query_id: str
    text: str
    language: str
    topic: int
    facet: str
    detail: int | None
    by_code: bool


def generate_queries(rng: np.random.Generator, n: int) -> tuple[WorldQuery, ...]:
    """``n`` queries about different (topic, facet) pairs, 30 % German, 40 % by code name, 60 % with a special case.

    Raises:
        ValueError: when there are fewer than ``n`` (topic, facet) pairs.
    """
    draws, facets = Draws(rng, block=1 << 10), tuple(FACETS)
    chosen = rng.choice(len(TOPICS) * len(facets), size=n, replace=False)
    queries = []
    for i, code in enumerate(chosen.tolist()):
        topic, facet = code // len(facets), facets[code % len(facets)]
        language = "de" if draws.chance(0.3) else "en"
        by_code = draws.chance(0.4)
        detail = draws.pick(details_of(topic)) if draws.chance(0.6) else None
        name = TOPICS[topic].code if by_code else TOPICS[topic].names[language]
        typed = "" if detail is None else DETAILS[detail].typed[language]
        if draws.chance(0.4):
            text = draws.pick(FACETS[facet].questions[language]).format(t=name, d=typed)
        else:
            text = f"{name} {draws.pick(FACETS[facet].keywords[language])} {typed}".lower()
        text = " ".join(text.split()).replace(" ?", "?").replace(" ,", ",")
        queries.append(WorldQuery(f"q{i + 1:03d}", text, language, topic, facet, detail, by_code))
    return tuple(queries)
