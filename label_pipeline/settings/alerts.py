"""Who is told when a check fails, and where the sign of life is written."""

import re
from typing import Self

from pydantic import Field, field_validator, model_validator

from label_pipeline.settings.knobs import Knobs


class AlertsSettings(Knobs):
    """Alerts go to one webhook; without one nobody is told, and the page still shows every check."""

    webhook_env: str | None = Field(
        None, description="environment variable that holds the webhook's address; the address itself is a secret"
    )
    page_url: str = Field(
        "http://127.0.0.1:3000", pattern=r"^https?://\S+$", description="the Dagster page as readers of alerts reach it"
    )
    runbook_url: str = Field(
        "docs/runbook.md",
        min_length=1,
        description="where readers of alerts find the runbook; a name is linked after #",
    )
    heartbeat: str = Field("{home}/heartbeat.json", min_length=1, description="file an outside watchdog looks at")
    most_posts: int = Field(10, ge=1, le=50, description="alerts a tick; more are summed up in one: nobody reads forty")
    timeout_s: float = Field(
        4, gt=0, le=10, description="seconds a post; with most_posts at most 50, for Dagster ends a tick after 60"
    )

    @model_validator(mode="after")
    def _within_a_tick(self) -> Self:
        longest = self.most_posts * self.timeout_s
        if longest > 50:
            raise ValueError(
                f"most_posts times timeout_s is {longest:g} s; a tick of slow posts must end within 50 s: lower one"
            )
        return self

    @field_validator("webhook_env")
    @classmethod
    def _is_a_name(cls, value: str | None) -> str | None:
        # the value is not repeated: it may be the address itself
        if value is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
            raise ValueError("expected the name of the environment variable that holds the address, not the address")
        return value
