"""What the terminal shows while work goes on: a bar on a terminal, a line every few seconds elsewhere."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from label_pipeline.cli.terminal import say
from label_pipeline.core.judging.advance import Advance, Speed, sentence

LINE_EVERY_S = 5.0


class View:
    """Progress of a run, stage by stage. ``progress`` is what the project reports to."""

    def __init__(self, console: Console, clock: Callable[[], float] = monotonic) -> None:
        self._console, self._clock, self._speed = console, clock, Speed()
        self._stage = ""
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._total = 0
        self._said = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Frames one stage: says when it starts, how far it is, and how long it took."""
        self._stage, self._task, self._total = name, None, 0
        started = self._said = self._clock()
        say(self._console, f"{name} ...", "bold")
        columns = (BarColumn(), TextColumn("{task.description}"))
        try:
            with Progress(
                *columns, console=self._console, transient=True, disable=not self._console.is_terminal
            ) as self._bar:
                yield
        finally:
            self._bar = None
        say(self._console, f"{name} took {self._clock() - started:.1f} s", "bold")

    def skipped(self, name: str, why: str) -> None:
        """Says that a stage had nothing to do."""
        say(self._console, f"{name} skipped: {why}", "bold")

    def found(self, facts: Iterable[tuple[str, str]]) -> None:
        """Shows what a stage found: what, and the finding."""
        for what, finding in facts:
            say(self._console, f"  {what}: " + finding.replace("\n", "\n    "))

    def warnings(self, sentences: Iterable[str]) -> None:
        """Shows what stopped nothing and still wants attention."""
        for one in sentences:
            say(self._console, f"  {one}", "yellow")

    def progress(self, advance: Advance) -> None:
        """``advance``: how far the work is."""
        now = self._clock()
        text = sentence(advance, self._speed.of(advance.done, now))
        if self._bar is not None and self._console.is_terminal:
            if self._task is None or advance.total != self._total or advance.done <= 1:
                if self._task is not None:
                    self._bar.remove_task(self._task)
                self._task, self._total = self._bar.add_task(text, total=advance.total), advance.total
            self._bar.update(self._task, completed=advance.done, description=text)
        elif now - self._said >= LINE_EVERY_S:
            self._said = now
            say(self._console, f"  {self._stage}: {text}")
