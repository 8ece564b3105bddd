"""The commands and their arguments; each calls one function. Users' mistakes end in one line and an exit code.

Keep out: work (the modules beside this one).
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from label_pipeline.cli.exits import FAILED, MEANINGS, SIGNALLED, code_of
from label_pipeline.cli.seed import plan_humans, seed_app
from label_pipeline.cli.stopping import Stopped
from label_pipeline.core.codes.verdicts import FULL
from label_pipeline.core.errors import LabelPipelineError
from label_pipeline.settings import CONFIG_VARIABLE, SAMPLE, load
from label_pipeline.stages import STAGES

ABOUT = "Few human grades in, many trustworthy labels and a ranker out: seed, calibrate, gate, amplify, rank, anchor."
CODES = "\n\n".join(["Exit codes:", *(f"{code}: {meaning}" for code, meaning in MEANINGS.items())])

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=ABOUT, epilog=CODES)
Config = Annotated[
    Path | None,
    typer.Option(help=f"Settings file; default: the environment variable {CONFIG_VARIABLE}, else the sample."),
]


@app.command()
def demo() -> None:
    """Run the whole loop on the generated sample project, then show what came of it."""
    from label_pipeline.cli.demo import run_demo

    raise typer.Exit(run_demo(Console(), SAMPLE))


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="A new or an existing folder; nothing in it is overwritten.")],
) -> None:
    """Write commented settings, a rubric, a prompt and header-only CSVs into FOLDER."""
    from label_pipeline.cli.init import next_steps, write_project
    from label_pipeline.cli.terminal import say

    written = write_project(folder)
    say(Console(), f"Wrote {', '.join(str(path.relative_to(folder)) for path in written)}\n{next_steps(folder)}")


@app.command()
def check(
    config: Config = None,
    ask: Annotated[int, typer.Option(min=0, max=100, help="Graded pairs to ask every judge about; paid for.")] = 0,
    fit: Annotated[bool, typer.Option(help="With --ask: try other settings of an endpoint that does not fit.")] = False,
) -> None:
    """Validate settings and inputs, and price what every stage would send. Sends no chat request without --ask."""
    from label_pipeline.cli.check import check_project

    if fit and not ask:
        raise typer.BadParameter("--fit goes with --ask N: it asks a judge until its settings fit")
    raise typer.Exit(check_project(Console(), _path(config), ask, fit=fit))


@app.command()
def run(
    config: Config = None,
    since: Annotated[str, typer.Option("--from", help=f"First stage: {', '.join(STAGES)}.")] = STAGES[0],
    until: Annotated[str, typer.Option(help="Last stage.")] = STAGES[-1],
    first_day: Annotated[str | None, typer.Option(help="First day to amplify, YYYY-MM-DD.")] = None,
    last_day: Annotated[str | None, typer.Option(help="Last day to amplify, YYYY-MM-DD.")] = None,
    fresh: Annotated[bool, typer.Option(help="Start a new epoch: ask the judges again, re-use no reply.")] = False,
    lane: Annotated[
        str, typer.Option(help="Gate: `full`, or `recertify` after the provider changed the served model.")
    ] = FULL,
) -> None:
    """Run the loop in this process, stage by stage, without the Dagster page."""
    from label_pipeline.cli.run import run_project
    from label_pipeline.cli.running import RunChoice

    raise typer.Exit(run_project(Console(), _path(config), RunChoice(since, until, first_day, last_day, fresh, lane)))


@app.command()
def status(config: Config = None) -> None:
    """Show which judge is certified for which collection until when, coverage by day, spend."""
    from label_pipeline.cli.status import show_status

    show_status(Console(), load(_path(config)))


@app.command()
def recall(
    judge: Annotated[str, typer.Option(help="Judge version, or the beginning of one; `status` shows them.")],
    since: Annotated[str, typer.Option(help="First day, YYYY-MM-DD, or moment (UTC) of the labels to recall.")],
    config: Config = None,
    until: Annotated[str | None, typer.Option(help="Last day, or the moment before which; default: no end.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be recalled, and change nothing.")] = False,
) -> None:
    """Call back what a judge labelled in a window: mark it, name the rankers trained on it, plan the re-labelling."""
    from label_pipeline.cli.recall import recall_labels

    recall_labels(Console(), _path(config), judge, since, until, dry_run=dry_run)


@app.command()
def provide(
    command: Annotated[
        list[str] | None, typer.Argument(help="After `--`: a command to run beside it; serving ends with it.")
    ] = None,
    config: Config = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; default from settings, 0 = any free one.")
    ] = None,
    until_eof: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Serve the project's local provider, alone or beside a command: `provide -- COMMAND ...`."""
    from label_pipeline.cli.provider import provide as serve

    raise typer.Exit(serve(load(_path(config)), port, command or (), until_eof=until_eof))


