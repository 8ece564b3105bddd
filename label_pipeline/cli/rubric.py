"""`rubric`: which rubric the human grades are of, what changed in its text, and the one answer that is asked about it.

Keep out: what follows from it (stages/seed), keeping the answer (operations/seed_rubrics.py).
"""

from pathlib import Path

from rich.console import Console

from label_pipeline.cli.exits import DONE, MISTAKE
from label_pipeline.cli.terminal import say
from label_pipeline.core.errors import SettingsError
from label_pipeline.operations.project import Project
from label_pipeline.operations.seed_rubrics import known_of_rubric, same_meaning, texts_of_rubric
from label_pipeline.settings import load


def show_rubric(console: Console, config: Path, *, means_the_same: bool, said_by: str | None) -> int:
    """Shows the rubric in force and what is known of its grades; keeps the answer where one is given.

    Returns:
        0; 2 while a changed text waits for its answer.

    Raises:
        SettingsError: an answer without a name, or a name without an answer.
    """
    if means_the_same != bool(said_by and said_by.strip()):
        raise SettingsError("--same-meaning and --by NAME belong together: the answer is kept with who gave it")
    project = Project(load(config))
    texts = texts_of_rubric(project)
    say(console, f"rubric {project.rubric_version} ({project.rubric.name}), label {texts.label}")
    if texts.changes:
        say(console, f"its text changed since it was last agreed on ({texts.known['known_at'][-1]:%Y-%m-%d}):")
        for line in texts.changes:
            say(console, f"  {line}", "green" if line.startswith("+") else "red")
    if means_the_same and said_by:
        same_meaning(project, said_by.strip())
        if texts.agreed:
            say(console, "there was nothing to answer: the text is agreed on")
    fact = known_of_rubric(project)
    say(console, fact.sentence, "red" if fact.stops else "")
    return MISTAKE if fact.stops else DONE
