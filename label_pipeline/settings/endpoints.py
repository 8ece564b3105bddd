"""The section of one endpoint: where it is, what key it takes, the shape of a request it understands, and its limits.

Keep out: building a client from it (operations/endpoints.py), what known endpoints take (presets.yaml).
"""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from label_pipeline.core.judging.shape import ReplyFormat, Shape, SystemRole
from label_pipeline.settings.knobs import BodyFields, Knobs
from label_pipeline.settings.outside import KeptValue, Values, looks_secret, stated
from label_pipeline.settings.presets import WHOSE_KEY, filled

OutputLimit = Literal["max_tokens", "max_completion_tokens"]
LIMITS: tuple[OutputLimit, ...] = ("max_tokens", "max_completion_tokens")


def _is_a_name(value: str | None) -> str | None:
    # the value is not repeated: it may be the key itself
    if value is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        raise ValueError("expected the name of the environment variable that holds the key, not the key")
    return value


class BatchSettings(Knobs):
    """What the provider's Batch API takes of this account, and what it costs; see `amplify.send`."""

    price_share: float = Field(0.5, gt=0, le=1, description="of the list price a batch costs; most providers halve it")
    enqueued_tokens: int | None = Field(
        None, ge=1, description="input tokens all batches of a model may have waiting (account page); absent = no limit"
    )
    rest_share: float = Field(
        0.05,
        ge=0,
        le=1,
        description="of a day's requests: so few left without a reply by batch are asked online, not by another batch",
    )
    canary_pairs: int = Field(
        30, ge=0, le=1000, description="anchor pairs a judge answers by batch, as it did online, before labels go by it"
    )


