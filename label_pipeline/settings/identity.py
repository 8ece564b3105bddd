"""What Dagster knows a project by: the prefix of its keys, and who owns it. Several projects share one instance.

A home keeps the prefix its history was written under: it is recorded there before anything else is written, and a
home without that record is older than prefixes and has none, until `label-pipeline migrate-keys` moves it.
"""

import json
import os
import re
from pathlib import Path
from typing import NamedTuple

from pydantic import Field, field_validator

from label_pipeline.core.errors import SettingsError
from label_pipeline.settings.knobs import Knobs

RECORD = "dagster_keys.json"
"""File of a home that holds its ``Keys``."""

OLDER = ("tables", "journal.sqlite", "mlflow")
"""What a home of a version without prefixes holds, some of it: the rest may be on S3."""


class DagsterSettings(Knobs):
    """Names in Dagster, so that one instance and one workspace hold several projects."""

    prefix: list[str] | None = Field(
        None, max_length=4, description="keys, jobs, sensors and schedules begin with it; absent = the project's name"
    )
    location: str | None = Field(None, pattern=r"^[\w.-]+$", description="code location; absent = the project's name")
    owners: list[str] = Field(
        default_factory=lambda: ["team:search-quality"], description="`team:NAME` or an e-mail address, on every asset"
    )

    @field_validator("prefix")
    @classmethod
    def _parts(cls, value: list[str] | None) -> list[str] | None:
        for part in value or []:
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", part):
                raise ValueError(f"{part!r} in the prefix of keys: expected letters, digits, - and _")
        return value

    @field_validator("owners")
    @classmethod
    def _owners(cls, value: list[str]) -> list[str]:
        for owner in value:
            if not re.fullmatch(r"team:[A-Za-z0-9_-]+|[^@\s]+@[^@\s]+\.[^@\s]+", owner):
                raise ValueError(f"{owner!r} owns nothing in Dagster: expected `team:NAME` or an e-mail address")
        return value


class Keys(NamedTuple):
    """What a home's history in Dagster is known by.

    Attributes:
        prefix: its asset keys begin with it.
        project: tells its runs from another project's, whatever both are called; it moves with the home.
    """

    prefix: tuple[str, ...]
    project: str


def keys_in(home: Path, stated: Keys) -> Keys:
    """The keys of a project: what its home recorded; without a prefix in an older home; else what settings state.

    Raises:
        SettingsError: the record cannot be read.
    """
    record = home / RECORD
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
        return Keys(tuple(map(str, found["prefix"])), str(found["project"]))
    except FileNotFoundError:
        return stated._replace(prefix=()) if any((home / name).exists() for name in OLDER) else stated
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            f'{record} does not say which keys this project has in Dagster, expected {{"prefix": [...], "project": '
            f"...}}: {error!r}; restore it, or write the prefix that the assets have in the page"
        ) from error


def remember(home: Path, keys: Keys, *, anew: bool = False) -> None:
    """Records the keys of a home, once; ``anew`` replaces what is recorded.

    Raises:
        OSError: the home cannot be written.
    """
    record = home / RECORD
    if record.exists() and not anew:
        return
    home.mkdir(parents=True, exist_ok=True)
    written = record.with_suffix(f".{os.getpid()}")
    written.write_text(json.dumps(keys._asdict()) + "\n", encoding="utf-8")
    written.replace(record)
