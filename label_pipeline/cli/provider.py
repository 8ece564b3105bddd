"""The local provider of a project's `rehearsal` settings: in the foreground, or beside another command.

Keep out: what it answers (rehearsal/).
"""

import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from aiohttp import web

from label_pipeline.core.errors import ProviderUnavailableError, SettingsError
from label_pipeline.rehearsal.provider import make_app
from label_pipeline.rehearsal.recorded import recorded_models
from label_pipeline.rehearsal.serving import running_provider
from label_pipeline.rehearsal.simulated import SAMPLE_MODELS, simulated_models
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline.rehearsal.world_files import write_files
from label_pipeline.settings import RehearsalSettings, Settings

URL_VARIABLE = "LABEL_PIPELINE_PROVIDER"
KEY_VARIABLE = "LABEL_PIPELINE_PROVIDER_KEY"
START_TIMEOUT_S = 60.0


def rehearsal_of(settings: Settings) -> RehearsalSettings:
    """The settings of the local provider.

    Raises:
        SettingsError: the project has none.
    """
    if settings.rehearsal is None:
        raise SettingsError(
            f"project {settings.name} has no `rehearsal` settings, so there is no local provider to start; "
            "add `rehearsal: {kind: simulated}` or use the sample project"
        )
    return settings.rehearsal


def provider_app(settings: Settings, api_key: str) -> web.Application:
    """The provider as an application."""
    rehearsal = rehearsal_of(settings)
    if rehearsal.kind == "simulated":
        world = SampleWorld.generate(rehearsal.world_seed)
        return make_app(simulated_models(world, SAMPLE_MODELS), api_key=api_key)
    if rehearsal.path is None or not rehearsal.models:
        raise SettingsError("rehearsal.kind is recorded: set rehearsal.path and rehearsal.models {name: column}")
    models = recorded_models(
        settings.locate(rehearsal.path), rehearsal.query_column, rehearsal.passage_column, rehearsal.models,
        rehearsal.conflicts,
    )  # fmt: skip
    return make_app(models, api_key=api_key)


def ensure_sample_inputs(settings: Settings) -> bool:
    """Writes the generated sample files where the project expects them; returns whether it wrote."""
    rehearsal = rehearsal_of(settings)
    folder = settings.home_path / "inputs"
    stamp, mark = folder / "WORLD_SEED", str(rehearsal.world_seed)
    if rehearsal.kind != "simulated" or (stamp.is_file() and stamp.read_text() == mark):
        return False
    write_files(SampleWorld.generate(rehearsal.world_seed), folder)
    stamp.write_text(mark)
    return True


def provide(settings: Settings, port: int, command: Sequence[str], *, until_eof: bool = False) -> int:
    """Serves until interrupted, until ``command`` (run beside it) ends, or until standard input closes."""
    key = os.environ.get(KEY_VARIABLE) or secrets.token_urlsafe(16)
    with running_provider(provider_app(settings, key), port=port) as url:
        print(f"export {URL_VARIABLE}={url}", flush=True)
        if command:
            return _beside(command, {**os.environ, URL_VARIABLE: url, KEY_VARIABLE: key})
        if until_eof:
            sys.stdin.buffer.read()
            return 0
        print(f"export {KEY_VARIABLE}={key}\n# serving; Ctrl-C stops", flush=True)
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        with suppress(KeyboardInterrupt):
            stop.wait()
    return 0


def _beside(command: Sequence[str], environment: Mapping[str, str]) -> int:
    child = subprocess.Popen(command, env=environment)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            continue  # the terminal sent it to the child too: wait for its clean end


@contextmanager
def provider_process(settings: Settings, config: Path) -> Iterator[None]:
    """Runs the provider in a process of its own while the block runs, named by the environment; dies with us."""
    key = secrets.token_urlsafe(16)
    child = subprocess.Popen(
        [sys.executable, "-m", "label_pipeline.cli", "provide", "--config", str(config), "--port", "0", "--until-eof"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, KEY_VARIABLE: key},
    )  # fmt: skip
    assert child.stdout
    assert child.stdin
    before = {name: os.environ.get(name) for name in (URL_VARIABLE, KEY_VARIABLE)}
    try:
        line = child.stdout.readline().strip()
        if not line.startswith(f"export {URL_VARIABLE}="):
            raise ProviderUnavailableError(
                f"the local provider of {settings.name} did not start (said {line!r}, exit code {child.wait(5)}); "
                f"run `label-pipeline provide --config {config}` to see why"
            )
        os.environ[URL_VARIABLE], os.environ[KEY_VARIABLE] = line.partition("=")[2], key
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        child.stdin.close()
        child.wait(timeout=30)
        child.stdout.close()
