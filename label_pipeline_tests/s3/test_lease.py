"""The spending lease: one holder at a time, a dead one's ends, and a holder that lost it sends nothing more."""

import asyncio
import multiprocessing
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from label_pipeline.adapters.lease import CLOCK_GRAIN_S, Lease, LeasedClient
from label_pipeline.adapters.s3 import Objects
from label_pipeline.core.errors import BusyError, StorageError
from label_pipeline.core.ports import Reply
from label_pipeline.operations.project import Project
from label_pipeline.operations.spending import spending
from label_pipeline_tests.adapters.writers import looks, queries
from label_pipeline_tests.defs import projects
from label_pipeline_tests.s3 import servers
from label_pipeline_tests.s3.holders import enter_again_and_again, hold_until_killed, lease
from label_pipeline_tests.s3.projects_on_s3 import changes
from label_pipeline_tests.s3.servers import Troubled

SHORT_S, LONG_S = 1.0, 60.0


def test_a_second_one_is_told_who_holds_it_and_has_it_when_the_first_is_done(bucket: str) -> None:
    with lease(bucket, "process 1 on host-a", LONG_S).held() as before:
        assert before is None
        told = r"process 1 on host-a holds the spending lease .*two at once would pay"
        with pytest.raises(BusyError, match=told), lease(bucket, "process 2 on host-b", LONG_S).held():
            raise AssertionError("two at once")
    with lease(bucket, "process 2 on host-b", LONG_S).held() as before:
        assert before is None, "let go, not died"


def test_processes_that_want_it_at_once_are_never_in_it_together(bucket: str, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2)
    processes = [context.Process(target=enter_again_and_again, args=(bucket, start, str(tmp_path))) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0]


def test_a_holder_renews_and_a_killed_one_is_taken_over_once_its_lease_has_ended(bucket: str) -> None:
    context = multiprocessing.get_context("spawn")
    holding = context.Event()
    holder = context.Process(target=hold_until_killed, args=(bucket, SHORT_S, holding))
    holder.start()
    assert holding.wait(60)
    time.sleep(SHORT_S + CLOCK_GRAIN_S + 1)
    with pytest.raises(BusyError, match="the machine that died"), lease(bucket, "next", SHORT_S).held():
        raise AssertionError("it was renewed")
    assert holder.pid is not None
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    with pytest.raises(BusyError, match="the machine that died"), lease(bucket, "next", SHORT_S).held():
        raise AssertionError("too early")
    time.sleep(SHORT_S + CLOCK_GRAIN_S + 1)
    with lease(bucket, "next", SHORT_S).held() as before:
        assert before is not None
        assert before.startswith("took over the spending lease of the machine that died, silent for ")


class Counting:
    """A client that counts what it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def complete(self, body: Mapping[str, object]) -> Reply:
        self.asked += 1
        return Reply("", None, "stop", "m", None, None, 0, 0, 0, 0.0)

    async def models(self) -> tuple[str, ...]:
        return ()

    async def close(self) -> None:
        return None


def test_a_holder_cut_off_from_s3_stops_before_its_next_request(bucket: str, troubled: Troubled) -> None:
    held, client = lease(bucket, "cut off", SHORT_S), Counting()
    with held.held():
        asked = LeasedClient(client, held)
        asyncio.run(asked.complete({}))
        troubled.rules({"method": ".*", "path": ".", "do": "forbid"})
        time.sleep(SHORT_S + 0.2)
        with pytest.raises(StorageError, match=r"could not be renewed within 1 s.*Every reply so far is kept"):
            asyncio.run(asked.complete({}))
    assert client.asked == 1


def test_a_holder_whose_lease_was_taken_stops_too_and_does_not_let_go_of_the_others(bucket: str) -> None:
    slow, client = lease(bucket, "a paused machine", SHORT_S), Counting()
    with slow.held():
        taken = servers.client("s3", os.environ["AWS_ENDPOINT_URL"])
        taken.put_object(Bucket=bucket, Key="spending.lease", Body=b"another machine's")
        time.sleep(SHORT_S)
        with pytest.raises(StorageError, match="another machine may be asking"):
            asyncio.run(LeasedClient(client, slow).complete({}))
    assert client.asked == 0
    assert servers.contents(os.environ["AWS_ENDPOINT_URL"], bucket) == {"spending.lease": b"another machine's"}


def test_a_taking_or_renewal_whose_answer_is_lost_counts(bucket: str, troubled: Troubled) -> None:
    troubled.rules({"method": "PUT", "path": "spending.lease", "do": "swallow", "times": 1})
    held = lease(bucket, "unlucky", 3)
    with held.held() as before:
        assert before is None
        assert troubled.rules({"method": "PUT", "path": "spending.lease", "do": "swallow", "times": 1}) == [1]
        time.sleep(2.5)
        assert troubled.rules() == [1], "a renewal lost its answer"
        time.sleep(2)
        held.check()
    with lease(bucket, "next", LONG_S).held() as before:
        assert before is None


@pytest.mark.parametrize(("do", "header"), [("unconditional", "If-None-Match"), ("unmatched", "If-Match")])
def test_a_server_that_ignores_conditions_is_refused(bucket: str, troubled: Troubled, do: str, header: str) -> None:
    troubled.rules({"method": "PUT", "path": "spending.lease", "do": do})
    told = rf"this server ignores {header}, and two machines could pay twice"
    with pytest.raises(StorageError, match=told), lease(bucket, "anyone", LONG_S).held():
        raise AssertionError("everyone would hold it")
    troubled.rules()
    with lease(bucket, "next", LONG_S).held() as before:
        assert before is None, "the refused one let go"


def test_a_machine_whose_clock_stood_still_hears_from_s3_that_its_turn_is_over(bucket: str, s3_url: str) -> None:
    objects, url = Objects(servers.client("s3", s3_url)), f"s3://{bucket}/spending.lease"
    halted = Lease(objects, url, "a halted machine", lasts_s=LONG_S, monotonic=lambda: 0.0)
    with halted.held():
        halted.confirm()
        servers.client("s3", s3_url).put_object(Bucket=bucket, Key="spending.lease", Body=b"another machine's")
        halted.check()
        with pytest.raises(StorageError, match=r"is another machine's: this one was halted.*Nothing more was written"):
            halted.confirm()
        with pytest.raises(StorageError, match="another machine may be asking"):
            halted.check()


def test_a_writer_whose_turn_is_over_commits_to_no_table(bucket: str, s3_url: str, tmp_path: Path) -> None:
    project = Project(projects.settings(tmp_path, **changes(bucket)))
    with spending(project):
        assert project.store("rank").append("holdout_looks", looks("mine"), "mine")
        servers.client("s3", s3_url).put_object(Bucket=bucket, Key="search/spending.lease", Body=b"another machine's")
        for write in (
            lambda: project.store("rank").append("holdout_looks", looks("late"), "late"),
            lambda: project.store("seed").overwrite("queries", queries("late")),
        ):
            with pytest.raises(StorageError, match="is another machine's"):
                write()
    assert project.store("rank").read("holdout_looks")["verdict_id"].to_list() == ["mine"]
    assert project.store("rank").read("queries").is_empty()


def test_without_s3_nobody_holds_anything(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    told = r"spending.lease cannot be read: the connection"
    with pytest.raises(StorageError, match=told), lease(bucket, "offline", LONG_S).held():
        raise AssertionError("held nothing")
