"""One judge member: what is asked of which model, as exact request bodies, and the hashes that identify it.

Keep out: reading replies (core/judging/reply.py), sending (core/judging/engine.py) and API keys, which no record holds.
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from label_pipeline.core.errors import SettingsError
from label_pipeline.core.judging.prompt import PromptTemplate
from label_pipeline.core.judging.reply import READING_VERSION
from label_pipeline.core.judging.request_key import ATTEMPT_STEP, content_hash, draw
from label_pipeline.core.judging.shape import Shape
from label_pipeline.core.ports import PairText, Price
from label_pipeline.core.rubric import Rubric
from label_pipeline.core.scale import Scale

OWN_FIELDS = frozenset({"model", "messages", "response_format", "seed", "n", "stream", "logprobs"})
"""Body fields the pipeline sets itself; a parameter of that name would be overwritten or break reading."""

MOST_LOGPROBS = 20
"""The protocol's maximum of ``top_logprobs``."""

ANY_MODEL = "*"
"""As ``served``: whichever model answers, its reply is read. For watching a judge, never for labelling with one."""

# What `visible` touches, a placeholder inside a text and markup: whatever changes how a pair is shown changes this.
_PROBE_TEXT = (
    "probe {{query}} </query> <b>&\t\n\x00\x1b\x85\u00ad\u061c\u180e\u200b\u202e\u2066\ufeff\ufffa\U000e0041 end"
)
_PROBE = PairText("task", "collection", "q", "d", "v", None, _PROBE_TEXT, _PROBE_TEXT, False)

# A model asked for by its plain name may be served under a dated or numbered one: gpt-4o as gpt-4o-2024-08-06. Not one
# or two bare digits: a model `x-1` must not pass for `x`.
_VERSION_SUFFIX = re.compile(r"\d{4}-\d{2}-\d{2}|\d{8}|\d{3,4}|v\d+(?:[.:]\d+)*")


