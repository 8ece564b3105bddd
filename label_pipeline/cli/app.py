"""The commands and their arguments; each calls one function. Users' mistakes end in one line and an exit code.

Keep out: work (the modules beside this one).
"""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from label_pipeline.cli.exits import INTERRUPTED, code_of
from label_pipeline.core.errors import LabelPipelineError, SettingsError
from label_pipeline.settings import CONFIG_VARIABLE, SAMPLE, load
from label_pipeline.stages import STAGES

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
Config = Annotated[Path | None, typer.Option(help="Settings file; default LABEL_PIPELINE_CONFIG, else the sample.")]


@app.command()
def demo() -> None:
    """Run the whole loop on the generated sample project: seed, calibrate, gate, amplify, rank."""
    from label_pipeline.cli.demo import run_demo

    raise typer.Exit(run_demo(Console(), SAMPLE))


@app.command()
def init(folder: Path) -> None:
    """Write a commented settings file, rubric, prompt and header-only CSVs into FOLDER."""
    from label_pipeline.cli.init import write_project

    written = write_project(folder)
    Console().print(f"wrote {len(written)} files to {folder}; fill the CSVs, then:", soft_wrap=True)
    Console().print(f"  label-pipeline check --config {folder / 'settings.yaml'}", soft_wrap=True)


@app.command()
def check(config: Config = None) -> None:
    """Validate settings and inputs, and print what every stage would send and cost. Sends no chat request."""
    from label_pipeline.cli.check import check_project

    raise typer.Exit(check_project(Console(), _path(config)))


@app.command()
def run(
    config: Config = None,
    until: Annotated[str, typer.Option(help=f"Last stage: {', '.join(STAGES)}.")] = STAGES[-1],
    first_day: Annotated[str | None, typer.Option(help="First day to amplify, YYYY-MM-DD.")] = None,
    last_day: Annotated[str | None, typer.Option(help="Last day to amplify, YYYY-MM-DD.")] = None,
    fresh: Annotated[bool, typer.Option(help="Start a new epoch: ask the judges again, re-use no reply.")] = False,
) -> None:
    """Materialise the graph in this process, stage by stage, without the page."""
    from label_pipeline.cli.run import run_project

    if until not in STAGES:
        raise SettingsError(f"--until {until!r} is no stage; stages are {', '.join(STAGES)}")
    if (first_day is None) != (last_day is None):
        raise SettingsError("--first-day and --last-day go together")
    days = None if first_day is None or last_day is None else (first_day, last_day)
    raise typer.Exit(run_project(Console(), _path(config), until=until, days=days, fresh=fresh))


@app.command()
def status(config: Config = None) -> None:
    """Which judge is certified for which collection until when, coverage by day, spend."""
    from label_pipeline.cli.status import show_status

    show_status(Console(), load(_path(config)))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def provide(
    context: typer.Context,
    config: Config = None,
    port: Annotated[
        int | None, typer.Option(help="Port on 127.0.0.1; default from settings, 0 = any free one.")
    ] = None,
    until_eof: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Serve the project's local provider, alone or beside a command: `provide -- COMMAND ...`."""
    from label_pipeline.cli.provider import provide as serve
    from label_pipeline.cli.provider import rehearsal_of

    settings = load(_path(config))
    chosen = rehearsal_of(settings).port if port is None else port
    raise typer.Exit(serve(settings, chosen, context.args, until_eof=until_eof))


def _path(config: Path | None) -> Path:
    """The settings file in use, absolute: a run may change the working folder."""
    return (config or Path(os.environ.get(CONFIG_VARIABLE) or SAMPLE)).resolve()


def main() -> None:
    """Runs the command line; a mistake is one line on standard error and an exit code, never a traceback."""
    try:
        app()
    except LabelPipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(code_of(type(error)))
    except KeyboardInterrupt:
        print("interrupted; everything paid for is kept, run the same command again to go on", file=sys.stderr)
        sys.exit(INTERRUPTED)
