"""The local provider as people start it: alone, or beside a command, and how both end."""

import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from label_pipeline_tests.cli import own_data
from label_pipeline_tests.cli.commands import Shell, ended, provided, stats
from label_pipeline_tests.cli.own_data import KEY, MODELS, OwnData

NOWHERE = "http://127.0.0.1:9/v1"


@pytest.fixture
def config(shell: Shell, data: OwnData, recorded: Path) -> Path:
    """A project whose own provider plays back the recorded judges."""
    path = own_data.fill(shell.folder / "company", data, NOWHERE)
    own_data.edit(path, rehearsal={"kind": "recorded", "path": str(recorded), "models": MODELS})
    return path


@pytest.fixture
def keyed(shell: Shell) -> Shell:
    """The terminal with the provider's key exported too."""
    return Shell(shell.folder, {**shell.exported, "LABEL_PIPELINE_PROVIDER_KEY": KEY})


def test_it_serves_until_sigterm_and_ends_well(keyed: Shell, config: Path) -> None:
    with provided(keyed, "--config", config, "--port", 0) as (process, url):
        assert stats(url)["requests"] == 0
        process.send_signal(signal.SIGTERM)
        end = ended(process)
    assert end.code == 0


def test_a_command_beside_it_sees_it_and_its_exit_code_is_the_exit_code(keyed: Shell, config: Path) -> None:
    script = (
        "import os, sys, urllib.request as u\n"
        "url, key = os.environ['LABEL_PIPELINE_PROVIDER'], os.environ['LABEL_PIPELINE_PROVIDER_KEY']\n"
        "asked = u.Request(url + '/models', headers={'Authorization': 'Bearer ' + key})\n"
        "sys.exit(7 if b'judge-good' in u.urlopen(asked).read() else 1)"
    )
    end = keyed.run("provide", "--config", config, "--port", 0, "--", sys.executable, "-c", script)
    assert end.code == 7, end.said


@pytest.mark.parametrize(("signum", "group"), [(signal.SIGTERM, False), (signal.SIGINT, True)], ids=["TERM", "Ctrl-C"])
def test_a_signal_ends_both_the_provider_and_the_command_beside_it(
    keyed: Shell, config: Path, signum: signal.Signals, group: bool
) -> None:
    """Ctrl-C reaches the whole foreground group, as `make ui` has it; SIGTERM reaches the provider alone."""
    mark = keyed.folder / "child"
    child = f"echo $$ > {mark}.part && mv {mark}.part {mark} && exec sleep 60"
    process = keyed.start("provide", "--config", config, "--port", 0, "--", "sh", "-c", child)
    while not mark.exists():
        assert process.poll() is None, ended(process).said
    if group:
        os.killpg(process.pid, signum)
    else:
        process.send_signal(signum)
    assert ended(process).code == 128 + signum
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


def test_it_ends_with_the_parent_that_holds_its_standard_input(keyed: Shell, config: Path) -> None:
    end = keyed.run("provide", "--config", config, "--port", 0, "--until-eof")  # standard input is empty
    assert end.code == 0
    assert end.out.startswith("export LABEL_PIPELINE_PROVIDER=http://127.0.0.1:")


def test_a_taken_port_is_said(keyed: Shell, config: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        end = keyed.here("provide", "--config", config, "--port", port)
    assert end.code == 2
    assert f"port {port} on 127.0.0.1 cannot be used" in end.err
    assert "--port" in end.err


def test_a_command_that_does_not_exist_is_said(keyed: Shell, config: Path) -> None:
    end = keyed.here("provide", "--config", config, "--port", 0, "--", "no-such-command")
    assert end.code == 2
    assert "cannot run 'no-such-command'" in end.err


def test_an_option_with_a_typo_is_no_command(keyed: Shell, config: Path) -> None:
    end = keyed.here("provide", "--config", config, "--prot", 8321)
    assert end.code == 2
    assert "--prot" in end.err


def test_a_project_without_a_local_provider_still_runs_the_command(shell: Shell, data: OwnData) -> None:
    config = own_data.fill(shell.folder / "company", data, NOWHERE)
    alone = shell.here("provide", "--config", config)
    assert alone.code == 2
    assert "no `rehearsal` settings" in alone.err
    beside = shell.here("provide", "--config", config, "--", "sh", "-c", "exit 3")
    assert beside.code == 3
    assert "its own endpoints answer" in beside.err
