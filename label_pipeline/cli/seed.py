"""`label-pipeline seed ...` and `plan-humans`: their arguments; each calls one function."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from label_pipeline.core.errors import SettingsError
from label_pipeline.settings import CONFIG_VARIABLE, Settings, load

if TYPE_CHECKING:
    from label_pipeline.cli.seed_folder import SeedFolder

seed_app = typer.Typer(no_args_is_help=True, help="From a query log and documents to human labels.")

Config = Annotated[
    Path | None,
    typer.Option(help=f"Settings file; default: the environment variable {CONFIG_VARIABLE}."),
]
SEARCH = (
    "NAME=URL of a search. GET the URL, its {query}, {depth}, {language}, {collection} filled in, must answer "
    '{"hits": [{"doc_id": "..."}, ...]}, best first.'
)
Out = Annotated[Path | None, typer.Option(help="Folder of the draw; default: `seed` beside the settings file.")]


@seed_app.command()
def draw(
    log: Annotated[Path, typer.Option(help="Query log (CSV, JSONL, Parquet): query [, frequency, language, ...].")],
    annotators: Annotated[str, typer.Option(help="Who grades, separated by commas.")],
    config: Config = None,
    out: Out = None,
    log_column: Annotated[list[str] | None, typer.Option(help="ours=theirs, e.g. frequency=count.")] = None,
    retrieved: Annotated[
        list[Path] | None, typer.Option(help="Candidate file: query[_id], doc_id [, order, rank|score].")
    ] = None,
    retrieved_column: Annotated[list[str] | None, typer.Option(help="ours=theirs.")] = None,
    endpoint: Annotated[list[str] | None, typer.Option(help=SEARCH)] = None,
    endpoint_key_env: Annotated[str | None, typer.Option(help="Environment variable of the search's key.")] = None,
    queries: Annotated[int, typer.Option(min=1, help="Queries a collection.")] = 100,
    pairs: Annotated[int, typer.Option(min=1, help="Pairs a query.")] = 12,
    graders: Annotated[int, typer.Option(min=1, help="People a pair; 3 for a panel.")] = 1,
    overlap: Annotated[float, typer.Option(min=0, max=1, help="Share of the pairs with more people.")] = 0.2,
    overlap_graders: Annotated[
        int | None, typer.Option(min=1, help="People on those; default 2, or --graders.")
    ] = None,
    by: Annotated[str, typer.Option(help="Strata in proportion to `traffic` or to `queries`.")] = "traffic",
    spread: Annotated[Path | None, typer.Option(help="CSV of strata with `spread`: Neyman allocation.")] = None,
    floor: Annotated[int, typer.Option(min=0, help="Queries of every stratum at least.")] = 2,
    top: Annotated[int, typer.Option(min=1, help="Last rank of the top of a pool.")] = 5,
    near: Annotated[int, typer.Option(min=1, help="Last rank of its middle.")] = 20,
    depth: Annotated[int, typer.Option(min=1, help="Last rank of the pool.")] = 100,
    seed: Annotated[int, typer.Option(help="Another number is another draw.")] = 7,
) -> None:
    """Draw queries and documents with known probabilities and share them out; again with more to extend."""
    from label_pipeline.cli.seed_draw import Plans, draw_seed
    from label_pipeline.cli.seed_orders import Sources
    from label_pipeline.operations.project import Project
    from label_pipeline.stages.seed.draw import QueryPlan
    from label_pipeline.stages.seed.overlap import OverlapPlan
    from label_pipeline.stages.seed.pool import PoolPlan

    if by not in ("traffic", "queries"):
        raise SettingsError(f"--by {by!r} is unknown; expected traffic or queries")
    share_of: Literal["traffic", "queries"] = "traffic" if by == "traffic" else "queries"
    if not top <= near <= depth:
        raise SettingsError(f"expected --top <= --near <= --depth, got {top}, {near}, {depth}")
    settings = load(_path(config))
    sources = Sources(
        log, _pairs(log_column, "--log-column"), retrieved or (), _pairs(retrieved_column, "--retrieved-column"),
        _pairs(endpoint, "--endpoint"), endpoint_key_env, spread,
    )  # fmt: skip
    people = tuple(name.strip() for name in annotators.split(",") if name.strip())
    plans = Plans(
        QueryPlan(queries, share_of, floor, seed),
        PoolPlan(pairs, top, near, depth, seed),
        OverlapPlan(people, graders, overlap, overlap_graders or max(2, graders), seed),
    )
    raise typer.Exit(draw_seed(Console(), Project(settings), _folder(settings, out), sources, plans))


@seed_app.command()
def guide(config: Config = None, out: Out = None) -> None:
    """Render the rubric to the annotators' guide and Label Studio's labelling configuration."""
    from label_pipeline.cli.seed_grading import write_guide
    from label_pipeline.operations.project import Project

    settings = load(_path(config))
    raise typer.Exit(write_guide(Console(), Project(settings), _folder(settings, out)))


@seed_app.command()
def export(
    config: Config = None,
    out: Out = None,
    tool: Annotated[str, typer.Option(help="label-studio or csv.")] = "label-studio",
    only_open: Annotated[bool, typer.Option("--open", help="Only what is not answered yet.")] = False,
) -> None:
    """Write guide, configuration and tasks for a grading tool."""
    from label_pipeline.cli.seed_grading import export_tasks
    from label_pipeline.operations.project import Project

    settings = load(_path(config))
    raise typer.Exit(export_tasks(Console(), Project(settings), _folder(settings, out), tool, only_open=only_open))


@seed_app.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(help="Label Studio's JSON exports, filled CSV sheets.")],
    config: Config = None,
    out: Out = None,
    users: Annotated[
        Path | None, typer.Option(help="Reply of Label Studio's /api/users: names instead of numbers.")
    ] = None,
    accept_rubric: Annotated[
        list[str] | None, typer.Option(help="A rubric version that counts besides today's.")
    ] = None,
    encoding: Annotated[str, typer.Option(help="Of the files, e.g. cp1252 or utf-16.")] = "utf-8",
) -> None:
    """Turn people's answers into human_labels.csv; every answer is kept, bad ones are set aside with a reason."""
    from label_pipeline.cli.seed_grading import import_answers
    from label_pipeline.operations.project import Project

    settings = load(_path(config))
    folder = _folder(settings, out)
    taken = import_answers(Console(), Project(settings), folder, files, users, accept_rubric or (), encoding)
    raise typer.Exit(taken)


