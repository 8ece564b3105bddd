"""The parts of the settings tree: a class per section, each knob with a safe default, a bound, a unit and a reason."""

import json
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, model_validator

from label_pipeline.core.codes.inputs import DateOrder

Grade = Annotated[int | None, Field(description="grade on the project's scale; null = not judged, dropped and counted")]

_GREEDY: dict[str, JsonValue] = {"temperature": 0, "max_tokens": 300}


def _listed(value: object) -> object:
    return value if isinstance(value, list) or value is None else [value]


def _finite(fields: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """JSON has no word for `.nan` and `.inf`, which YAML has."""
    try:
        json.dumps(fields, allow_nan=False)
    except ValueError:
        raise ValueError("expected finite numbers: no request can carry .nan or .inf") from None
    return fields


BodyFields = Annotated[dict[str, JsonValue], AfterValidator(_finite)]
"""Fields of a request's body."""


class Knobs(BaseModel):
    """Base of every section: unknown keys are errors, nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class ScaleSettings(Knobs):
    """The project's grade scale."""

    lo: int = Field(0, description="lowest grade")
    hi: int = Field(3, description="highest grade")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.hi <= self.lo:
            raise ValueError(f"hi must be above lo, got lo={self.lo} hi={self.hi}")
        return self


def _no_booleans(value: object) -> object:
    """A mapping whose keys and values YAML has not taken for true and false.

    Raises:
        ValueError: it has; which word stood there is not known any more.
    """
    if isinstance(value, dict) and any(isinstance(part, bool) for pair in value.items() for part in pair):
        raise ValueError(
            "YAML reads yes, no, on, off, true and false without quotes as true and false; write such words in quotes, "
            'as in {"yes": 1, "no": 0}'
        )
    return value


class InputSettings(Knobs):
    """One file that feeds one input table."""

    path: str = Field(description="file, folder or pattern, relative to this settings file; {home} is the project's")
    format: Literal["csv", "parquet", "jsonl", "json", "trec_topics", "trec_qrels"] | None = Field(
        None, description="from the file's ending when absent, else from its first line"
    )
    columns: Annotated[dict[str, str], BeforeValidator(_no_booleans)] = Field(
        default_factory=dict, description="our column: the file's column"
    )
    grades: Annotated[dict[str | int, Grade] | None, BeforeValidator(_no_booleans)] = Field(
        None, description="source grade: our grade, where scales differ"
    )
    delimiter: str | None = Field(None, min_length=1, max_length=2, description="from the first line when absent")
    quotes: Literal["csv", "text"] | None = Field(
        None, description="csv = they enclose fields, text = they are text; absent = text in a TSV no program quoted"
    )
    names: list[str] | None = Field(None, min_length=1, description="the columns of a CSV file without a header")
    encoding: str = "utf-8"
    annotator: str | None = Field(
        None, min_length=1, description="who graded the rows of human_labels that do not say; one file a person"
    )
    date_order: DateOrder | None = Field(
        None, description="how it writes dates like 03/05/2024; absent = such a date is left out and counted"
    )


def _files(value: object) -> object:
    """A bare path, one mapping, or a list of either."""
    listed = value if isinstance(value, list) else [value]
    return [{"path": item} if isinstance(item, str) else item for item in listed]


Files = Annotated[list[InputSettings], BeforeValidator(_files)]


class InputsSettings(Knobs):
    """Where the user's files are and how they are read."""

    queries: Files = Field(min_length=1)
    documents: Files = Field(min_length=1)
    human_labels: Files = Field(min_length=1)
    evaluation: Files = Field(default_factory=list, description="human grades of test queries; only `rank` reads them")
    candidates: Files = Field(default_factory=list, description="pairs to label")
    candidate_files: Literal["all", "new"] = Field(
        "all",
        description="what these files hold: every candidate (what left them leaves the table), or, replaced night by "
        "night, what is new (nothing leaves)",
    )
    pairs_per_query: int | None = Field(
        None, ge=1, description="sample so many pairs of each query of a big human file"
    )
    max_document_chars: int = Field(
        100_000, ge=100, description="longer documents are quarantined: about 25,000 tokens, past most context windows"
    )
    max_rejected_share: float = Field(
        0.05,
        ge=0,
        le=1,
        description="of the human rows about queries and documents of this project; above it nothing is calibrated",
    )
    rubric_crosswalk: dict[str, dict[int, int]] = Field(
        default_factory=dict,
        description="an older rubric's `version`: its grade: what that means in today's; else its human grades wait",
    )
    pool_date: date | None = Field(None, description="the one day of candidates that carry no arrived_on")

    @property
    def files(self) -> list[InputSettings]:
        """Every file, whatever it feeds."""
        return [*self.queries, *self.documents, *self.human_labels, *self.evaluation, *self.candidates]


class DaysSettings(Knobs):
    """The daily partitions of candidates."""

    start: date = Field(description="first day (UTC)")
    end: date | None = Field(None, description="last day; set one for a fixed pool, or the page shows empty months")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.end is not None and self.end < self.start:
            raise ValueError(f"end must not be before start, got start={self.start} end={self.end}")
        return self


class SplitSettings(Knobs):
    """Shares of queries; see statistics.md section 4."""

    train: float = Field(0.12, ge=0, le=1)
    dev: float = Field(0.23, ge=0, le=1)
    holdout: float = Field(0.50, ge=0, le=1)
    anchor: float = Field(0.15, ge=0, le=1)
    salt: str = Field("label-pipeline", description="never change it: it deals the queries")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = self.train + self.dev + self.holdout + self.anchor
        if abs(total - 1) > 1e-9:
            raise ValueError(f"train, dev, holdout and anchor must add up to 1, got {total:g}")
        return self


class PriceSettings(Knobs):
    """US dollars per million tokens; stated where the public list does not know the model."""

    input_usd: float = Field(ge=0)
    output_usd: float = Field(ge=0)
    cached_usd: float | None = Field(None, ge=0, description="defaults to input_usd")


class CandidateSettings(Knobs):
    """Judge candidates: every combination of the listed models, prompts, parameters and votes."""

    endpoint: str
    models: Annotated[list[str], BeforeValidator(_listed)] = Field(min_length=1)
    prompts: Annotated[list[str], BeforeValidator(_listed)] = Field(min_length=1, description="prompt files")
    parameters: Annotated[list[BodyFields], BeforeValidator(_listed)] = Field(
        default_factory=lambda: [dict(_GREEDY)], min_length=1, description="further body fields: any JSON"
    )
    votes: Annotated[list[int], BeforeValidator(_listed)] = Field(default_factory=lambda: [1], min_length=1)
    logprobs: bool = Field(False, description="read the expected grade from token probabilities")
    vary_seed: bool = Field(True, description="votes and re-reads send another `seed`; off where the field is refused")
    read_attempts: int = Field(2, ge=1, le=5, description="times one vote is asked for until its reply can be read")
    served_as: Annotated[list[str], BeforeValidator(_listed)] = Field(default_factory=list)
    prices: dict[str, PriceSettings] = Field(default_factory=dict, description="by model")


class CalibrateSettings(Knobs):
    """How the judge is chosen and what that may cost."""

    cap_usd: float = Field(0, ge=0, description="most one calibration may cost; 0 spends nothing unasked")
    folds: int = Field(5, ge=2, le=20, description="query-grouped folds of the calibrator")


class GateSettings(Knobs):
    """How the judge is certified and what that may cost."""

    policy: Literal["single-standard", "single-permissive", "single-strict", "panel"] = "single-standard"
    thresholds: dict[str, float] = Field(
        default_factory=dict, description="edits of the policy; printed on the verdict"
    )
    cap_usd: float = Field(0, ge=0, description="most one look may cost")
    valid_days: int = Field(90, ge=1, le=365, description="a verdict older than this labels nothing")
    expiry_warning_days: int = Field(
        14, ge=0, le=365, description="so long before a verdict ends an alert and `status` say what its renewal takes"
    )
    looks: int = Field(5, ge=1, le=5, description="looks a holdout, in each lane; the sixth would have alpha .0008")


class AmplifySettings(Knobs):
    """How candidates are labelled in bulk and what that may cost."""

    cap_usd: float = Field(
        0, ge=0, description="most one day's run may cost; whole queries are labelled up to it, in plan order"
    )
    send: Literal["online", "batch"] = Field(
        "online",
        description="batch = by the Batch API of endpoints that state `batch`: half the price, labels a day later",
    )
    needed_within_h: float | None = Field(
        None,
        ge=0,
        description="hours until labels are needed: `check` advises online or batch by it; absent = no hurry",
    )
    collect_every_s: int = Field(
        1_800,
        ge=1,
        le=86_400,
        description="seconds between two looks of sensor `waiting_batches`; it is off by default",
    )
    chunk_pairs: int = Field(
        10_000, ge=1, le=1_000_000,
        description="pairs asked, labelled and booked together; a run that ends keeps every finished chunk",
    )  # fmt: skip
    day_cap_usd: float | None = Field(None, ge=0, description="most all runs of a UTC day may cost; absent = no limit")
    month_cap_usd: float | None = Field(None, ge=0, description="most all runs of a UTC month may cost")
    catch_up_nights: int = Field(
        7,
        ge=0,
        le=366,
        description="missed nights the schedule makes up, so far back, each within its own cap; 0 = none",
    )
    cron: str = Field(
        "0 2 * * *", pattern=r"^\S+( +\S+){4}$", description="nightly schedule (UTC); off until turned on in the page"
    )


class RankSettings(Knobs):
    """Training and proving the ranker."""

    grades: Literal["auto", "raw", "quarter"] = Field(
        "auto",
        description="integer grades, or quarter grades; auto takes quarters where an expected grade is fractional",
    )
    crosswalk: dict[str, dict[int, int]] = Field(
        default_factory=dict,
        description="older rubric version (as in table labels): its grade: the grade of today's rubric; else left out",
    )
    threads: int = Field(1, ge=1, le=64, description="LightGBM threads; 1 repeats exactly and is fastest when busy")
    seed: int = Field(7, ge=0)
