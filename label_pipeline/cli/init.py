"""`init`: a commented project for the user's own data, as files to fill.

Keep out: what the settings mean (settings.py).
"""

from pathlib import Path

from label_pipeline.core.errors import SettingsError

TEMPLATE = Path(__file__).parent / "template"

HEADERS = {
    "queries.csv": "query_id,query,language,collection",
    "documents.csv": "doc_id,title,text,source,language,created_on,boundary",
    "human_labels.csv": "query_id,doc_id,annotator_id,grade,rationale,collection",
    "evaluation.csv": "query_id,doc_id,grade,collection",
    "candidates.csv": "query_id,doc_id,arrived_on,incumbent_score,collection",
}
"""Header-only input files: required columns first, optional ones may be deleted."""


def write_project(folder: Path) -> list[Path]:
    """Writes the project files; returns them.

    Raises:
        SettingsError: one of the files is there already; nothing is overwritten.
    """
    files = {path.relative_to(TEMPLATE): path.read_text(encoding="utf-8") for path in TEMPLATE.rglob("*.yaml")}
    files |= {Path(name): header + "\n" for name, header in HEADERS.items()}
    files[Path(".gitignore")] = "runs/\n"
    taken = [str(folder / name) for name in files if (folder / name).exists()]
    if taken:
        raise SettingsError(f"{taken[0]} exists already; `init` overwrites nothing: choose another folder")
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in files]