def plan_humans(
    policy: Annotated[
        str, typer.Option(help="Gate policy: single-standard, -permissive, -strict, or panel.")
    ] = "single-standard",
    pool: Annotated[int, typer.Option(help="Pairs that shall have a label.")] = 100_000,
    seconds: Annotated[float, typer.Option(help="Seconds a grade.")] = 30,
    hourly_usd: Annotated[float, typer.Option(help="What an annotator's hour costs.")] = 25,
    label_usd: Annotated[float, typer.Option(help="What 1,000 labels of the judge cost (`check` prices yours).")] = 2,
    overlap: Annotated[float, typer.Option(help="Share of the pairs a second person grades.")] = 0.2,
    renewals: Annotated[int, typer.Option(help="Fresh holdouts a year: one for every five looks.")] = 1,
    config: Annotated[
        Path | None, typer.Option(help="A project: what its last look said of the queries that would open its gate.")
    ] = None,
) -> None:
    """Say how many grades each claim needs, how many hours, and when people alone are the better buy."""
    from label_pipeline.cli.humans import plan_humans as show
    from label_pipeline.stages.seed.effort import Prices

    raise typer.Exit(show(Console(), policy, overlap, pool, Prices(seconds, hourly_usd, label_usd), renewals, config))


def _path(config: Path | None) -> Path:
    """The settings file that is named, or the one the environment names.

    Raises:
        SettingsError: none is named; the sample has its seed already.
    """
    found = config or os.environ.get(CONFIG_VARIABLE)
    if not found:
        raise SettingsError(
            f"name the project: --config my-search/settings.yaml, or {CONFIG_VARIABLE}; `label-pipeline init` makes one"
        )
    return Path(found).resolve()


def _folder(settings: Settings, out: Path | None) -> "SeedFolder":
    from label_pipeline.cli.seed_folder import SeedFolder

    return SeedFolder((out or settings.folder / "seed").resolve())


def _pairs(given: Sequence[str] | None, option: str) -> dict[str, str]:
    """``a=b`` options as a mapping.

    Raises:
        SettingsError: one without ``=``, or a name given twice.
    """
    found: dict[str, str] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or not value.strip() or name.strip() in found:
            raise SettingsError(f"{option} {text!r}: expected NAME=VALUE, each name once")
        found[name.strip()] = value.strip()
    return found
