"""Simulated judges: they read the text they received and answer from it, each with its own weaknesses.

A pure function of the exact request body and the model's seed.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import NormalDist

from label_pipeline.rehearsal.completion import json_reply
from label_pipeline.rehearsal.protocol import ChatRequest, ModelAnswer
from label_pipeline.rehearsal.recognition import SourceIndex, SourceMatch
from label_pipeline.rehearsal.text_measures import Measures, measure
from label_pipeline.rehearsal.words import words
from label_pipeline.rehearsal.world import SampleWorld

LASTING_NOISE, PASSING_NOISE = 0.8, 0.6
"""Shares of a model's noise (sd, squares add to 1) that stick to a pair of texts, and that change with the body."""
LOST, WHOLE = 0.1, 0.8
"""Share of a document's shingles at which nothing of it, and all of it, is understood."""
LEAST_QUERY_KEPT = 0.5


@dataclass(frozen=True)
class SimulatedSpec:
    """One simulated model. Effects are in units of the scale's span, so 0.1 is 0.3 of a grade on 0-3.

    Attributes:
        name: the id to ask for.
        noise: standard deviation of its error.
        leniency: added to every opinion.
        length_bias: added for every standard deviation of log word count.
        overlap_bias: added for full word overlap, against none.
        stuffing_susceptibility: added when half of the text is query words.
        injection_susceptibility: added when the text gives instructions.
        misread_rate: share of code-name queries taken literally.
        malformed_rate: share of replies that are not the JSON asked for.
        refusal_rate: share of refusals.
        upside_down: it takes the lowest grade for the best: right in everything but the way round.
        served_as: id reported back, default the name.
        fingerprint: system_fingerprint reported back.
        seed: of its noise.
        input_usd_per_million: list price, informative only.
        output_usd_per_million: list price, informative only.
    """

    name: str
    noise: float = 0.1
    leniency: float = 0.0
    length_bias: float = 0.0
    overlap_bias: float = 0.0
    stuffing_susceptibility: float = 0.0
    injection_susceptibility: float = 0.0
    misread_rate: float = 0.0
    malformed_rate: float = 0.0
    refusal_rate: float = 0.0
    upside_down: bool = False
    served_as: str | None = None
    fingerprint: str = "fp_rehearsal_1"
    seed: int = 0
    input_usd_per_million: float = 0.0
    output_usd_per_million: float = 0.0


SAMPLE_MODELS: tuple[SimulatedSpec, ...] = (
    SimulatedSpec(
        "rehearsal-large", noise=0.12, leniency=0.03, overlap_bias=0.03, stuffing_susceptibility=0.05,
        injection_susceptibility=0.05, misread_rate=0.02, malformed_rate=0.001, served_as="rehearsal-large-2026-08",
        seed=11, input_usd_per_million=2.0, output_usd_per_million=8.0,
    ),
    SimulatedSpec(
        "rehearsal-medium", noise=0.19, leniency=0.08, length_bias=0.01, overlap_bias=0.08, stuffing_susceptibility=0.2,
        injection_susceptibility=0.2, misread_rate=0.10, malformed_rate=0.002, served_as="rehearsal-medium-2026-08",
        seed=12, input_usd_per_million=0.4, output_usd_per_million=1.6,
    ),
    SimulatedSpec(
        "rehearsal-small", noise=0.42, leniency=0.15, length_bias=0.05, overlap_bias=0.15, stuffing_susceptibility=0.5,
        injection_susceptibility=0.6, misread_rate=0.45, malformed_rate=0.006, refusal_rate=0.002, seed=13,
        input_usd_per_million=0.05, output_usd_per_million=0.2,
    ),
    SimulatedSpec(
        "rehearsal-length-biased", noise=0.09, leniency=0.02, length_bias=0.22, stuffing_susceptibility=0.1,
        injection_susceptibility=0.1, misread_rate=0.02, malformed_rate=0.001, seed=14,
        input_usd_per_million=0.1, output_usd_per_million=0.4,
    ),
    SimulatedSpec(
        "rehearsal-malformed", noise=0.13, leniency=0.03, overlap_bias=0.03, misread_rate=0.03, malformed_rate=0.05,
        seed=15, input_usd_per_million=0.3, output_usd_per_million=1.2,
    ),
)  # fmt: skip
"""What the sample project can ask: a good, a fair, a poor, a tempting but length-biased, and a malformed one."""


def _chance(seed: int, purpose: str, *parts: bytes) -> float:
    """A number in (0, 1) fixed by its arguments."""
    digest = hashlib.sha256(b"\x00".join((str(seed).encode(), purpose.encode(), *parts))).digest()
    return (int.from_bytes(digest[:7], "big") + 0.5) / 2**56


def _normal(seed: int, purpose: str, *parts: bytes) -> float:
    return NormalDist().inv_cdf(_chance(seed, purpose, *parts))


