"""The parts of the settings tree: a class per section, each knob with a safe default, a bound, a unit and a reason."""

import json
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, model_validator

_GREEDY: dict[str, JsonValue] = {"temperature": 0, "max_tokens": 300}


def listed(value: object) -> object:
    """A list, or one bare value as a list of one."""
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
    models: Annotated[list[str], BeforeValidator(listed)] = Field(min_length=1)
    prompts: Annotated[list[str], BeforeValidator(listed)] = Field(min_length=1, description="prompt files")
    parameters: Annotated[list[BodyFields], BeforeValidator(listed)] = Field(
        default_factory=lambda: [dict(_GREEDY)], min_length=1, description="further body fields: any JSON"
    )
    votes: Annotated[list[int], BeforeValidator(listed)] = Field(default_factory=lambda: [1], min_length=1)
    logprobs: bool = Field(False, description="read the expected grade from token probabilities")
    vary_seed: bool = Field(True, description="votes and re-reads send another `seed`; off where the field is refused")
    read_attempts: int = Field(2, ge=1, le=5, description="times one vote is asked for until its reply can be read")
    served_as: Annotated[list[str], BeforeValidator(listed)] = Field(default_factory=list)
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
