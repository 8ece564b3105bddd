"""Where the project's state lives: on a folder of this machine, or under an S3 prefix that several machines share.

Keep out: endpoint, region and credentials of S3, which come from the environment as for every AWS tool; reaching it
(adapters/).
"""

import os
import re

from pydantic import Field, field_validator

from label_pipeline.settings.knobs import Knobs

REMOTE = "s3://"
_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/(?!\.+(/|$))[A-Za-z0-9_.=+@-]+)*/?")
"""A bucket by Amazon's naming rules, and a prefix of parts that every client reads alike.

delta-rs takes an address for a URL: it resolves `..`, cuts at `#` and `?` and decodes `%`, where boto3 does not; tables
would land elsewhere than the lease that guards them.
"""
_MEANT = re.compile(r"\s*s3:", re.IGNORECASE)


class StorageSettings(Knobs):
    """The place of everything that counts: tables, and on S3 the journal's segments and the spending lease too."""

    root: str | None = Field(
        None,
        description="s3://bucket/prefix, or a folder relative to this settings file; the project's home if absent. "
        "${VARIABLES} are filled in",
    )
    segment_replies: int = Field(
        1000,
        ge=1,
        le=100_000,
        description="S3: replies a journal segment holds. A lost disk pays for at most so many again; a thousand "
        "replies of a small model cost cents and one request to store",
    )
    lease_s: float = Field(
        60,
        ge=1,
        le=3600,
        description="S3: seconds after which the spending lease of a machine that died is free again. It is renewed "
        "three times as often; a minute outlasts a short loss of the network",
    )

    @field_validator("root")
    @classmethod
    def _is_a_place(cls, value: str | None) -> str | None:
        filled = os.path.expandvars(value or "")
        if "${" in filled:
            raise ValueError("it names an environment variable that is not set; export it")
        if ("://" in filled or _MEANT.match(filled)) and not _BUCKET.fullmatch(filled):
            raise ValueError(
                "expected s3://bucket, s3://bucket/prefix or a folder; a prefix of letters, digits and _ . = + @ -, "
                "neither `..` nor spaces"
            )
        return filled.rstrip("/") or None

    @property
    def remote(self) -> str | None:
        """The S3 prefix; None where the state is on a folder."""
        return self.root if self.root is not None and self.root.startswith(REMOTE) else None