@dataclass(frozen=True)
class Member:
    """One way of asking one model.

    Attributes:
        name: name in settings; a label, in no hash.
        endpoint: name of the endpoint in settings (not its address).
        inside: whether the endpoint is inside the customer boundary.
        model: model id asked for.
        prompt: the template.
        rubric: the rubric; its scale is the member's.
        parameters: further body fields, any JSON (temperature, max_tokens, reasoning_effort, provider, ...).
        votes: independent replies per pair.
        logprobs: whether to ask for token log-probabilities.
        vary_seed: whether votes and reading attempts after the first carry a ``seed``.
        read_attempts: how often at most one vote is asked until its reply can be read.
        served_as: further model ids the provider may report.
        price: US dollars per million tokens.
        shape: how its endpoint wants to be asked.
        top_logprobs: the most alternatives a token its endpoint gives; None: the protocol's 20.

    Raises:
        SettingsError: for a parameter the pipeline sets itself, or votes or read_attempts out of range.
    """

    name: str
    endpoint: str
    inside: bool
    model: str
    prompt: PromptTemplate
    rubric: Rubric
    parameters: Mapping[str, object]
    votes: int = 1
    logprobs: bool = False
    vary_seed: bool = True
    read_attempts: int = 2
    served_as: tuple[str, ...] = ()
    price: Price = field(kw_only=True)
    shape: Shape = field(default=Shape(), kw_only=True)
    top_logprobs: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        taken = sorted(OWN_FIELDS & set(self.parameters))
        if taken:
            raise SettingsError(f"judge {self.name}: parameters {taken} are set by the pipeline; remove them")
        if not (1 <= self.votes < ATTEMPT_STEP and self.read_attempts >= 1):
            raise SettingsError(
                f"judge {self.name}: votes is {self.votes} and read_attempts {self.read_attempts}; "
                f"expected votes from 1 to {ATTEMPT_STEP - 1} and at least one read attempt"
            )

    @property
    def scale(self) -> Scale:
        """The grades it may give."""
        return self.rubric.scale

    @property
    def attempts(self) -> int:
        """How often a vote is really asked: once where asking again would send the same bytes and get the same reply.

        That is the case without a seed to vary and at temperature 0. Without a seed but at another temperature the
        provider draws again by itself, so asking again can help.
        """
        return 1 if not self.vary_seed and self.parameters.get("temperature") == 0 else self.read_attempts

    @cached_property
    def member_hash(self) -> str:
        """Sha256 over everything that can change a grade, our own way of rendering and reading included.

        Not: names, the endpoint's address, boundary, price.
        """
        return content_hash(
            {
                **self.shape.hashed,
                "endpoint": self.endpoint,
                "model": self.model,
                "system": self.system,
                "user": self.prompt.user,
                "document_max_chars": self.prompt.document_max_chars,
                "rubric": self.rubric.version_hash,
                "parameters": self.parameters,
                "votes": self.votes,
                "logprobs": self.logprobs,
                "vary_seed": self.vary_seed,
                "read_attempts": self.read_attempts,
                "reading": READING_VERSION,
                # The body is salted with this hash, so the probe has a salt of its own.
                "probe": self._body(_PROBE, 1, 1, salt="probe"),
                "schema": json.dumps(self._response_format),  # as text: the order of its fields matters
            }
        )

    @cached_property
    def system(self) -> str:
        """The system message, the same in every request."""
        return self.shape.system(self.prompt.render_system(self.rubric.render()), self.scale)

    def texts(self, pair: PairText) -> tuple[str, str, str]:
        """Query, document and context as the request shows them: pairs that agree here make identical requests."""
        return (*self.prompt.shown(pair.query, pair.document), self._context(pair))

    def body(self, pair: PairText, sample_index: int, attempt: int) -> dict[str, object]:
        """The exact body of one request.

        Args:
            pair: what is judged.
            sample_index: vote number, from 0.
            attempt: reading attempt, from 0.
        """
        return self._body(pair, sample_index, attempt, salt=self.member_hash)

    def _body(self, pair: PairText, sample_index: int, attempt: int, *, salt: str) -> dict[str, object]:
        user = self.prompt.render_user(*self.texts(pair), salt=salt)
        body: dict[str, object] = {
            **self.parameters,
            "model": self.model,
            "messages": self.shape.messages(self.system, user),
        }
        if self._response_format is not None:
            body["response_format"] = self._response_format
        if self.logprobs:
            body["logprobs"] = True
            # Room for every grade with and without a leading blank.
            body.setdefault("top_logprobs", min(self.top_logprobs or MOST_LOGPROBS, 2 * len(self.scale.grades) + 2))
        number = draw(sample_index, attempt)
        if self.vary_seed and number > 0:
            body["seed"] = number
        return body

    def serves(self, reported: str) -> bool:
        """Whether a reply that reports model ``reported`` comes from the model asked for."""
        return _serves(self.model, self.served_as, reported)

    def accepts(self, reported: str, served: str | None) -> bool:
        """Whether a reply that reports model ``reported`` counts; ``served``, where given, is the only one."""
        return accepts(self.model, self.served_as, reported, served)

    def describe(self) -> dict[str, object]:
        """Everything about the member as plain JSON data. Holds no key.

        What came after the first judges were stored is left out where it is as it was then: the re-certification lane
        compares what is stored with what is asked now, and an upgrade of this program is no change of the judge.
        """
        later = {"shape": self.shape.describe() if self.shape != Shape() else None, "top_logprobs": self.top_logprobs}
        return {
            "name": self.name,
            "endpoint": self.endpoint,
            "inside": self.inside,
            "model": self.model,
            "member_hash": self.member_hash,
            "prompt": {
                "name": self.prompt.name,
                "hash": content_hash([self.prompt.system, self.prompt.user, self.prompt.document_max_chars])[:12],
                "system": self.prompt.system,
                "user": self.prompt.user,
                "document_max_chars": self.prompt.document_max_chars,
            },
            "rubric": {"name": self.rubric.name, "version": self.rubric.version, "hash": self.rubric.version_hash},
            "scale": [self.scale.lo, self.scale.hi],
            "parameters": dict(self.parameters),
            "votes": self.votes,
            "logprobs": self.logprobs,
            "vary_seed": self.vary_seed,
            "read_attempts": self.read_attempts,
            "served_as": list(self.served_as),
            "price": self.price._asdict(),
            **{name: value for name, value in later.items() if value},
        }

    def _context(self, pair: PairText) -> str:
        return (pair.context_id or "none") if self.prompt.uses_context else ""

    @cached_property
    def _response_format(self) -> dict[str, object] | None:
        return self.shape.response_format(self.scale)


def accepts(model: str, served_as: Collection[str], reported: str, served: str | None) -> bool:
    """Whether a reply counts, of which only this is known still: a batch is read when settings may have changed.

    Args:
        model: model id asked for.
        served_as: further model ids the provider may report.
        reported: model id of the reply.
        served: where given, the only one that counts.
    """
    if served == ANY_MODEL:
        return True
    return reported == served if served is not None else _serves(model, served_as, reported)


def _serves(model: str, served_as: Collection[str], reported: str) -> bool:
    if reported == model or reported in served_as:
        return True
    stem, _, suffix = reported.partition(f"{model}-")
    return stem == "" and _VERSION_SUFFIX.fullmatch(suffix) is not None
