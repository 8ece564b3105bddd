"""A pytest plugin that testifies in a file what its process really ran: the planted module, and the planted line.

A survivor counts only with this testimony: an environment that finds another copy of the package would let everything
survive. Loaded by `-p label_pipeline_tests.mutation.witness`, before any conftest.py, so before the module. It takes
what to look for from the environment (trial.py sets it).
"""

import os
import sys
import threading
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

MODULE, MARK, FIRST, LAST, TESTIMONY = (
    f"LABEL_PIPELINE_MUTATION_{name}" for name in ("MODULE", "MARK", "FIRST", "LAST", "TESTIMONY")
)
LOADED, EXECUTED = "loaded", "executed"


def _watch(module: str, mark: str, lines: range, testimony: Path) -> None:
    """Writes ``loaded`` once the interpreter begins a module compiled from the marked text, ``executed`` at the line.

    Args:
        module: the planted file, as an absolute path.
        mark: a constant that stands in the planted text only.
        lines: any of these is the planted statement.
        testimony: the file that is written.
    """

    def on_event(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "exec" and arguments and isinstance(arguments[0], CodeType):
            code = arguments[0]
            if code.co_filename == module and mark in code.co_consts:
                _say(LOADED)

    def on_call(frame: FrameType, event: str, argument: object) -> Any:
        return on_line if frame.f_code.co_filename == module else None

    def on_line(frame: FrameType, event: str, argument: object) -> Any:
        if event == "line" and frame.f_lineno in lines:
            _say(EXECUTED)
            sys.settrace(None)  # enough is known, and tracing costs time
            threading.settrace(None)
            return None
        return on_line

    def _say(word: str) -> None:
        with testimony.open("a", encoding="utf-8") as file:
            file.write(f"{word}\n")

    sys.addaudithook(on_event)
    threading.settrace(on_call)
    sys.settrace(on_call)


if MODULE in os.environ:
    _watch(
        os.environ[MODULE], os.environ[MARK], range(int(os.environ[FIRST]), int(os.environ[LAST]) + 1),
        Path(os.environ[TESTIMONY]),
    )  # fmt: skip