class EndpointSettings(Knobs):
    """One endpoint that speaks the OpenAI protocol."""

    base_url: str = Field(description="ends in /v1 or before /chat/completions, a query may follow; variables expand")
    preset: str | None = Field(None, description="a known endpoint: its settings, where none are stated here")
    api_key_env: Annotated[str | None, AfterValidator(_is_a_name)] = Field(
        None,
        description="environment variable that holds the key; absent = OPENAI_API_KEY, for OpenAI's own host",
    )
    api_key_secret: str | None = Field(
        None,
        min_length=1,
        description="wins over api_key_env: the key's name in AWS Secrets Manager; `name:field` is a field of JSON",
    )
    key_command: list[str] | None = Field(
        None,
        min_length=1,
        description="prints a key that lives an hour; a program and its arguments, run without a shell",
    )
    key_age_s: float = Field(
        3000,
        gt=0,
        le=86_400,
        description="seconds a key of key_command is used before it is printed anew; refused = at once",
    )
    keyless: bool = Field(False, description="no key is sent; so it is too on this machine where no key is stated")
    api_key_header: str = Field(
        "Authorization", pattern=r"^[A-Za-z0-9-]+$", description="`Bearer KEY` in this one, the bare key in any other"
    )
    headers: Values = Field(default_factory=dict, description="further headers: a text, {env: NAME} or {secret: NAME}")
    query: Values = Field(
        default_factory=dict, description="parameters of the address, stated likewise; in the judge's hash"
    )
    graded_headers: list[str] = Field(
        default_factory=list, description="headers that can change a grade: in the judge's hash as stated"
    )
    reply_format: ReplyFormat = Field(
        "json_schema", description="json_object and text: the schema stands in the prompt, and nothing enforces it"
    )
    system_role: SystemRole = Field("system", description="fold = the system text opens the user's message")
    seed: bool = Field(True, description="false where field `seed` is refused or ignored: no judge of it sends one")
    logprobs: bool = Field(True, description="false where log-probabilities are refused or ignored: none are asked for")
    top_logprobs: int | None = Field(
        None, ge=1, le=20, description="most alternatives a token it gives; 20 where absent"
    )
    output_limit: OutputLimit | None = Field(
        None, description="what it calls the output limit: the judges' is sent by this name; absent = as they state it"
    )
    parameters: BodyFields = Field(
        default_factory=dict, description="body fields of every request, any JSON; a judge's own win"
    )
    model_list: bool = Field(
        True, description="false where there is no /models: what it serves is read in replies only"
    )
    boundary: Literal["outside", "inside"] = Field("outside", description="inside = customer text may be sent there")
    provider: str | None = Field(None, description="provider id for list prices, e.g. openai")
    concurrency: int = Field(
        16, ge=1, le=2048,
        description="most requests in flight; fewer where latency says so; 16 is safe on a first-tier account",
    )  # fmt: skip
    transport: Literal["openai", "lean"] = Field(
        "openai",
        description="lean = without the openai library, for an endpoint you run yourself: less than half the "
        "CPU a request; no proxy of the environment, no redirect",
    )
    requests_per_minute: int | None = Field(None, ge=1)
    tokens_per_minute: int | None = Field(None, ge=1)
    timeout_s: float = Field(120, gt=0, le=3600, description="seconds a request; reasoning models take a minute")
    max_retries: int = Field(
        5, ge=0, le=20, description="tries after the first; a refusal to everybody (429, 503) or an outage takes none"
    )
    patience_s: float = Field(
        300, ge=0, le=86_400,
        description="seconds an endpoint that has answered may be gone while requests wait for it, a probe at a time; "
        "then the run ends; 0 = a try is spent at once",
    )  # fmt: skip
    unanswered_runs: int = Field(
        3,
        ge=2,
        le=100,
        description="a text without an answer in so many runs is counted as ungraded and blocks no more",
    )
    batch: BatchSettings | None = Field(None, description="its Batch API; absent = it is asked online only")

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, given: object) -> object:
        return filled(given) if isinstance(given, Mapping) else given

    @field_validator("base_url")
    @classmethod
    def _no_key_in_it(cls, value: str) -> str:
        names = [name for name, _ in parse_qsl(_query_of(value), keep_blank_values=True)]
        if any(map(looks_secret, names)):
            raise ValueError("a key stands in the address: state it under query as {env: NAME} or {secret: NAME}")
        if len(set(names)) < len(names):
            raise ValueError("a parameter stands twice in the address: keep one")
        return value

    @model_validator(mode="after")
    def _agree(self) -> Self:
        keys = [name for name in sorted(WHOSE_KEY) if getattr(self, name)]
        if ("keyless" in keys and len(keys) > 1) or {"key_command", "api_key_secret"} <= set(keys):
            raise ValueError(f"{' and '.join(keys)} are stated: keep the one that says what key is sent")
        absent = {name.lower() for name in self.graded_headers} - {name.lower() for name in self.headers}
        if absent:
            raise ValueError(f"graded_headers names {sorted(absent)}, which headers does not state: add or remove it")
        if twice := sorted(self.address_query.keys() & self.query.keys()):
            raise ValueError(f"{twice} stand in base_url and in query: keep one")
        return self

    @property
    def address_query(self) -> dict[str, str]:
        """The parameters that base_url itself carries, as it is written."""
        return dict(parse_qsl(_query_of(self.base_url), keep_blank_values=True))

    @property
    def shape(self) -> Shape:
        """The shape of its requests: all of it that can change a grade, and no secret."""
        graded = {name.lower() for name in self.graded_headers}
        headers: dict[str, str | KeptValue] = {
            name.lower(): value for name, value in self.headers.items() if name.lower() in graded
        }
        query = {**self.address_query, **stated(self.query)}
        return Shape(self.reply_format, self.system_role, dict(sorted(query.items())), stated(headers))

    def body_fields(self, stated_by_judge: Mapping[str, object]) -> dict[str, object]:
        """The further body fields of a judge: the endpoint's, its own in their place, the output limit by its name."""
        found = {**self.parameters, **stated_by_judge}
        if self.output_limit is None:
            return found
        return {self.output_limit if name in LIMITS else name: value for name, value in found.items()}


def _query_of(address: str) -> str:
    try:
        return urlsplit(address).query
    except ValueError:  # no address at all: whoever uses it says so
        return ""
