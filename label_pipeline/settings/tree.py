"""The whole settings tree, and what follows from it alone: paths, and every judge candidate.

Keep out: the sections (knobs.py), reading a file (loading.py), building clients or members from it (operations/).
"""

import hashlib
import os
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from label_pipeline.core.scale import Scale
from label_pipeline.settings.alerts import AlertsSettings
from label_pipeline.settings.cadence import times_a_year
from label_pipeline.settings.endpoints import EndpointSettings
from label_pipeline.settings.identity import DagsterSettings, Keys, keys_in
from label_pipeline.settings.inputs import InputsSettings
from label_pipeline.settings.knobs import (
    AmplifySettings,
    CalibrateSettings,
    CandidateSettings,
    DaysSettings,
    GateSettings,
    Knobs,
    RankSettings,
    ScaleSettings,
    SplitSettings,
)
from label_pipeline.settings.rehearsal import RehearsalSettings
from label_pipeline.settings.storage import StorageSettings
from label_pipeline.settings.upkeep import MaintainSettings
from label_pipeline.settings.watch import AnchorSettings, WatchSettings

HOME_VARIABLE = "LABEL_PIPELINE_HOME"

SET_BY_LOAD = ("folder", "started_in")
"""Fields that are no keys of the file."""


class Settings(Knobs):
    """The whole tree. Build it with :func:`load`."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$", description="names folders and MLflow experiments")
    home: str | None = Field(None, description="folder for everything a run writes")
    task: str = Field("relevance", min_length=1)
    collection: str = Field("main", min_length=1, description="collection of rows whose files do not say")
    scale: ScaleSettings = ScaleSettings()
    rubric: str = Field(description="rubric file")
    inputs: InputsSettings
    days: DaysSettings
    splits: SplitSettings = SplitSettings()
    agreement_floor: float = Field(0.667, ge=-1, le=1, description="Krippendorff's conventional lower limit")
    agreement_waiver: str | None = Field(
        None, min_length=10, description="why to calibrate below agreement_floor all the same; printed on the verdict"
    )
    endpoints: dict[str, EndpointSettings] = Field(min_length=1)
    candidates: list[CandidateSettings] = Field(min_length=1)
    calibrate: CalibrateSettings = CalibrateSettings()
    gate: GateSettings = GateSettings()
    amplify: AmplifySettings = AmplifySettings()
    rank: RankSettings = RankSettings()
    anchor: AnchorSettings = AnchorSettings()
    watch: WatchSettings = WatchSettings()
    alerts: AlertsSettings = AlertsSettings()
    dagster: DagsterSettings = DagsterSettings()
    storage: StorageSettings = StorageSettings()
    maintain: MaintainSettings = MaintainSettings()
    rehearsal: RehearsalSettings | None = None
    folder: Path = Field(default=Path(), exclude=True, description="folder of the settings file; set by load")
    started_in: Path = Field(default=Path(), exclude=True, description="working folder at load: a run may change it")

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        for index, candidate in enumerate(self.candidates):
            if candidate.endpoint not in self.endpoints:
                raise ValueError(
                    f"candidates.{index}.endpoint is {candidate.endpoint!r}; endpoints has {sorted(self.endpoints)}"
                )
        if "://" in (self.home or ""):
            raise ValueError(
                "home is a folder of this machine; what counts may be on S3: put its address at storage.root"
            )
        if not self.inputs.candidates and self.inputs.pool_date:
            raise ValueError("inputs.pool_date is set but inputs.candidates lists no file")
        if self.amplify.send == "batch" and not any(one.batch for one in self.endpoints.values()):
            raise ValueError(
                "amplify.send is batch, and no endpoint says that it has a Batch API: state endpoints.NAME.batch, {} "
                "where nothing of it differs, or send online"
            )
        return self

    @property
    def grade_scale(self) -> Scale:
        """The scale as core knows it."""
        return Scale(self.scale.lo, self.scale.hi)

    @property
    def home_path(self) -> Path:
        """Folder for tables (unless settings say otherwise), journal, MLflow and the sample world."""
        if self.home is not None:
            return (self.folder / self.home).resolve()
        base = os.environ.get(HOME_VARIABLE) or os.environ.get("DAGSTER_HOME") or ""
        return (self.started_in / base).resolve() / ".runs" / self.name

    @property
    def amplifications_per_year(self) -> int:
        """Label days in a year, each with a canary: as the schedule has them, one a day at least."""
        return max(366, times_a_year(self.amplify.cron))

    @property
    def anchor_runs_per_year(self) -> int:
        """Most anchor runs in a year: those of the schedule, or one after every label day, whose labels await it."""
        days = 366 // self.anchor.every_days
        return max(days, times_a_year(self.anchor.cron), self.amplifications_per_year)

    @property
    def stated_keys(self) -> Keys:
        """What these settings ask to be called in Dagster."""
        told = hashlib.sha256(self.tables_root.encode()).hexdigest()[:8]
        return Keys((self.name,) if self.dagster.prefix is None else tuple(self.dagster.prefix), f"{self.name}:{told}")

    @property
    def keys(self) -> Keys:
        """What the project is called in Dagster: what its home was written under, where that was recorded."""
        return keys_in(self.home_path, self.stated_keys)

    @property
    def location(self) -> str:
        """Name of the project's code location in a workspace of several; of an older one the name it had."""
        return self.dagster.location or (self.name if self.keys.prefix else "label_pipeline")

    @property
    def tables_root(self) -> str:
        """Folder or S3 prefix that holds one table per name."""
        root = self.storage.remote or str((self.folder / (self.storage.root or self.home_path)).resolve())
        return f"{root}/tables"

    def locate(self, path: str) -> Path:
        """A rubric, prompt or other local path of the settings file as an absolute path."""
        return (self.folder / self._filled(path)).resolve()

    def locate_input(self, path: str) -> Path | str:
        """An input as an absolute path, or its address; only those of S3 can be read."""
        filled = self._filled(path)
        return filled if "://" in filled else self.locate(path)

    def _filled(self, path: str) -> str:
        return os.path.expandvars(path.replace("{home}", str(self.home_path)))

    def expanded_candidates(self) -> Iterator[tuple[str, CandidateSettings, str, str, dict[str, object], int]]:
        """(name, its settings, model, prompt, parameters, votes) of every combination, in order."""
        for group in self.candidates:
            for model, prompt, (index, parameters), votes in product(
                group.models, group.prompts, enumerate(group.parameters), group.votes
            ):
                parts = [model, Path(prompt).stem]
                parts += [f"p{index}"] if len(group.parameters) > 1 else []
                parts += [f"{votes}votes"] if votes > 1 else []
                yield "/".join(parts), group, model, prompt, dict(parameters), votes
