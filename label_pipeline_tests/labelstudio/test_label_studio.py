"""Our configuration, tasks and reading against a real Label Studio: several people, skips, second thoughts."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from label_pipeline.adapters.annotation.label_studio import label_config, read_export, read_users, tasks_json
from label_pipeline.core.annotation import CANNOT_JUDGE, Sheet, choices
from label_pipeline.core.errors import InputError
from label_pipeline.core.rubric import GradeDefinition, Rubric
from label_pipeline.core.scale import Scale
from label_pipeline.stages.seed.annotations import Expected, Imported, accept
from label_pipeline.stages.seed.guide import guide
from label_pipeline_tests.labelstudio import server
from label_pipeline_tests.labelstudio.server import Person, RefusedError

PYTHON = server.python()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        PYTHON is None, reason=f"no Label Studio: `make labelstudio` installs it, {server.VARIABLE} names one"
    ),
]

RUBRIC = Rubric(
    "search", "2", 'Is it "good" & <useful>?', Scale(0, 2),
    (
        GradeDefinition(0, "no <b>", 'Says "nothing" & less.'),
        GradeDefinition(1, "partly", "Größtenteils; it's > half."),
        GradeDefinition(2, "yes", "Answers it."),
    ),
)  # fmt: skip
NAMES = ("anna", "ann", "çelik")
LOGINS = {"anna": "anna@example.org", "ann": "ann@example.org", "çelik": "celik@example.org"}
"""One name is part of another: a filter must tell them apart."""
SHEETS = [
    Sheet(
        f"t-{n}", f"q{n // 3}", f"d{n}", 'reset "password" & <token>', "",
        f"line one\n<script>{n}</script> \u2028 ünï 🙂", "wiki, 2026-01-02", f"v{n}", RUBRIC.version_hash,
        NAMES if n < 2 else (NAMES[n % 3],),
    )
    for n in range(9)
]  # fmt: skip


@dataclass(frozen=True)
class Done:
    """A project after its people graded."""

    owner: Person
    project: int
    exported: str
    users: str


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    assert PYTHON is not None
    with server.serving(PYTHON, tmp_path_factory.mktemp("labelstudio")) as found:
        yield found


@pytest.fixture(scope="module")
def done(address: str) -> Done:
    """Everybody signs up, grades what the Data Manager's filter shows them, skips, changes their mind."""
    owner = Person.signed_in(address, server.OWNER)
    people = {name: Person.signed_in(address, LOGINS[name], page="signup") for name in NAMES}
    project = owner.api(
        "POST", "/api/projects/",
        {"title": "the seed", "label_config": label_config(RUBRIC), "expert_instruction": guide(RUBRIC),
         "show_instruction": True, "maximum_annotations": 3, "show_skip_button": True},
    )["id"]  # fmt: skip
    imported = owner.api("POST", f"/api/projects/{project}/import", json.loads(tasks_json(SHEETS)))
    assert imported["task_count"] == len(SHEETS)
    for name, person in people.items():
        for task in mine(person, project, name):
            person.api("POST", f"/api/tasks/{task['id']}/annotations/", answer(name, task["data"]["task_id"]))
    anna = people["anna"]
    first = next(task for task in mine(anna, project, "anna") if task["data"]["task_id"] == "t-0")
    owned = anna.api("GET", f"/api/tasks/{first['id']}/annotations/")
    anna.api("PATCH", f"/api/annotations/{owned[0]['id']}/", {"result": result("2 = yes", "on second thoughts")})
    ann = people["ann"]
    skipped = next(task for task in mine(ann, project, "ann") if task["data"]["task_id"] == "t-4")
    ann.api("POST", f"/api/tasks/{skipped['id']}/annotations/?was_cancelled=1", {"result": [], "was_cancelled": True})
    exported = owner.text(f"/api/projects/{project}/export?exportType=JSON&download_all_tasks=true")
    return Done(owner, project, exported, owner.text("/api/users/"))


def mine(person: Person, project: int, name: str) -> list[Any]:
    """What the Data Manager shows a person who filters the column `annotators` by their name between bars."""
    rule = {"filter": "filter:tasks:data.annotators", "operator": "contains", "type": "String", "value": f"|{name}|"}
    query = {"filters": {"conjunction": "and", "items": [rule]}}
    view = person.api("POST", "/api/dm/views/", {"project": project, "data": {"title": name, **query}})
    found = person.api("GET", f"/api/tasks?project={project}&view={view['id']}&page_size=100")["tasks"]
    assert found
    return list(found)


def answer(name: str, task_id: str) -> dict[str, object]:
    """Grades by task number; task 4 only gets its second person's skip, task 5 cannot be judged."""
    number = int(task_id.removeprefix("t-"))
    choice = CANNOT_JUDGE if number == 5 else choices(RUBRIC)[(number + NAMES.index(name)) % 3]
    return {"result": result(choice, f'{name}: "why",\nbecause <b> & ü'), "lead_time": 10.0 + number}


