"""The local provider of a project's `rehearsal` settings: in the foreground, or beside another command."""

import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from aiohttp import web

from label_pipeline.cli.exits import SIGNALLED
from label_pipeline.cli.stopping import SIGNALS, handling
from label_pipeline.core.errors import ProviderUnavailableError, SettingsError
from label_pipeline.rehearsal.provider import make_app
from label_pipeline.rehearsal.recorded import read_recorded
from label_pipeline.rehearsal.serving import running_provider
from label_pipeline.rehearsal.simulated import SAMPLE_MODELS, simulated_models
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline.rehearsal.world_files import write_files
from label_pipeline.settings import RehearsalSettings, Settings

URL_VARIABLE = "LABEL_PIPELINE_PROVIDER"
KEY_VARIABLE = "LABEL_PIPELINE_PROVIDER_KEY"


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
    """The provider as an application; what a file of recorded grades holds is said on standard error."""
    rehearsal = rehearsal_of(settings)
    if rehearsal.kind == "simulated":
        world = SampleWorld.generate(rehearsal.world_seed)
        return make_app(simulated_models(world, SAMPLE_MODELS), api_key=api_key)
    if rehearsal.path is None or not rehearsal.models:
        raise SettingsError("rehearsal.kind is recorded: set rehearsal.path and rehearsal.models {name: column}")
    models, counts = read_recorded(
        settings.locate(rehearsal.path), rehearsal.query_column, rehearsal.passage_column, rehearsal.models,
        rehearsal.conflicts,
    )  # fmt: skip
    print(f"{counts.sentence}; conflicts: {rehearsal.conflicts}", file=sys.stderr)
    return make_app(models, api_key=api_key, about={"recorded": counts._asdict()})


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


def provide(settings: Settings, port: int | None, command: Sequence[str], *, until_eof: bool = False) -> int:
    """Serves until interrupted, until ``command`` (run beside it) ends, or until standard input closes.

    Args:
        settings: the project.
        port: on 127.0.0.1; None is that of the settings, 0 any free one.
        command: runs with the provider's address and key in its environment. A project without a local provider runs
            it all the same: its endpoints are elsewhere.
        until_eof: for a parent process, which closes standard input when it is done.

    Returns:
        The command's exit code, else 0.

    Raises:
        SettingsError: no `rehearsal` settings, a port that is taken, or a command that cannot be started.
    """
    if command and settings.rehearsal is None:
        print(f"project {settings.name} has no local provider: its own endpoints answer", file=sys.stderr)
        return _beside(command, os.environ)
    key = os.environ.get(KEY_VARIABLE) or secrets.token_urlsafe(16)
    chosen = rehearsal_of(settings).port if port is None else port
    with ExitStack() as stack:
        try:
            url = stack.enter_context(running_provider(provider_app(settings, key), port=chosen))
        except OSError as error:
            raise SettingsError(
                f"port {chosen} on 127.0.0.1 cannot be used: {error.strerror}; choose another one with --port, 0 takes "
                "any free one"
            ) from error
        if command:
            print(f"provider of project {settings.name} at {url}", file=sys.stderr)
            return _beside(command, {**os.environ, URL_VARIABLE: url, KEY_VARIABLE: key})
        print(f"export {URL_VARIABLE}={url}", flush=True)
        if until_eof:
            sys.stdin.buffer.read()
            return 0
        _wait_for_a_signal(f"export {KEY_VARIABLE}={key}\n# serving project {settings.name}; Ctrl-C stops")
    return 0


def _wait_for_a_signal(told: str) -> None:
    stop = threading.Event()
    with handling(dict.fromkeys(SIGNALS, lambda *_: stop.set())):
        print(told, flush=True)
        stop.wait()


def _beside(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Runs ``command`` to its end and returns its exit code, as a shell counts it.

    SIGTERM is passed on to it. Ctrl-C is not: the terminal sends it to the command too. And it must not raise here:
    between the command's end and the noting of its exit code that would lose the code.
    """
    children: list[subprocess.Popen[bytes]] = []
    asked = threading.Event()

    def terminate(_signum: int, _frame: object) -> None:
        asked.set()
        for child in children:
            child.terminate()

    with handling({signal.SIGTERM: terminate, signal.SIGINT: lambda *_: None}):
        try:
            children.append(subprocess.Popen(command, env=environment))
        except OSError as error:
            raise SettingsError(f"cannot run {command[0]!r}: {error.strerror}; check the command after `--`") from error
        if asked.is_set():  # while it was being started
            children[0].terminate()
        code = children[0].wait()
    return code if code >= 0 else SIGNALLED - code


@contextmanager
def provider_process(settings: Settings, config: Path) -> Iterator[None]:
    """Runs the provider in a process of its own while the block runs, named by the environment; dies with us.

    Raises:
        ProviderUnavailableError: it did not start.
    """
    key = secrets.token_urlsafe(16)
    # in a session of its own: Ctrl-C must not take it away while requests under way are still answered
    child = subprocess.Popen(
        [sys.executable, "-m", "label_pipeline.cli", "provide", "--config", str(config), "--port", "0", "--until-eof"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, KEY_VARIABLE: key},
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
        try:
            child.wait(timeout=30)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()
