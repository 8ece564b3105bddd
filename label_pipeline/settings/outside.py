"""Values of headers and addresses: written in the file, or kept in the environment or in AWS Secrets Manager.

A value that looks like a secret by its name may not stand in the file. Keep out: reading what is kept elsewhere
(operations/endpoints.py).
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from label_pipeline.settings.knobs import Knobs

_SECRET = re.compile(r"(?:^|[-_.])(?:key|apikey|token|secret|authorization|auth|password|signature|sig|cookie)$", re.I)


class KeptValue(Knobs):
    """Where a value is kept: one of the two."""

    env: str | None = Field(None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="environment variable")
    secret: str | None = Field(None, min_length=1, description="name in AWS Secrets Manager; `name:field` as for keys")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.env is None) == (self.secret is None):
            raise ValueError("expected either env or secret")
        return self

    @property
    def reference(self) -> str:
        """Where it is kept, in one word; never what it is."""
        return f"env:{self.env}" if self.env is not None else f"secret:{self.secret}"


def _as_text(value: object) -> object:
    """YAML reads `2024-10-21` as a day and `2` as a number; an address carries text."""
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _no_secret(values: dict[str, str | KeptValue]) -> dict[str, str | KeptValue]:
    # the value is not repeated: it may be the secret
    exposed = [name for name, value in values.items() if looks_secret(name) and isinstance(value, str)]
    if exposed:
        raise ValueError(
            f"{exposed[0]} looks like a secret, which no file holds: write {{env: NAME}} or {{secret: NAME}}"
        )
    if len({name.lower() for name in values}) < len(values):
        raise ValueError(f"one name stands twice in {sorted(values)}: keep one")
    return values


Values = Annotated[
    dict[str, Annotated[str | KeptValue, BeforeValidator(_as_text)]],
    AfterValidator(_no_secret),
]
"""Name: text, `{env: NAME}` or `{secret: NAME}`."""


def looks_secret(name: str) -> bool:
    """Whether a header or parameter of this name holds a key."""
    return _SECRET.search(name) is not None


def stated(values: Mapping[str, str | KeptValue]) -> dict[str, str]:
    """Every value as it is stated: the text, or where it is kept. What a hash and a table may hold."""
    return {name: value if isinstance(value, str) else value.reference for name, value in sorted(values.items())}
