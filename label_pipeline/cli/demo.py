"""`demo`: the sample project from nothing to a proven ranker, and where to look next.

Keep out: the graph, the provider.
"""

from pathlib import Path
from time import monotonic

from rich.console import Console

from label_pipeline.cli.provider import ensure_sample_inputs, provider_process
from label_pipeline.cli.run import report
from label_pipeline.cli.running import run_stages
from label_pipeline.cli.summary import show_summary
from label_pipeline.cli.view import View
from label_pipeline.settings import load


def run_demo(console: Console, config: Path) -> int:
    """Runs the whole loop; returns the exit code. A second run re-uses what it has and spends nothing."""
    settings = load(config)
    started = monotonic()
    console.print(
        "The sample project is generated: company, people, documents and judges are made up. See its README.txt"
    )
    console.print(
        f"under {settings.home_path / 'inputs'}. Its judges run on this machine; its dollars are play money.\n"
    )
    if ensure_sample_inputs(settings):
        console.print("generated the sample world")
    with provider_process(settings, config):
        failure = run_stages(settings, View(console))
    show_summary(console, settings)
    console.print(f"\n{monotonic() - started:.0f} s. Look next: `make ui` opens the Dagster page on this very run;")
    console.print("README.md, section 'Your own data'; `label-pipeline status`.")
    return report(console, failure)
