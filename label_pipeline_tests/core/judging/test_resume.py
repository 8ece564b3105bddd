"""Engine, OpenAI client, journal and a real server together, with real processes that really die."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest
from aiohttp import web

from label_pipeline.core.errors import ProviderUnavailableError
from label_pipeline_tests.core.judging.labeller import main as label
from label_pipeline_tests.core.judging.scripted import ScriptedProvider, graded, make_pairs

pytestmark = pytest.mark.outside

COUNT = 400
CONCURRENCY = 16


async def answers(number: int, body: Mapping[str, object]) -> web.StreamResponse:
    # the second half is slow, so that a signal sent half way arrives half way also on a busy machine
    await asyncio.sleep(0.01 if number < COUNT // 2 else 0.3)
    return web.json_response(graded(body))


def interrupted(provider: ScriptedProvider, journal: Path, number: signal.Signals) -> int:
    """Starts a labeller in a process, sends it the signal half way and returns its exit code."""
    command = [sys.executable, "-m", "label_pipeline_tests.core.judging.labeller"]
    arguments = [provider.url, str(journal), str(COUNT), str(CONCURRENCY)]
    process = subprocess.Popen([*command, *arguments], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while provider.requests < COUNT // 2 and time.monotonic() < deadline:
        time.sleep(0.002)
    os.kill(process.pid, number)
    process.communicate(timeout=60)
    assert COUNT // 2 <= provider.requests < COUNT
    return process.returncode


def grades(provider: ScriptedProvider, journal: Path) -> pl.DataFrame:
    done = label(provider.url, journal, COUNT, CONCURRENCY)
    return done.judgements.select("request_key", "doc_id", "outcome", "grade", "rationale", "model_reported")


def test_kill_9_half_way_and_again_gives_the_same_judgements(tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite"
    with ScriptedProvider(answers) as provider:
        assert interrupted(provider, journal, signal.SIGKILL) == -signal.SIGKILL
        resumed = grades(provider, journal)
        assert len(provider.bodies) == COUNT
        assert 0 <= provider.requests - COUNT <= CONCURRENCY  # sent twice: at most those under way
        assert max(provider.bodies.values()) <= 2
        before = provider.requests
        assert grades(provider, journal).equals(resumed)
        assert provider.requests == before  # a third run sends nothing
    with ScriptedProvider(answers) as provider:
        assert grades(provider, tmp_path / "undisturbed.sqlite").equals(resumed)
    assert resumed["outcome"].to_list() == ["graded"] * COUNT
    assert resumed["grade"].n_unique() == 4  # so that equality means something


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGINT, -signal.SIGINT)])
def test_sigterm_and_ctrl_c_send_nothing_twice(tmp_path: Path, number: signal.Signals, code: int) -> None:
    journal = tmp_path / "journal.sqlite"
    with ScriptedProvider(answers) as provider:
        assert interrupted(provider, journal, number) == code
        assert grades(provider, journal).height == COUNT
        assert provider.requests == len(provider.bodies) == COUNT


def test_a_storm_of_429_loses_no_pair(tmp_path: Path) -> None:
    async def stormy(number: int, body: Mapping[str, object]) -> web.StreamResponse:
        if 40 <= number < 60:
            headers = {"retry-after-ms": "200"}
            return web.json_response({"error": {"message": "slow down"}}, status=429, headers=headers)
        return web.json_response(graded(body))

    with ScriptedProvider(stormy) as provider:
        done = label(provider.url, tmp_path / "journal.sqlite", 100, 8)
    assert done.requests == 100
    assert done.judgements["outcome"].unique().to_list() == ["graded"]
    assert done.judgements.height == len(make_pairs(100))


def test_a_provider_that_goes_down_half_way_and_comes_back_elsewhere(tmp_path: Path) -> None:
    async def dying(number: int, body: Mapping[str, object]) -> web.StreamResponse:
        return web.json_response(graded(body)) if number < 60 else web.Response(status=503)

    journal = tmp_path / "journal.sqlite"
    with ScriptedProvider(dying) as provider:
        with pytest.raises(ProviderUnavailableError, match=r"20 requests in a row.*503.*(5.|60) of 100"):
            label(provider.url, journal, 100, 4, max_retries=0, patience_s=0)
        assert provider.requests <= 60 + 20 + 4
    with pytest.raises(ProviderUnavailableError, match="60 of 100 replies are kept"):
        label(provider.url, journal, 100, 4, max_retries=0, patience_s=0)  # gone for good
    with ScriptedProvider(answers) as provider:
        assert label(provider.url, journal, 100, 4).requests == provider.requests == 40