def result(choice: str, why: str) -> list[dict[str, object]]:
    """The regions the page posts."""
    return [
        {"from_name": "grade", "to_name": "document", "type": "choices", "value": {"choices": [choice]}},
        {"from_name": "rationale", "to_name": "document", "type": "textarea", "value": {"text": [why]}},
    ]


def accepted(done: Done) -> Imported:
    found = read_export(done.exported, "export.json", read_users(done.users, "users.json"))
    expected = Expected(
        pairs={sheet.task_id: ("relevance", "main", sheet.query_id, sheet.doc_id) for sheet in SHEETS},
        seats={
            sheet.task_id: [LOGINS[name] if name == "çelik" else name for name in sheet.annotators] for sheet in SHEETS
        },
        scale=RUBRIC.scale,
        rubrics=frozenset({RUBRIC.version_hash}),
        texts={sheet.doc_id: sheet.doc_version for sheet in SHEETS},
    )
    return accept(found, expected)


def test_the_server_takes_the_configuration_and_refuses_a_broken_one(done: Done) -> None:
    kept = done.owner.api("GET", f"/api/projects/{done.project}")
    assert kept["label_config"] == label_config(RUBRIC).strip()
    assert set(kept["parsed_label_config"]["grade"]["labels"]) == set(choices(RUBRIC))
    with pytest.raises(RefusedError, match="400"):
        done.owner.api(
            "POST", "/api/projects/", {"title": "bad", "label_config": label_config(RUBRIC).replace("</View>", "")}
        )


def test_its_own_sdk_finds_configuration_task_and_answer_valid(tmp_path: Path) -> None:
    (tmp_path / "given.json").write_text(
        json.dumps([label_config(RUBRIC), json.loads(tasks_json(SHEETS))[0]["data"], result("1 = partly", "why")])
    )
    code = (
        "import json, sys; from label_studio_sdk.label_interface import LabelInterface as L\n"
        "config, data, result = json.load(open(sys.argv[1])); found = L(config); found.validate()\n"
        "bad = [{**result[0], 'value': {'choices': ['7 = no such']}}]\n"
        "print(bool(found.validate_task({'data': data})), bool(found.validate_annotation({'result': result})),"
        " bool(found.validate_annotation({'result': bad})))"
    )
    run = subprocess.run(
        [str(PYTHON), "-c", code, tmp_path / "given.json"], capture_output=True, text=True, check=False
    )
    assert run.stdout.split() == ["True", "True", "False"], run.stderr[-2000:]


def test_every_answer_of_everybody_comes_back(done: Done) -> None:
    found = accepted(done)
    planned = sum(len(sheet.annotators) for sheet in SHEETS)
    assert found.quarantine.is_empty(), found.quarantine.to_dicts()
    assert found.books == {
        "answers": planned + 1, "graded": planned - 2, "cannot judge": 1, "skipped": 1, "superseded": 1,
        "quarantined": 0,
    }  # fmt: skip
    assert set(found.labels["annotator_id"]) == {"anna", "ann", LOGINS["çelik"]}
    by_key = {(row["doc_id"], row["annotator_id"]): row for row in found.labels.iter_rows(named=True)}
    assert by_key["d0", "anna"]["grade"] == 2
    assert by_key["d0", "anna"]["rationale"] == "on second thoughts"
    assert [by_key["d0", name]["grade"] for name in ("ann", LOGINS["çelik"])] == [1, 2]
    assert by_key["d1", "ann"]["rationale"] == 'ann: "why",\nbecause <b> & ü'
    assert ("d4", "ann") not in by_key
    kept = {row["task_id"]: row for row in found.annotations.iter_rows(named=True) if row["annotator_id"] == "ann"}
    assert kept["t-1"]["seconds"] == 11.0
    assert kept["t-1"]["graded_at"].startswith("20")


def test_without_the_users_file_people_are_numbers_and_nothing_is_lost(done: Done) -> None:
    named = read_export(done.exported, "export.json", read_users(done.users, "users.json"))
    numbered = read_export(done.exported, "export.json")
    assert len({answer.annotator for answer in numbered}) == len({answer.annotator for answer in named}) == 3
    assert all(answer.annotator.isdigit() for answer in numbered)


def test_a_short_export_is_refused_because_it_leaves_the_skipped_out(done: Done) -> None:
    short = done.owner.text(f"/api/projects/{done.project}/export?exportType=JSON_MIN")
    assert "cancelled" not in short
    with pytest.raises(InputError, match="export the project as JSON"):
        read_export(short, "short.json")