@app.command()
def rubric(
    config: Config = None,
    same_meaning: Annotated[
        bool, typer.Option("--same-meaning", help="The changed text means what it meant; human grades stand.")
    ] = False,
    by: Annotated[str | None, typer.Option(help="Who says so; kept, and printed on verdicts.")] = None,
) -> None:
    """Show which rubric the human grades are of and what changed in its text, and answer whether it means the same."""
    from label_pipeline.cli.rubric import show_rubric

    raise typer.Exit(show_rubric(Console(), _path(config), means_the_same=same_meaning, said_by=by))


@app.command("renew-holdout")
def renew_holdout(
    config: Config = None,
    collection: Annotated[str | None, typer.Option(help="Whose holdout; default: the settings' collection.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Really do it: queries move for good.")] = False,
) -> None:
    """Retire a holdout whose looks are spent: its queries join dev, new ones take their place."""
    from label_pipeline.cli.renewal import renew_holdout as renew

    renew(Console(), _path(config), collection, sure=yes)


@app.command()
def batches(
    config: Config = None,
    release: Annotated[str | None, typer.Option(help="A batch in quarantine: its requests may be sent again.")] = None,
    not_paid: Annotated[bool, typer.Option("--not-paid", help="With --release: the provider charged nothing.")] = False,
    take_over: Annotated[
        str | None, typer.Option(help="A batch in quarantine that is the one named by --batch.")
    ] = None,
    batch: Annotated[str | None, typer.Option(help="With --take-over: its id at the provider.")] = None,
) -> None:
    """Show how every batch stands, and decide about those nobody can tell the fate of."""
    from label_pipeline.cli.batches import release_batch, show_batches, take_batch_over

    if (take_over is None) != (batch is None):
        raise typer.BadParameter("--take-over NAME and --batch ID belong together: which of ours is which of theirs")
    if release is not None and take_over is not None:
        raise typer.BadParameter("--release and --take-over are two decisions: give one")
    if not_paid and release is None:
        raise typer.BadParameter("--not-paid says something of --release NAME: give both")
    if release is not None:
        release_batch(Console(), _path(config), release, possibly_paid=not not_paid)
    elif take_over is not None and batch is not None:
        take_batch_over(Console(), _path(config), take_over, batch)
    else:
        show_batches(Console(), _path(config))


@app.command()
def maintain(config: Config = None) -> None:
    """Compact and vacuum the tables, forget old replies, ask every check about all rows. Spends nothing."""
    from label_pipeline.cli.upkeep import maintain_project

    raise typer.Exit(maintain_project(Console(), _path(config)))


@app.command()
def ui(
    config: Annotated[
        list[Path] | None, typer.Option(help="Settings file; again for each further project of the page.")
    ] = None,
    host: Annotated[str, typer.Option(help="Where the page listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the page.")] = 3000,
) -> None:
    """Open the Dagster page on one project or several, on the instance that `run` uses too. Ctrl-C stops it."""
    from label_pipeline.cli.page import open_page

    open_page([path.resolve() for path in config or [_path(None)]], host, port)


@app.command("migrate-keys")
def migrate_keys(
    config: Config = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Take results of unknown runs too: no other project used this instance.")
    ] = False,
    known: Annotated[bool, typer.Option("--known", help="Leave results of unknown runs behind.")] = False,
) -> None:
    """Give an older project keys of its own in Dagster: its results are told again under them. Spends nothing."""
    from label_pipeline.cli.migrate_keys import migrate_keys as migrate

    migrate(Console(), _path(config), everything=everything, known=known)


app.add_typer(seed_app, name="seed")
app.command("plan-humans")(plan_humans)


def _path(config: Path | None) -> Path:
    """The settings file in use, absolute: a run may change the working folder."""
    return (config or Path(os.environ.get(CONFIG_VARIABLE) or SAMPLE)).resolve()


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line; a mistake is one line on standard error and an exit code, never a traceback.

    Args:
        arguments: those of the process when None.
    """
    try:
        app(args=arguments, prog_name="label-pipeline")
    except LabelPipelineError as error:
        _end(f"error: {error}", code_of(type(error)))
    except OSError as error:  # a full disk, a folder without permission, ...
        _end(f"error: {error}", FAILED)
    except Stopped as stopped:
        word = "interrupted" if stopped.signum == 2 else "terminated"
        _end(f"{word}: everything paid for is kept; run the same command again to go on", SIGNALLED + stopped.signum)


def _end(sentence: str, code: int) -> None:
    print(sentence, file=sys.stderr)
    sys.exit(code)