class _Reader:
    """Recognises texts of one world; shared by all its models."""

    def __init__(self, world: SampleWorld) -> None:
        self._world = world
        self._documents = SourceIndex([words(document.text) for document in world.document_records])
        self._queries = SourceIndex([words(query.text) for query in world.query_records], padded=True)
        self.query = lru_cache(maxsize=4096)(self._query)

    def _query(self, text: str) -> SourceMatch | None:
        match = self._queries.best(words(text))
        return match if match is not None and match.kept >= LEAST_QUERY_KEPT else None

    def document(self, tokens: Sequence[str]) -> SourceMatch | None:
        return self._documents.best(tokens)

    def by_code(self, query: SourceMatch | None) -> bool:
        """Whether the query names its topic by the code name only."""
        return query is not None and self._world.query_records[query.row].by_code

    def understood(self, query: SourceMatch | None, document: SourceMatch | None) -> float:
        """Latent relevance of the recognised pair, less what the document has lost; 0 when a text matches none."""
        if query is None or document is None:
            return 0.0
        kept = max(0.0, min(1.0, (document.kept - LOST) / (WHOLE - LOST)))
        return float(self._world.relevance_matrix[query.row, document.row]) * kept


MOST_SAID = 50_000
"""Replies kept: an anchor is asked the same again and again, and to read texts anew is most of what a reply takes."""


class SimulatedModel:
    """One simulated judge."""

    def __init__(self, spec: SimulatedSpec, reader: _Reader) -> None:
        self._spec, self._reader = spec, reader
        self.name = spec.name
        self.served_as = spec.served_as or spec.name
        self.fingerprint = spec.fingerprint
        self._said: dict[bytes, ModelAnswer] = {}

    def answer(self, request: ChatRequest) -> ModelAnswer:
        """A JSON reply with a grade, or now and then a refusal or something that is not the JSON asked for."""
        asked = hashlib.sha256(request.body).digest()
        if asked not in self._said:
            if len(self._said) >= MOST_SAID:
                self._said.clear()
            self._said[asked] = self._answer(request)
        return self._said[asked]

    def _answer(self, request: ChatRequest) -> ModelAnswer:
        spec = self._spec
        if _chance(spec.seed, "refusal", request.body) < spec.refusal_rate:
            return ModelAnswer(refusal="I'm sorry, but I can't help with grading this document.")
        opinion, measures = self._opinion(request)
        place = request.scale.lo + request.scale.span * opinion
        belief = _belief(place, request.scale.grades, max(0.3, spec.noise * request.scale.span))
        if spec.upside_down:
            belief = dict(zip(belief, reversed(belief.values()), strict=True))
        grade = max(belief, key=lambda each: (belief[each], -each))
        if _chance(spec.seed, "malformed", request.body) < spec.malformed_rate:
            return _malformed(grade, _chance(spec.seed, "kind", request.body))
        rationale = _rationale(opinion, measures) if request.with_rationale else None
        return replace(json_reply(rationale, grade), belief=belief)

    def _opinion(self, request: ChatRequest) -> tuple[float, Measures]:
        """Where the model sees the pair, mostly in [0, 1], and what it measured."""
        spec, reader = self._spec, self._reader
        asked, received = words(request.query), words(request.document)
        measures = measure(asked, received, request.document)
        query, document = reader.query(request.query), reader.document(received)
        known = reader.understood(query, document)
        texts = (" ".join(asked).encode(), " ".join(received).encode())
        if reader.by_code(query) and _chance(spec.seed, "misread", texts[0]) < spec.misread_rate:
            # A stranger takes the code name literally and is left with the words on the page.
            known = 0.3 * known + 0.35 * max(0.0, measures.overlap)
        noise = LASTING_NOISE * _normal(spec.seed, "pair", *texts) + PASSING_NOISE * _normal(
            spec.seed, "body", request.body
        )
        opinion = (
            known
            + spec.leniency
            + spec.length_bias * measures.length
            + spec.overlap_bias * measures.overlap
            + spec.stuffing_susceptibility * measures.stuffing
            + spec.injection_susceptibility * measures.injected
            + spec.noise * noise
        )
        if query is None or document is None:
            return 0.0, measures
        return opinion, measures


def _belief(place: float, grades: tuple[int, ...], spread: float) -> dict[int, float]:
    """A bell around ``place``, cut to the scale and made to add up to 1."""
    nearest = min(max(place, grades[0]), grades[-1])
    weights = {grade: math.exp(-((grade - nearest) ** 2) / (2 * spread**2)) for grade in grades}
    total = sum(weights.values())
    return {grade: weight / total for grade, weight in weights.items()}


def _rationale(opinion: float, measures: Measures) -> str:
    """One short sentence that fits the opinion."""
    if opinion < 1 / 6:
        return "The document is about something else."
    extent = "long" if measures.length > 0.8 else "short" if measures.length < -0.8 else "readable"
    shared = "uses the words of the query" if measures.overlap > 0 else "uses other words than the query"
    verdict = (
        "covers the topic without answering"
        if opinion < 0.5
        else "answers part of the question"
        if opinion < 5 / 6
        else "answers the question"
    )
    return f"The {extent} text {verdict} and {shared}."


def _malformed(grade: int, kind: float) -> ModelAnswer:
    """A reply nobody can read as the JSON asked for."""
    if kind < 0.4:
        return ModelAnswer(before=f"I would say the document deserves about a {grade}, because it is on the topic.")
    if kind < 0.7:
        return ModelAnswer(before='{"rationale": "The text mentions the subject several times and')
    return ModelAnswer(before='{"rationale": "The text mentions the subject.", "relevance": "somewhat"}')


def simulated_models(world: SampleWorld, specs: Sequence[SimulatedSpec] = SAMPLE_MODELS) -> list[SimulatedModel]:
    """The judges of ``specs``, reading texts of ``world``.

    Args:
        world: whose texts they recognise.
        specs: from settings, or the sample's own.
    """
    reader = _Reader(world)
    return [SimulatedModel(spec, reader) for spec in specs]
