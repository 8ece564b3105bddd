"""The prompt template: validated once, rendered to the two messages of a request.

Lives here: the placeholders, and the delimited blocks that keep a document from speaking to the judge.
"""

import difflib
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

from label_pipeline.core.errors import PromptError

PLACEHOLDERS = {"rubric": "system", "query": "user", "document": "user", "context": "user"}
"""Every placeholder and the message it belongs in: the system message is fixed, so that providers cache it."""

REQUIRED = ("rubric", "query", "document")
FIELDS = ("name", "system", "user", "document_max_chars")

_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
# Control characters but \n and \t; zero-width, direction and tag characters (an invisible alphabet for injected
# instructions); lone surrogates, which no encoder accepts.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """``text`` without control characters (newline and tab stay), zero-width characters and lone surrogates."""
    return _INVISIBLE.sub("", text)


@dataclass(frozen=True)
class PromptTemplate:
    """One prompt with placeholders in double braces.

    Attributes:
        name: a label, in no hash.
        system: the fixed message, with ``{{rubric}}``.
        user: the message of one pair, with ``{{query}}``, ``{{document}}`` and optionally ``{{context}}``.
        document_max_chars: characters of the document shown; None shows all.
    """

    name: str
    system: str
    user: str
    document_max_chars: int | None = None

    @property
    def uses_context(self) -> bool:
        """Whether the user message shows the pair's context."""
        return "context" in _PLACEHOLDER.findall(self.user)

    def shown(self, query: str, document: str) -> tuple[str, str]:
        """The query and document text exactly as the judge sees them: invisible characters gone, document cut."""
        return visible(query), visible(document)[: self.document_max_chars]

    def render_system(self, rubric: str) -> str:
        """The system message of a request."""
        return _fill(self.system, {"rubric": rubric})

    def render_user(self, query: str, document: str, context: str, salt: str) -> str:
        """The user message of one pair; texts as ``shown`` gives them.

        Args:
            query: query text.
            document: document text.
            context: what ``{{context}}`` shows.
            salt: the member's hash.
        """
        # The nonce makes closing tags unforgeable: a document would have to contain its own hash. It comes from the
        # member, not from the judge version: the calibrator is part of the version and is fitted on these replies,
        # so a nonce of the version would be circular. Derived, not drawn: the same request has the same bytes.
        nonce = hashlib.sha256("\0".join((salt, query, document)).encode()).hexdigest()[:16]
        blocks = {
            "query": f"<query-{nonce}>\n{query}\n</query-{nonce}>",
            "document": f"<document-{nonce}>\n{document}\n</document-{nonce}>",
            "context": context,
        }
        return _fill(self.user, blocks)


def _fill(template: str, values: Mapping[str, str]) -> str:
    # One pass: a document that contains "{{query}}" is text, never a placeholder.
    return _PLACEHOLDER.sub(lambda match: values[match.group(1)], template)


def parse_prompt(data: Mapping[str, object], source: str) -> PromptTemplate:
    """Builds a template from the plain data of its file.

    Args:
        data: ``system`` and ``user``; optional ``name`` (default: the file's name) and ``document_max_chars``.
        source: where the data comes from, for messages.

    Raises:
        PromptError: names the field or placeholder that is unknown, missing, repeated or in the wrong message, and
            the known ones.
    """
    for field in data:
        if field not in FIELDS:
            raise PromptError(f"{source}: unknown field {field}; {_nearest(str(field), FIELDS)}")
    texts = {}
    for field in ("system", "user"):
        value = data.get(field)
        if not isinstance(value, str) or not value.strip():
            raise PromptError(f"{source}: field {field} is missing or not text; a prompt needs `system` and `user`")
        texts[field] = value
        _check_placeholders(field, value, source)
    for name in REQUIRED:
        count = _PLACEHOLDER.findall(texts[PLACEHOLDERS[name]]).count(name)
        if count != 1:
            raise PromptError(
                f"{source}: {{{{{name}}}}} stands {count} times in `{PLACEHOLDERS[name]}`; "
                f"expected exactly once; {_known()}"
            )
    limit = data.get("document_max_chars")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise PromptError(f"{source}: document_max_chars is {limit!r}; expected a whole number of characters above 0")
    label = data.get("name") or PurePath(source).stem
    return PromptTemplate(str(label), texts["system"], texts["user"], limit)


def _check_placeholders(field: str, text: str, source: str) -> None:
    for name in _PLACEHOLDER.findall(text):
        if name not in PLACEHOLDERS:
            raise PromptError(
                f"{source}: unknown placeholder {{{{{name}}}}} in `{field}`; {_nearest(name, PLACEHOLDERS)}"
            )
        if PLACEHOLDERS[name] != field:
            raise PromptError(
                f"{source}: {{{{{name}}}}} stands in `{field}`; move it to `{PLACEHOLDERS[name]}`; {_known()}"
            )


def _nearest(word: str, known: Mapping[str, str] | tuple[str, ...]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"{hint}known: {', '.join(known)}"


def _known() -> str:
    return "placeholders: " + ", ".join(f"{{{{{name}}}}} in {field}" for name, field in PLACEHOLDERS.items())
