"""What the terminal shows while work goes on: a bar on a terminal, a line every few seconds elsewhere."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from label_pipeline.cli.terminal import say

LINE_EVERY_S = 5.0


class View:
    """Progress of a run, stage by stage. ``progress`` is what the project reports to."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._stage = ""
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._total = 0
        self._said = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Frames one stage: says when it starts, how far it is, and how long it took."""
        self._stage, self._task, self._total = name, None, 0
        started = self._said = monotonic()
        say(self._console, f"{name} ...", "bold")
        columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        try:
            with Progress(
                *columns, console=self._console, transient=True, disable=not self._console.is_terminal
            ) as self._bar:
                yield
        finally:
            self._bar = None
        say(self._console, f"{name} took {monotonic() - started:.1f} s", "bold")

    def skipped(self, name: str, why: str) -> None:
        """Says that a stage had nothing to do."""
        say(self._console, f"{name} skipped: {why}", "bold")

    def found(self, facts: Iterable[tuple[str, str]]) -> None:
        """Shows what a stage found: what, and the finding."""
        for what, finding in facts:
            say(self._console, f"  {what}: " + finding.replace("\n", "\n    "))

    def warnings(self, sentences: Iterable[str]) -> None:
        """Shows what stopped nothing and still wants attention."""
        for sentence in sentences:
            say(self._console, f"  {sentence}", "yellow")

    def progress(self, done: int, total: int, cost_usd: float) -> None:
        """``done`` of ``total`` pairs have an outcome; ``cost_usd`` spent so far."""
        text = f"pairs judged, ${cost_usd:.4f}"
        if self._bar is not None and self._console.is_terminal:
            if self._task is None or total != self._total or done <= 1:
                if self._task is not None:
                    self._bar.remove_task(self._task)
                self._task, self._total = self._bar.add_task(text, total=total), total
            self._bar.update(self._task, completed=done, description=text)
        elif monotonic() - self._said >= LINE_EVERY_S:
            self._said = monotonic()
            say(self._console, f"  {self._stage}: {done}/{total} {text}")
