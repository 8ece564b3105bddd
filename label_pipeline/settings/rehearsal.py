"""The section of the local provider: what it serves, and where."""

from typing import Literal

from pydantic import Field

from label_pipeline.settings.knobs import Knobs


class RehearsalSettings(Knobs):
    """The local provider `label-pipeline provide` and `demo` start for this project."""

    kind: Literal["simulated", "recorded"]
    port: int = Field(0, ge=0, le=65535, description="0 = any free port")
    world_seed: int = Field(7, ge=0, description="simulated: seed of the sample world")
    path: str | None = Field(None, description="recorded: Parquet with query, passage and a column of grades a model")
    query_column: str = "query"
    passage_column: str = "passage"
    models: dict[str, str] = Field(default_factory=dict, description="recorded: model name: column")
    conflicts: Literal["refuse", "first", "exclude"] = "refuse"
