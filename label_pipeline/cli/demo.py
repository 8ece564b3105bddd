"""`demo`: the sample project from nothing to a proven ranker, and where to look next."""

from pathlib import Path
from time import monotonic

from rich.console import Console

from label_pipeline.cli.provider import ensure_sample_inputs, provider_process
from label_pipeline.cli.run import report
from label_pipeline.cli.running import RunChoice, run_stages
from label_pipeline.cli.stopping import stoppable
from label_pipeline.cli.summary import show_summary
from label_pipeline.cli.terminal import say
from label_pipeline.cli.view import View
from label_pipeline.settings import load


def run_demo(console: Console, config: Path) -> int:
    """Runs the whole loop; returns the exit code. A second run re-uses what it has and spends nothing.

    Raises:
        Stopped: by Ctrl-C or SIGTERM; what was paid for is kept.
    """
    settings = load(config)
    started = monotonic()
    say(
        console,
        "The sample project is generated: company, people, documents and judges are made up; its README.txt is in\n"
        f"{settings.home_path / 'inputs'}. Its judges run on this machine; its dollars are play money.\n",
    )
    with stoppable() as stop:
        if ensure_sample_inputs(settings):
            say(console, "generated the sample world")
        with provider_process(settings, config):
            failure = run_stages(settings, RunChoice(), View(console), stop)
    show_summary(console, settings)
    say(
        console,
        f"{monotonic() - started:.0f} s. Look next: `make ui` opens the Dagster page on this very run; README.md, "
        "section 'Your own data'; `label-pipeline status`.",
    )
    return report(console, failure)
