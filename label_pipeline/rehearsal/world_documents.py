"""Writes the sample documents: what each is about, its sentences, its source, date and boundary.

Four kinds: *precise* (one question answered, short), *mixed* (several), *vague* (long overviews full of query words
that answer nothing) and *chatter*. Some documents are lightly edited copies.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from label_pipeline.rehearsal.draws import Draws
from label_pipeline.rehearsal.words import words
from label_pipeline.rehearsal.world_facets import FACETS
from label_pipeline.rehearsal.world_phrases import (
    DETAILS,
    FILLER,
    MONTHS,
    OFFICES,
    OFFICES_DE,
    PEOPLE,
    TOPIC_FILLER,
    VAGUE,
    details_of,
)
from label_pipeline.rehearsal.world_vocabulary import TOPICS

SHORTEST, LONGEST = 15, 250
"""Document length in words."""
NEWEST = date(2026, 8, 31)
SOURCES = ("wiki", "tickets", "chat", "mail", "drive")
_FACET_KEYS = tuple(FACETS)


class Sentence(NamedTuple):
    """One sentence; ``facet`` is the question it answers, ``touched`` those only named, ``detail`` its special case."""

    text: str
    facet: str | None = None
    touched: tuple[str, ...] = ()
    detail: int | None = None


class Kind(NamedTuple):
    """How one kind of document is put together.

    Attributes:
        share: of all documents.
        stretch: factor on the drawn length.
        facets: smallest and largest number of questions answered.
        mix: chances of an answer, topic filler, a vague sentence (the rest is filler).
        sources: weights over ``SOURCES``.
    """

    share: float
    stretch: float
    facets: tuple[int, int]
    mix: tuple[float, float, float]
    sources: tuple[float, ...]


KINDS: dict[str, Kind] = {
    "precise": Kind(0.41, 0.75, (1, 1), (0.55, 0.25, 0.0), (0.30, 0.30, 0.10, 0.15, 0.15)),
    "mixed": Kind(0.32, 1.15, (2, 3), (0.45, 0.25, 0.10), (0.25, 0.25, 0.05, 0.20, 0.25)),
    "vague": Kind(0.18, 1.80, (0, 0), (0.0, 0.30, 0.50), (0.40, 0.05, 0.05, 0.20, 0.30)),
    "chatter": Kind(0.09, 0.60, (0, 0), (0.0, 0.55, 0.10), (0.05, 0.10, 0.60, 0.20, 0.05)),
}


class Document(NamedTuple):
    """One document and what it is truly about.

    Attributes:
        topic: index into ``TOPICS``.
        sentences: its body in order.
        copy_of: the document it was copied from and lightly edited, if any.
    """

    doc_id: str
    title: str
    source: str
    language: str
    created_on: date
    boundary: str
    topic: int
    sentences: tuple[Sentence, ...]
    copy_of: str | None = None

    @property
    def text(self) -> str:
        """The body as readers see it."""
        return " ".join(sentence.text for sentence in self.sentences)


class _Writer:
    """Fills sentence templates for one document."""

    def __init__(self, draws: Draws, topic: int, language: str) -> None:
        self._draws, self._topic, self._language = draws, TOPICS[topic], language
        self._details = details_of(topic)
        self._used: set[str] = set()
        plain = self._topic.names[language]
        self._names = draws.pick((("code",), ("plain",), ("code", "plain"), ("plain", "code"), ("code", "plain")))
        self._spelled = {"code": self._topic.code, "plain": plain}
        self.main_name = self._spelled[self._names[0]]

    def _fresh(self, templates: Sequence[str]) -> str:
        """A template not used in this document yet, where a few tries find one."""
        for _ in range(4):
            template = self._draws.pick(templates)
            if template not in self._used:
                break
        self._used.add(template)
        return template

    def fill(self, template: str, detail: int | None = None, k: str = "", other: str = "") -> str:
        draws, language = self._draws, self._language
        written = "" if detail is None else draws.pick(DETAILS[detail].written[language])
        filled = template.format(
            t=self._spelled[draws.pick(self._names)],
            x=draws.pick(self._topic.terms[language]),
            d=written,
            n=2 + draws.index(27),
            m=draws.pick(MONTHS[language]),
            p=draws.pick(PEOPLE),
            o=draws.pick(OFFICES if language == "en" else OFFICES_DE),
            w=draws.pick(TOPICS).code.lower() if language == "en" else draws.pick(TOPICS).code,
            k=k,
            l=other,
        )
        for wrong, right in (("  ", " "), (" .", "."), (" ,", ","), (" :", ":"), (" ?", "?"), (" ;", ";")):
            filled = filled.replace(wrong, right)
        return filled[0].upper() + filled[1:]

    def answer(self, facet: str, detail: int | None) -> Sentence:
        template = self._fresh(FACETS[facet].answers[self._language])
        shown = detail if "{d}" in template else None
        text = self.fill(template, shown)
        if self._draws.chance(0.6):
            label = self._draws.pick(FACETS[facet].keywords[self._language])
            text = f"{label[0].upper()}{label[1:]}: {text}"
        return Sentence(text, facet=facet, detail=shown)

    def vague(self) -> Sentence:
        named = tuple(self._draws.some(_FACET_KEYS, 2))
        k, other = (self._draws.pick(FACETS[facet].keywords[self._language]) for facet in named)
        detail = self._draws.pick(self._details) if self._draws.chance(0.35) else None
        return Sentence(self.fill(self._fresh(VAGUE[self._language]), detail, k, other), touched=named)

    def about_topic(self) -> Sentence:
        return Sentence(self.fill(self._fresh(TOPIC_FILLER[self._language])))

    def filler(self) -> Sentence:
        return Sentence(self.fill(self._fresh(FILLER[self._language])))


def _body(writer: _Writer, draws: Draws, kind: Kind, details: Sequence[int], target: int) -> tuple[Sentence, ...]:
    """Sentences of about ``target`` words, never above ``LONGEST``; the first question is answered near the start."""
    facets = draws.some(_FACET_KEYS, kind.facets[0] + draws.index(kind.facets[1] - kind.facets[0] + 1))
    detail = draws.pick(details) if draws.chance(0.6) else None
    body = [writer.answer(facet, detail) for facet in facets[:1]]
    if draws.chance(0.4):
        body.insert(0, writer.filler())
    length = sum(len(words(sentence.text)) for sentence in body)
    answer, topic, vague = np.cumsum(kind.mix).tolist()
    while length < max(target, SHORTEST):
        roll = draws.unit()
        if roll < answer:
            sentence = writer.answer(draws.pick(facets), detail if draws.chance(0.7) else None)
        elif roll < topic:
            sentence = writer.about_topic()
        else:
            sentence = writer.vague() if roll < vague else writer.filler()
        extra = len(words(sentence.text))
        if length + extra > LONGEST:
            break
        body.append(sentence)
        length += extra
    return tuple(body)


def _edited(original: Document, draws: Draws, doc_id: str, created_on: date) -> Document:
    """A copy someone kept elsewhere: one sentence dropped or changed, often one added."""
    writer = _Writer(draws, original.topic, original.language)
    body = list(original.sentences)
    if len(body) > 3 and draws.chance(0.6):
        del body[-1]
    size = sum(len(words(sentence.text)) for sentence in body)
    if size <= LONGEST - 2:
        spot = draws.index(len(body))
        body[spot] = body[spot]._replace(text=body[spot].text.rstrip(".") + f" ({created_on:%m/%Y}).")
    if size < SHORTEST or (size < LONGEST - 30 and draws.chance(0.5)):
        body.append(writer.filler())
        body.append(writer.filler())
    return original._replace(
        doc_id=doc_id,
        source=draws.pick(SOURCES),
        created_on=created_on,
        sentences=tuple(body),
        copy_of=original.doc_id,
    )


def generate_documents(rng: np.random.Generator, n: int, *, copies: float = 0.05) -> tuple[Document, ...]:
    """``n`` documents, a share of ``copies`` edited copies of earlier ones, 2 % inside the customer boundary."""
    draws = Draws(rng)
    kinds = list(KINDS.values())
    kind_of = rng.choice(len(kinds), size=n, p=[kind.share for kind in kinds])
    lengths = np.exp(rng.normal(np.log(58), 0.55, size=n))
    ages = np.minimum(rng.exponential(480, size=n), 2000).astype(int)
    written: list[Document] = []
    for i in range(n):
        doc_id, created_on = f"d{i + 1:05d}", NEWEST - timedelta(days=int(ages[i]))
        if i > 100 and draws.chance(copies):
            written.append(_edited(draws.pick(written), draws, doc_id, created_on))
            continue
        kind, topic = kinds[kind_of[i]], draws.index(len(TOPICS))
        language = "de" if draws.chance(0.35) else "en"
        writer = _Writer(draws, topic, language)
        heading = draws.pick(FACETS[draws.pick(_FACET_KEYS)].keywords[language])
        body = _body(writer, draws, kind, details_of(topic), int(np.clip(lengths[i] * kind.stretch, SHORTEST, LONGEST)))
        facets = [sentence.facet for sentence in body if sentence.facet]
        if facets and draws.chance(0.35):
            heading = draws.pick(FACETS[facets[0]].keywords[language])
        source = SOURCES[int(np.searchsorted(np.cumsum(kind.sources), draws.unit() * 0.999))]
        boundary = "customer" if draws.chance(0.02) else "internal"
        title = f"{writer.main_name}: {heading}"
        written.append(Document(doc_id, title, source, language, created_on, boundary, topic, body))
    return tuple(written)
