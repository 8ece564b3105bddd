"""One validated settings tree, read from one YAML file.

Every knob has a safe default, a bound, a unit and a reason. What spends has a cap; a cap of 0 refuses. Secrets are
named by environment variable and never stored. Keep out: building clients, members or graphs from it (defs/).
"""

import difflib
import os
from collections.abc import Iterator
from datetime import date
from itertools import product
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from label_pipeline.core.errors import SettingsError
from label_pipeline.core.scale import Scale

CONFIG_VARIABLE = "LABEL_PIPELINE_CONFIG"
HOME_VARIABLE = "LABEL_PIPELINE_HOME"
SAMPLE = Path(__file__).parent / "rehearsal" / "sample" / "settings.yaml"

Grade = Annotated[int | None, Field(description="grade on the project's scale; null = not judged, dropped and counted")]


_GREEDY: dict[str, str | int | float | bool] = {"temperature": 0, "max_tokens": 300}


def _listed(value: object) -> object:
    return value if isinstance(value, list) or value is None else [value]


class _Knobs(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class ScaleSettings(_Knobs):
    """The project's grade scale."""

    lo: int = Field(0, description="lowest grade")
    hi: int = Field(3, description="highest grade")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.hi <= self.lo:
            raise ValueError(f"hi must be above lo, got lo={self.lo} hi={self.hi}")
        return self


class InputSettings(_Knobs):
    """One file that feeds one input table."""

    path: str = Field(description="file, relative to this settings file; {home} is the project's own folder")
    format: Literal["csv", "parquet", "jsonl", "trec_topics", "trec_qrels"] | None = Field(
        None, description="from the file's ending when absent"
    )
    columns: dict[str, str] = Field(default_factory=dict, description="our column: the file's column")
    grades: dict[str | int, Grade] | None = Field(None, description="source grade: our grade, where scales differ")
    delimiter: str = Field(",", min_length=1, max_length=1)
    encoding: str = "utf-8"


def _files(value: object) -> object:
    """A bare path, one mapping, or a list of either."""
    listed = value if isinstance(value, list) else [value]
    return [{"path": item} if isinstance(item, str) else item for item in listed]


Files = Annotated[list[InputSettings], BeforeValidator(_files)]


class InputsSettings(_Knobs):
    """The user's files."""

    queries: Files = Field(min_length=1)
    documents: Files = Field(min_length=1)
    human_labels: Files = Field(min_length=1)
    evaluation: Files = Field(default_factory=list, description="human grades of test queries; only `rank` reads them")
    candidates: Files = Field(default_factory=list, description="pairs to label")
    pairs_per_query: int | None = Field(
        None, ge=1, description="sample so many pairs of each query of a big human file"
    )
    max_document_chars: int = Field(
        100_000, ge=100, description="longer documents are quarantined: about 25,000 tokens, past most context windows"
    )
    pool_date: date | None = Field(None, description="the one day of candidates that carry no arrived_on")


class DaysSettings(_Knobs):
    """The daily partitions of candidates."""

    start: date = Field(description="first day (UTC)")
    end: date | None = Field(None, description="last day; set one for a fixed pool, or the page shows empty months")


class SplitSettings(_Knobs):
    """Shares of queries; see statistics.md section 4."""

    train: float = Field(0.12, ge=0, le=1)
    dev: float = Field(0.23, ge=0, le=1)
    holdout: float = Field(0.50, ge=0, le=1)
    anchor: float = Field(0.15, ge=0, le=1)
    salt: str = Field("label-pipeline", description="never change it: it deals the queries")


class EndpointSettings(_Knobs):
    """One endpoint that speaks the OpenAI protocol."""

    base_url: str = Field(description="ends in /v1; environment variables are expanded")
    api_key_env: str = Field("OPENAI_API_KEY", description="environment variable that holds the key")
    boundary: Literal["outside", "inside"] = Field("outside", description="inside = customer text may be sent there")
    provider: str | None = Field(None, description="provider id for list prices, e.g. openai")
    concurrency: int = Field(16, ge=1, le=512, description="requests in flight; 16 is safe on a first-tier account")
    requests_per_minute: int | None = Field(None, ge=1)
    tokens_per_minute: int | None = Field(None, ge=1)
    timeout_s: float = Field(120, gt=0, le=3600, description="seconds a request; reasoning models take a minute")
    max_retries: int = Field(5, ge=0, le=20, description="5 retries with backoff outlast a minute of 429")


class PriceSettings(_Knobs):
    """US dollars per million tokens; stated where the public list does not know the model."""

    input_usd: float = Field(ge=0)
    output_usd: float = Field(ge=0)
    cached_usd: float | None = Field(None, ge=0, description="defaults to input_usd")


class CandidateSettings(_Knobs):
    """Judge candidates: every combination of the listed models, prompts, parameters and votes."""

    endpoint: str
    models: Annotated[list[str], BeforeValidator(_listed)] = Field(min_length=1)
    prompts: Annotated[list[str], BeforeValidator(_listed)] = Field(min_length=1, description="prompt files")
    parameters: Annotated[list[dict[str, str | int | float | bool]], BeforeValidator(_listed)] = Field(
        default_factory=lambda: [dict(_GREEDY)], min_length=1
    )
    votes: Annotated[list[int], BeforeValidator(_listed)] = Field(default_factory=lambda: [1], min_length=1)
    logprobs: bool = Field(False, description="read the expected grade from token probabilities")
    vary_seed: bool = Field(True, description="votes and re-reads send another `seed`; off where the field is refused")
    read_attempts: int = Field(2, ge=1, le=5, description="times an unreadable reply is asked for again, plus one")
    served_as: Annotated[list[str], BeforeValidator(_listed)] = Field(default_factory=list)
    prices: dict[str, PriceSettings] = Field(default_factory=dict, description="by model")


class CalibrateSettings(_Knobs):
    """Choosing the judge."""

    cap_usd: float = Field(0, ge=0, description="most one calibration may cost; 0 spends nothing unasked")
    folds: int = Field(5, ge=2, le=20, description="query-grouped folds of the calibrator")


class GateSettings(_Knobs):
    """Certifying the judge."""

    policy: Literal["single-standard", "single-permissive", "single-strict", "panel"] = "single-standard"
    thresholds: dict[str, float] = Field(
        default_factory=dict, description="edits of the policy; printed on the verdict"
    )
    cap_usd: float = Field(0, ge=0, description="most one look may cost")
    valid_days: int = Field(90, ge=1, le=365, description="a verdict older than this labels nothing")
    looks: int = Field(5, ge=1, le=5, description="looks a holdout; the sixth would have alpha .0008")


class AmplifySettings(_Knobs):
    """Bulk labelling."""

    cap_usd: float = Field(0, ge=0, description="most one day's run may cost")
    cron: str = Field("0 2 * * *", description="nightly schedule (UTC); off until turned on in the page")


class RankSettings(_Knobs):
    """Training and proving the ranker."""

    grades: Literal["auto", "raw", "quarter"] = Field(
        "auto",
        description="integer grades, or quarter grades; auto takes quarters where an expected grade is fractional",
    )
    threads: int = Field(1, ge=1, le=64, description="LightGBM threads; 1 repeats exactly and is fastest when busy")
    seed: int = Field(7, ge=0)


class RehearsalSettings(_Knobs):
    """The local provider `label-pipeline provide` and `demo` start for this project."""

    kind: Literal["simulated", "recorded"]
    port: int = Field(0, ge=0, le=65535, description="0 = any free port")
    world_seed: int = Field(7, ge=0, description="simulated: seed of the sample world")
    path: str | None = Field(None, description="recorded: Parquet with query, passage and a column of grades a model")
    query_column: str = "query"
    passage_column: str = "passage"
    models: dict[str, str] = Field(default_factory=dict, description="recorded: model name: column")
    conflicts: Literal["refuse", "first", "exclude"] = "refuse"


class Settings(_Knobs):
    """The whole tree. Build it with :func:`load`."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$", description="names folders and MLflow experiments")
    home: str | None = Field(None, description="folder for everything a run writes")
    task: str = "relevance"
    collection: str = Field("main", description="collection of rows whose files do not say")
    scale: ScaleSettings = ScaleSettings()
    rubric: str = Field(description="rubric file")
    inputs: InputsSettings
    days: DaysSettings
    splits: SplitSettings = SplitSettings()
    agreement_floor: float = Field(0.667, ge=-1, le=1, description="Krippendorff's conventional lower limit")
    endpoints: dict[str, EndpointSettings] = Field(min_length=1)
    candidates: list[CandidateSettings] = Field(min_length=1)
    calibrate: CalibrateSettings = CalibrateSettings()
    gate: GateSettings = GateSettings()
    amplify: AmplifySettings = AmplifySettings()
    rank: RankSettings = RankSettings()
    rehearsal: RehearsalSettings | None = None
    folder: Path = Field(default=Path(), exclude=True, description="folder of the settings file; set by load")

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        for index, candidate in enumerate(self.candidates):
            if candidate.endpoint not in self.endpoints:
                raise ValueError(
                    f"candidates.{index}.endpoint is {candidate.endpoint!r}; endpoints has {sorted(self.endpoints)}"
                )
        if not self.inputs.candidates and self.inputs.pool_date:
            raise ValueError("inputs.pool_date is set but inputs.candidates lists no file")
        return self

    @property
    def grade_scale(self) -> Scale:
        """The scale as core knows it."""
        return Scale(self.scale.lo, self.scale.hi)

    @property
    def home_path(self) -> Path:
        """Folder for tables, journal, MLflow and the sample world."""
        if self.home is not None:
            return (self.folder / self.home).resolve()
        base = os.environ.get(HOME_VARIABLE) or os.environ.get("DAGSTER_HOME") or str(Path.cwd())
        return Path(base).resolve() / ".runs" / self.name

    def locate(self, path: str) -> Path:
        """An input, rubric or prompt path of the settings file as an absolute path."""
        filled = os.path.expandvars(path.replace("{home}", str(self.home_path)))
        return (self.folder / filled).resolve()

    def expanded_candidates(self) -> Iterator[tuple[str, CandidateSettings, str, str, dict[str, object], int]]:
        """(name, its settings, model, prompt, parameters, votes) of every combination, in order."""
        for group in self.candidates:
            for model, prompt, (index, parameters), votes in product(
                group.models, group.prompts, enumerate(group.parameters), group.votes
            ):
                parts = [model, Path(prompt).stem]
                parts += [f"p{index}"] if len(group.parameters) > 1 else []
                parts += [f"{votes}votes"] if votes > 1 else []
                yield "/".join(parts), group, model, prompt, dict(parameters), votes


def load(path: Path | str | None = None) -> Settings:
    """The settings of ``path``, else of ``LABEL_PIPELINE_CONFIG``, else of the sample project.

    Raises:
        SettingsError: no such file, not YAML, a wrong value, or a key nobody knows (names the nearest).
    """
    chosen = Path(path or os.environ.get(CONFIG_VARIABLE) or SAMPLE)
    if not chosen.is_file():
        raise SettingsError(f"no settings file {chosen}; `label-pipeline init DIR` writes one")
    try:
        data = yaml.safe_load(chosen.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{chosen} is not readable YAML: {error}") from error
    if not isinstance(data, dict):
        raise SettingsError(f"{chosen} holds {type(data).__name__}, expected a mapping of settings")
    return parse(data, chosen)


def parse(data: dict[str, object], source: Path) -> Settings:
    """Validates ``data`` as read from ``source``; see :func:`load`."""
    try:
        return Settings.model_validate({**data, "folder": source.parent.resolve()})
    except ValidationError as error:
        lines = [_sentence(detail) for detail in error.errors()]
        raise SettingsError(f"{source}: " + "; ".join(lines)) from error


def _sentence(detail: ErrorDetails) -> str:
    where = ".".join(str(part) for part in detail["loc"])
    if detail["type"] != "extra_forbidden":
        return f"{where or 'settings'}: {detail['msg']} (found {detail['input']!r:.80})"
    known = _keys_at(Settings, detail["loc"][:-1])
    key = str(detail["loc"][-1])
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
    return f"unknown key {where!r}; {hint}"


def _keys_at(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """The valid keys of the mapping at ``path`` below ``model``."""
    for part in path:
        if isinstance(part, int) or part not in model.model_fields:
            continue  # an index, or a name the user gave (an endpoint)
        found = _models_in(model.model_fields[part].annotation)
        if found:
            model = found[0]
    return [name for name in model.model_fields if name != "folder"]


def _models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in getattr(annotation, "__args__", ()) for model in _models_in(inner)]
