"""`seed guide`, `seed export`, `seed import`: to the people who grade, and back."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl
from rich.console import Console

from label_pipeline.adapters.annotation.label_studio import label_config, read_export, read_users, tasks_json
from label_pipeline.adapters.annotation.sheets import read_sheet, sheet_csv
from label_pipeline.adapters.files import read_rows
from label_pipeline.adapters.files.opening import decode, read_bytes
from label_pipeline.cli.exits import DONE, MISTAKE
from label_pipeline.cli.seed_folder import ANSWERS, SeedFolder
from label_pipeline.cli.terminal import as_table, say
from label_pipeline.core.annotation import Annotation, Sheet
from label_pipeline.core.codes.inputs import CUSTOMER
from label_pipeline.core.errors import InputError, SettingsError
from label_pipeline.operations.project import Project
from label_pipeline.stages.seed.annotations import Expected, Imported, accept, remembered
from label_pipeline.stages.seed.causes import by_cause
from label_pipeline.stages.seed.guide import guide
from label_pipeline.stages.seed.texts import Limits, accept_documents

TOOLS = ("label-studio", "csv")
FILES = (".json", ".csv", ".tsv", ".txt")
"""Endings of what comes back: an export, sheets."""

SHOWN = 20
"""Causes of quarantined answers listed; quarantine.csv has the answers."""


def write_guide(console: Console, project: Project, folder: SeedFolder) -> int:
    """Renders the rubric to guide.md and label_config.xml; returns 0."""
    folder.write({"guide.md": guide(project.rubric), "label_config.xml": label_config(project.rubric)})
    say(
        console, f"Wrote {folder.path}/guide.md and {folder.path}/label_config.xml from rubric {project.rubric_version}"
    )
    return DONE


def export_tasks(console: Console, project: Project, folder: SeedFolder, tool: str, *, only_open: bool) -> int:
    """Writes guide, configuration and tasks for ``tool``.

    Args:
        console: told what was written.
        project: rubric and documents.
        folder: the draw.
        tool: one of TOOLS.
        only_open: leave out what was answered by everybody it was given to.

    Returns:
        0.

    Raises:
        InputError: an unknown tool, or nothing to export.
        SettingsError: a sheet that would be written over holds answers nobody imported.
    """
    if tool not in TOOLS:
        raise InputError(f"--tool {tool!r} is unknown; expected one of {', '.join(TOOLS)}")
    sheets, withheld = _sheets(project, folder, only_open=only_open)
    if not sheets:
        raise InputError(f"nothing to export from {folder.path}: every drawn pair is answered or may not be shown")
    people = sorted({name for sheet in sheets for name in sheet.annotators})
    grades = sum(len(sheet.annotators) for sheet in sheets)
    if tool == "csv":
        _refuse_unread(folder, people)
    write_guide(console, project, folder)
    if tool == "csv":
        folder.write({f"sheets/{name}.csv": sheet_csv(sheets, name) for name in people})
        said = f"{len(people)} sheets in {folder.path}/sheets: fill in `grade` and `rationale`, then `seed import` them"
    else:
        folder.write({"tasks.json": tasks_json(sheets)})
        said = (
            f"{folder.path}/tasks.json: make a Label Studio project with label_config.xml as its labelling interface "
            "and several annotations a task; import the tasks; each person reads guide.md and filters the column "
            f"`annotators` by their name between bars, like |{people[0]}|. Afterwards export as JSON, not JSON-MIN or "
            "CSV"
        )
    say(
        console,
        f"{len(sheets)} pairs, {grades} grades for {', '.join(people)}; {withheld} pairs may not be shown\n{said}",
    )
    return DONE


def _refuse_unread(folder: SeedFolder, people: Sequence[str]) -> None:
    """Hours of work may be in a sheet that was filled in where it was written."""
    known = set(folder.read(ANSWERS)["key"])
    for name in people:
        path = folder.path / "sheets" / f"{name}.csv"
        if path.exists():
            answers, _ = read_sheet(_text(path), path.name)
            new = sum(answer.key not in known for answer in answers)
            if new:
                raise SettingsError(
                    f"{path} holds {new} answers that were not imported, and an export would write over them: "
                    "`label-pipeline seed import` it first, or move it away"
                )


def import_answers(
    console: Console,
    project: Project,
    folder: SeedFolder,
    files: Sequence[Path],
    users: Path | None,
    rubrics: Sequence[str],
    encoding: str = "utf-8",
) -> int:
    """Reads graded files and writes annotations.csv (everything), human_labels.csv (what counts) and quarantine.csv.

    Args:
        console: told the books.
        project: rubric, scale and documents.
        folder: the draw, and the answers of earlier imports.
        files: Label Studio's JSON exports (.json) and filled sheets (.csv).
        users: reply of Label Studio's /api/users, to name people by their login.
        rubrics: versions that count besides today's.
        encoding: of the files.

    Returns:
        0; 2 where the files hold answers and none of them counts, which is written all the same.

    Raises:
        InputError: a file cannot be used as a whole, or nothing is filled in. Nothing is written then.
    """
    for path in files:
        if path.suffix.lower() not in FILES:
            raise InputError(
                f"{path.name}: expected Label Studio's JSON export ({FILES[0]}) or a filled sheet "
                f"({', '.join(FILES[1:])}); save a spreadsheet as CSV in UTF-8"
            )
    expected = _expected(project, folder, rubrics)
    logins = read_users(_text(users), users.name) if users else {}
    answers, unfilled = [], 0
    for path in files:
        if path.suffix.lower() == FILES[0]:
            answers += read_export(_text(path, encoding), path.name, logins)
        else:
            found, left = read_sheet(_text(path, encoding), path.name)
            answers, unfilled = answers + found, unfilled + left
    if not answers:
        raise InputError(
            f"no answer in {', '.join(path.name for path in files)}: {unfilled} rows have no grade, and an export of "
            "Label Studio has no annotation; import what people have graded"
        )
    before: list[Annotation] = remembered(folder.read(ANSWERS))
    done = accept([*before, *answers], expected)
    # whoever accepted an older rubric said that its grades mean today's
    labels = done.labels.with_columns(rubric_version=pl.lit(project.rubric.version))
    files_written = {ANSWERS: done.annotations, "human_labels.csv": labels, "quarantine.csv": done.quarantine}
    folder.write(files_written, mark=ANSWERS)
    say(console, f"{len(files)} files: {len(answers)} answers read, {unfilled} rows not filled in")
    _tell(console, done, expected)
    say(console, f"Wrote {folder.path}/human_labels.csv: {done.labels.height} grades")
    keys = {answer.key for answer in answers}
    if done.annotations.filter(pl.col("key").is_in(keys), pl.col("state") != "quarantined").is_empty():
        say(console, f"error: none of the {len(answers)} answers counts; the reasons are above", "red")
        return MISTAKE
    return DONE


def _tell(console: Console, done: Imported, expected: Expected) -> None:
    say(console, done.sentence)
    console.print(as_table("\nannotators", done.progress(expected)))
    bad = done.quarantine
    causes = by_cause(bad.rename({"place": "line"}))
    for row in causes.head(SHOWN).iter_rows(named=True):
        many = "" if row["rows"] == 1 else f"{row['rows']:,} answers, the first: "
        say(console, f"  {many}{row['source']}, {row['line']}: {row['reason']}", "yellow")
    if causes.height > SHOWN:
        say(console, f"  and {causes.height - SHOWN} more causes", "yellow")
    if bad.height:
        say(console, "  quarantine.csv has all of them", "yellow")


def _text(path: Path, encoding: str = "utf-8") -> str:
    return decode(read_bytes(path), encoding, path.name)


def _documents(project: Project) -> pl.DataFrame:
    """DOCUMENTS that may be shown to people."""
    raw = [read_rows(spec) for spec in project.input_specs("documents")]
    found = accept_documents(raw, Limits(document_chars=project.settings.inputs.max_document_chars))
    return found.table.filter((pl.col("boundary") != CUSTOMER).fill_null(True))


def _expected(project: Project, folder: SeedFolder, rubrics: Sequence[str]) -> Expected:
    _, pairs, seats = folder.drawn()
    rows = pairs.select("task_id", "task", "collection", "query_id", "doc_id").iter_rows()
    people: dict[str, list[str]] = {}
    for task, name in seats.iter_rows():
        people.setdefault(task, []).append(name)
    return Expected(
        pairs={task: (kind, collection, query, doc) for task, kind, collection, query, doc in rows},
        seats=people,
        scale=project.settings.grade_scale,
        rubrics=frozenset({project.rubric_version, *rubrics}),
        texts=dict(_documents(project).select("doc_id", "doc_version").iter_rows()),
    )


def _sheets(project: Project, folder: SeedFolder, *, only_open: bool) -> tuple[list[Sheet], int]:
    """The tasks people may see, queries together, and how many pairs may not be shown (any more)."""
    drawn, pairs, seats = folder.drawn()
    if only_open:
        answered = folder.read(ANSWERS).filter(pl.col("latest"))
        seats = seats.join(answered, on=["task_id", "annotator_id"], how="anti")
    people = seats.group_by("task_id").agg(pl.col("annotator_id").sort())
    texts = pairs.drop("doc_version").join(people, on="task_id").join(_documents(project), on="doc_id", how="left")
    shown = texts.filter(pl.col("text").is_not_null())
    queries = drawn.select("task", "collection", "query_id", "query").with_row_index("order")
    rows = shown.join(queries, on=["task", "collection", "query_id"]).sort("order", "task_id")
    sheets = [
        Sheet(
            task_id=row["task_id"],
            query_id=row["query_id"],
            doc_id=row["doc_id"],
            query=row["query"],
            title=row["title"] or "",
            document=row["text"],
            facts=", ".join(str(fact) for fact in (row["source"], row["created_on"]) if fact),
            doc_version=row["doc_version"],
            rubric_version=project.rubric_version,
            annotators=tuple(row["annotator_id"]),
        )
        for row in rows.iter_rows(named=True)
    ]
    return sheets, texts.height - shown.height
