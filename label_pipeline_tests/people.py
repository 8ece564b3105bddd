"""Simulated annotators of the sample world, who grade what a tool shows them and nothing else.

They find the query by its words and the document by its id, and answer as the world's people do: with bias, noise,
slips and a reason.
Keep out: what becomes of the answers.
"""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np

from label_pipeline.core.annotation import CANNOT_JUDGE, choices
from label_pipeline.core.rubric import Rubric
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline.rehearsal.world_graders import ANNOTATORS, grades_of

START = datetime(2026, 9, 10, 8, tzinfo=UTC)
NAMES = tuple(person.annotator_id for person in ANNOTATORS)


@dataclass(frozen=True)
class Answer:
    """What a person does with one task: a grade as the tool words it, a reason, or a skip."""

    choice: str | None
    reason: str
    seconds: float

    @property
    def skipped(self) -> bool:
        """Whether the task was skipped."""
        return self.choice is None

    @property
    def result(self) -> list[dict[str, object]]:
        """The answer as Label Studio's page posts it."""
        if self.choice is None:
            return []
        parts: list[tuple[str, str, str, list[str]]] = [("grade", "choices", "choices", [self.choice])]
        parts += [("rationale", "textarea", "text", [self.reason])] if self.reason else []
        return [
            {"from_name": name, "to_name": "document", "type": kind, "value": {field: texts}}
            for name, kind, field, texts in parts
        ]


@dataclass(frozen=True)
class People:
    """The world's five annotators.

    Attributes:
        world: what is true.
        rubric: what they were given to grade by.
        skips: share of tasks they skip.
        unsure: share of tasks they cannot judge.
        seed: of their noise.
    """

    world: SampleWorld
    rubric: Rubric
    skips: float = 0.01
    unsure: float = 0.01
    seed: int = 3

    @cached_property
    def _query_ids(self) -> dict[str, str]:
        return dict(self.world.queries.select("query", "query_id").iter_rows())

    def answer(self, name: str, query: str, doc_id: str) -> Answer:
        """The same person answers the same pair always the same."""
        query_id = self._query_ids[query]
        person = next(person for person in ANNOTATORS if person.annotator_id == name)
        row = [int(part) for part in f"{query_id} {doc_id}".encode()]
        rng = np.random.default_rng([self.seed, NAMES.index(name), *row])
        mood, seconds = rng.random(), float(np.round(rng.lognormal(3.2, 0.4), 1))
        if mood < self.skips:
            return Answer(None, "", seconds)
        if mood < self.skips + self.unsure:
            return Answer(CANNOT_JUDGE, "I lack the context.", seconds)
        truth = np.array([self.world.relevance(query_id, doc_id)])
        grade = int(grades_of(person, truth, self.world.scale, rng)[0])
        offered = choices(self.rubric)[grade - self.rubric.scale.lo]
        return Answer(offered, f'"{grade}", I say; says {name}.', seconds)

    def label_studio(self, tasks: str, numbers: Sequence[int] = (11, 12, 13, 14, 15)) -> str:
        """The tasks after everybody named on them answered, as Label Studio exports them (JSON)."""
        exported, at = [], 0
        for place, task in enumerate(json.loads(tasks), start=1):
            annotations = []
            for name in task["data"]["annotators"].strip("|").split("|"):
                answer = self.answer(name, task["data"]["query"], task["data"]["doc_id"])
                at += 1
                moment = (START + timedelta(seconds=20 * at)).isoformat().replace("+00:00", "Z")
                annotations.append(
                    {
                        "id": at, "completed_by": numbers[NAMES.index(name)], "result": answer.result,
                        "was_cancelled": answer.skipped, "ground_truth": False, "created_at": moment,
                        "updated_at": moment, "lead_time": answer.seconds, "unique_id": f"made-{at}", "task": place,
                    }
                )  # fmt: skip
            exported.append({"id": place, "annotations": annotations, "data": task["data"], "meta": {}})
        return json.dumps(exported)

    @staticmethod
    def users(numbers: Sequence[int] = (11, 12, 13, 14, 15)) -> str:
        """Who is behind the numbers, as Label Studio's /api/users answers."""
        found = [
            {"id": n, "email": f"{name}@example.org", "username": name} for n, name in zip(numbers, NAMES, strict=True)
        ]
        return json.dumps(found)

    def sheet(self, text: str, documents: dict[str, str], delimiter: str = ",") -> str:
        """A sheet filled in by the person it is for, saved with ``delimiter``; ``documents``: task id to doc id."""
        rows = list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))))
        out = io.StringIO(newline="")
        writer = csv.DictWriter(out, fieldnames=list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        for row in rows:
            answer = self.answer(row["annotator_id"], row["query"], documents[row["task_id"]])
            writer.writerow({**row, "grade": answer.choice or "skip", "rationale": answer.reason})
        return out.getvalue()
