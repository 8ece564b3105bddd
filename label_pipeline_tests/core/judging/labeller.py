"""A process that judges: engine, OpenAI client and journal together. Killed by test_resume.

Arguments: base URL, journal file, number of pairs, requests under way at once.
"""

import signal
import sys
from pathlib import Path

from label_pipeline.adapters.journal import SQLiteJournal
from label_pipeline.adapters.limiter import Limiter
from label_pipeline.adapters.openai_client import OpenAIChatClient
from label_pipeline.core.judging.engine import Judging, judge_pairs
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.judging.running import run_judging
from label_pipeline_tests.core.judging.scripted import clock, make_member, make_pairs


def main(
    url: str, path: Path, count: int, concurrency: int, max_retries: int = 5, patience_s: float = 300.0
) -> Judging:
    async def work(journal: SQLiteJournal) -> Judging:
        client = OpenAIChatClient(
            url, "key-of-a-test", timeout_s=20, max_retries=max_retries,
            limiter=Limiter(concurrency, patience_s=patience_s),
        )  # fmt: skip
        try:
            return await judge_pairs(
                JudgingOrder(make_member(), make_pairs(count), "amplify", 0), client=client, journal=journal,
                concurrency=concurrency, run_id="r", clock=clock,
            )  # fmt: skip
        finally:
            await client.close()

    with SQLiteJournal(path) as journal:
        return run_judging(work(journal))


if __name__ == "__main__":
    # A shell that starts the tests in the background makes its children ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # a parent that ignores or blocks signals (a test worker after other tests) hands that down to its children
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
