"""People's answers become human labels: every answer is kept, and which of them count is decided here."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

import polars as pl

from label_pipeline.core.annotation import Annotation, read_grade
from label_pipeline.core.scale import Scale
from label_pipeline.stages.seed.rubrics import label_of

RAW = {
    "task_id": pl.String, "annotator": pl.String, "answer": pl.String, "skipped": pl.Boolean, "rationale": pl.String,
    "seconds": pl.Float64, "graded_at": pl.String, "doc_version": pl.String, "rubric_version": pl.String,
    "source": pl.String, "place": pl.String, "key": pl.String, "problem": pl.String,
}  # fmt: skip
DECIDED = {
    "task": pl.String, "collection": pl.String, "query_id": pl.String, "doc_id": pl.String, "annotator_id": pl.String,
    "state": pl.String, "grade": pl.Int64, "latest": pl.Boolean, "reason": pl.String,
}  # fmt: skip
ANNOTATIONS = RAW | DECIDED
"""Columns of annotations.csv: one answer of one person as it was read, and what was decided about it.

``latest``: no later answer of the same person to the same task counts instead (false for a quarantined one);
``reason``: why it is quarantined."""

LABELS = ("query_id", "doc_id", "grade", "annotator_id", "rationale", "task", "collection", "doc_version")
"""Columns of human_labels.csv, as the graph reads them; the version keeps a later text from having the grade."""

SHOWN_STATES = ("graded", "cannot judge", "skipped", "superseded", "quarantined")


@dataclass(frozen=True)
class Expected:
    """What was asked of whom, and what may count.

    Attributes:
        pairs: task_id to (task, collection, query_id, doc_id).
        seats: task_id to the people it was given to.
        scale: grades there are.
        rubrics: rubric versions that count.
        texts: document to the version of its text today; a document that is not there may not be shown or is gone.
    """

    pairs: Mapping[str, tuple[str, str, str, str]]
    seats: Mapping[str, Collection[str]]
    scale: Scale
    rubrics: frozenset[str]
    texts: Mapping[str, str]
    people: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "people", frozenset(name for names in self.seats.values() for name in names))

    def person(self, login: str) -> str:
        """The planned annotator of a login: of that name, or of its part before ``@``; else the login itself."""
        name = login.strip()
        local = name.partition("@")[0]
        return name if name in self.people or local not in self.people else local


@dataclass(frozen=True)
class Imported:
    """Every answer with what was decided about it (ANNOTATIONS), and what follows."""

    annotations: pl.DataFrame

    @property
    def labels(self) -> pl.DataFrame:
        """The human labels: one row per (pair, annotator) with a grade."""
        graded = self.annotations.filter(pl.col("latest") & (pl.col("state") == "graded"))
        return graded.select(LABELS).sort("collection", "query_id", "doc_id", "annotator_id")

    @property
    def quarantine(self) -> pl.DataFrame:
        """The answers that cannot count: where they are, why, and whose."""
        bad = self.annotations.filter(pl.col("state") == "quarantined")
        return bad.select("source", "place", "reason", "task_id", "annotator_id")

    @property
    def books(self) -> dict[str, int]:
        """Answers in all, and by what they are; those add up to all."""
        shown = (
            pl.when(pl.col("latest") | (pl.col("state") == "quarantined")).then("state").otherwise(pl.lit("superseded"))
        )
        counts: dict[str, int] = dict(self.annotations.group_by(shown.alias("shown")).len().iter_rows())
        return {"answers": self.annotations.height} | {state: counts.get(state, 0) for state in SHOWN_STATES}

    @property
    def sentence(self) -> str:
        """The books as one line."""
        books = self.books
        told = ", ".join(f"{books[state]} {state}" for state in SHOWN_STATES if books[state] or state == "graded")
        return f"{books['answers']} answers = {told}"

    def progress(self, expected: Expected) -> pl.DataFrame:
        """One row per annotator: pairs planned, graded, not judged, skipped and open, answers nobody planned, time.

        ``median_s`` and ``hours`` are over the answers whose tool tells the seconds; null where none does.
        """
        done = self.annotations.filter(pl.col("latest"))
        rows = []
        for name in sorted(expected.people | set(done["annotator_id"])):
            mine = done.filter(pl.col("annotator_id") == name)
            planned = {task for task, names in expected.seats.items() if name in names}
            answered, states = set(mine["task_id"]), mine["state"].to_list()
            counts = [states.count(state) for state in ("graded", "cannot judge", "skipped")]
            seconds = mine["seconds"].drop_nulls().to_list()
            time = (median(seconds), sum(seconds) / 3600) if seconds else (None, None)
            rows.append((name, len(planned), *counts, len(planned - answered), len(answered - planned), *time))
        names = ("planned", "graded", "cannot judge", "skipped", "open", "unplanned")
        schema = {"annotator_id": pl.String} | dict.fromkeys(names, pl.Int64)
        return pl.DataFrame(rows, schema=schema | {"median_s": pl.Float64, "hours": pl.Float64}, orient="row")


def accept(answers: Sequence[Annotation], expected: Expected) -> Imported:
    """Decides what every answer is. Nothing is thrown away.

    Graded, cannot judge or skipped; quarantined where it cannot be matched or read, or was given to another text or by
    another guide than today's. Where one person answered one task more than once the latest counts: by time where the
    tool tells it, else by order.

    Args:
        answers: all there are, in the order they were read; of two with one ``key`` the one graded later is meant (an
            old export read again undoes no correction), where no time tells the one read later.
        expected: what was asked, and what may count.
    """
    answers = _newest(answers)
    logins = _shared_logins(answers, expected)
    rows = [(*_raw(answer), *_decided(answer, expected, logins), None) for answer in answers]
    columns = [*RAW, *(name for name in DECIDED if name not in ("latest", "reason")), "reason", "latest"]
    every = pl.DataFrame(rows, schema={name: ANNOTATIONS[name] for name in columns}, orient="row").with_row_index("at")
    counts = pl.col("state") != "quarantined"
    moment = pl.struct(pl.col("graded_at").fill_null("9"), "at")  # a sheet tells no time: it was filled in later
    last = moment.rank("ordinal", descending=True).over("task_id", "annotator_id", "counts") == 1
    return Imported(
        every.with_columns(counts.alias("counts"))
        .with_columns((pl.col("counts") & last).alias("latest"))
        .select(ANNOTATIONS.keys())
    )


def remembered(annotations: pl.DataFrame) -> list[Annotation]:
    """The answers of an earlier import (annotations.csv), as they were read then."""
    return [Annotation(**row) for row in annotations.select(RAW.keys()).iter_rows(named=True)]


def _newest(answers: Sequence[Annotation]) -> list[Annotation]:
    """One answer per key, each where its newest version stands."""
    by_key: dict[str, Annotation] = {}
    for answer in answers:
        before = by_key.get(answer.key)
        if before is not None and (before.graded_at or "") > (answer.graded_at or before.graded_at or ""):
            continue
        by_key.pop(answer.key, None)
        by_key[answer.key] = answer
    return list(by_key.values())


def _raw(answer: Annotation) -> tuple[object, ...]:
    return tuple(getattr(answer, name) for name in RAW)


def _shared_logins(answers: Sequence[Annotation], expected: Expected) -> dict[str, list[str]]:
    """The planned people whom several logins claim by their part before ``@``: those logins."""
    claims: dict[str, set[str]] = {}
    for answer in answers:
        login = answer.annotator.strip().casefold()
        if (person := expected.person(answer.annotator)) != answer.annotator.strip():
            claims.setdefault(person, set()).add(login)
    return {person: sorted(logins) for person, logins in claims.items() if len(logins) > 1}


def _decided(answer: Annotation, expected: Expected, shared: Mapping[str, list[str]]) -> tuple[object, ...]:
    """Task, collection, query id, document id, annotator, state, grade, reason."""
    pair: tuple[str | None, ...] = expected.pairs.get(answer.task_id, (None,) * 4)
    person = expected.person(answer.annotator)
    reason = _unmatched(answer, expected)
    if reason is None and person in shared and person != answer.annotator.strip():
        reason = (
            f"logins {' and '.join(shared[person])} would both be the planned {person}, and may be two people; plan "
            "them by their whole logins, or export one of them alone"
        )
    if reason is None and answer.skipped:
        return (*pair, person, "skipped", None, None)
    reason = reason or _outdated(answer, expected)
    if reason is None:
        try:
            grade = read_grade(answer.answer or "", expected.scale)
        except ValueError as error:
            reason = str(error) if answer.answer else "no grade is chosen and the task is not skipped; grade or skip it"
        else:
            return (*pair, person, "cannot judge" if grade is None else "graded", grade, None)
    return (*pair, person, "quarantined", None, reason)


def _unmatched(answer: Annotation, expected: Expected) -> str | None:
    if answer.problem:
        return answer.problem
    if answer.task_id not in expected.pairs:
        return f"task_id {answer.task_id[:60]!r} is not among the drawn pairs; import answers to exported tasks only"
    if not answer.annotator.strip():
        return "nobody is named as its annotator; fill in who graded"
    return None


def _outdated(answer: Annotation, expected: Expected) -> str | None:
    doc_id = expected.pairs[answer.task_id][3]
    if doc_id not in expected.texts:
        return f"document {doc_id} is gone, or customer text, which no person may grade; the grade is not used"
    if answer.doc_version != expected.texts[doc_id]:
        return (
            f"the graded text was version {answer.doc_version or 'unknown'}, document {doc_id} is now "
            f"{expected.texts[doc_id]}: export the task again and have it graded again"
        )
    # the author's label decides: a corrected comma voids no grade
    if label_of(answer.rubric_version or "") not in {label_of(version) for version in expected.rubrics}:
        return (
            f"graded by rubric {answer.rubric_version or 'unknown'}, now {', '.join(sorted(expected.rubrics))} counts; "
            "grade again, or import with --accept-rubric if no grade's meaning changed"
        )
    return None
