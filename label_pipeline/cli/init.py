"""`init`: a commented project for the user's own data, as files to fill."""

import re
from pathlib import Path

from label_pipeline.core.errors import SettingsError

TEMPLATE = Path(__file__).parent / "template"

HEADERS = {
    "queries.csv": "query_id,query,language,collection",
    "documents.csv": "doc_id,text,title,source,language,created_on,boundary",
    "human_labels.csv": "query_id,doc_id,grade,annotator_id,rationale,collection",
    "evaluation.csv": "query_id,doc_id,grade,collection",
    "candidates.csv": "query_id,doc_id,arrived_on,incumbent_score,collection",
}
"""Header-only input files: required columns first; optional ones may stay empty or be deleted."""


NAME = "name: mine "
"""Line of the template that names the project."""


def write_project(folder: Path) -> list[Path]:
    """Writes the project files; returns them. A .gitignore that is there already is left alone.

    The project is named after the folder, so that two of them on one Dagster instance are not mixed up.

    Raises:
        SettingsError: one of the files is there already (nothing is overwritten), or the folder cannot be written.
    """
    files = {path.relative_to(TEMPLATE): path.read_text(encoding="utf-8") for path in sorted(TEMPLATE.rglob("*.yaml"))}
    settings = files[Path("settings.yaml")]
    assert settings.count(NAME) == 1
    files[Path("settings.yaml")] = settings.replace(NAME, f"name: {name_after(folder)} ".ljust(len(NAME)))
    files |= {Path(name): header + "\n" for name, header in HEADERS.items()}
    taken = [str(folder / name) for name in files if (folder / name).exists()]
    if taken:
        raise SettingsError(f"{taken[0]} exists already; `init` overwrites nothing: choose another folder")
    if not (folder / ".gitignore").exists():
        files[Path(".gitignore")] = "runs/\n"
    try:
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"cannot write {error.filename}: {error.strerror}; choose another folder") from error
    return [folder / name for name in files]


def name_after(folder: Path) -> str:
    """A project's name after its folder: lower case, other signs as hyphens; `mine` where nothing is left."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")
    return name[:40].rstrip("-") or "mine"


def next_steps(folder: Path) -> str:
    """What to do with the files, as lines."""
    settings = folder / "settings.yaml"
    return f"""\
Next:
  1. Put your rows into {folder}/*.csv; the comments in {settings}
     say what each column is, and how to read Parquet, JSONL or TREC files instead.
     Nothing graded yet? `label-pipeline plan-humans`, then `label-pipeline seed draw --help`.
  2. Edit the rubric: the judge reads it, and your annotators should have.
  3. export OPENAI_API_KEY=...   (any endpoint that speaks the OpenAI protocol; settings name it)
  4. label-pipeline check --config {settings}
     label-pipeline run --config {settings} --until gate
     label-pipeline run --config {settings}"""
