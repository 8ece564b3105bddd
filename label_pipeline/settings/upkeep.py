"""When a project is tidied, and what it keeps."""

from pydantic import Field

from label_pipeline.settings.knobs import Knobs


class MaintainSettings(Knobs):
    """Upkeep: free, and on unless someone turns it off in the page."""

    cron: str = Field(
        "30 5 * * *",
        pattern=r"^\S+( +\S+){4}$",
        description="when it runs (UTC); daily keeps a night as cheap as the first",
    )
    keep_days: float = Field(
        2,
        ge=0.25,
        le=6.5,
        description="days that files nothing refers to any more are kept, for whoever began to read them; runs of more "
        "than two days are rare, and after a week nothing knows of them any more",
    )
    journal_days: int | None = Field(
        180,
        ge=30,
        description="days that replies of labels, anchor and canary stay in the journal, .5 to 4 KB each; null keeps "
        "them. Those of calibrate and gate always stay",
    )
