"""One project as plain objects: what its settings mean, and the doors to the outside world.

Made from settings by anybody: Dagster's resource (defs/resources.py), the command line, a notebook. Keep out: what is
done with it (the modules beside this one).
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import yaml

from label_pipeline.adapters.aws import S3, s3
from label_pipeline.adapters.files import InputSpec
from label_pipeline.adapters.journal import SQLiteJournal
from label_pipeline.adapters.lease import confirm_held
from label_pipeline.adapters.limiter import Limiter
from label_pipeline.adapters.openai_client import OpenAIChatClient
from label_pipeline.adapters.prices import list_price
from label_pipeline.adapters.segments import Segments
from label_pipeline.adapters.store import Store
from label_pipeline.adapters.tracking import Tracker
from label_pipeline.core.errors import BudgetError, GateClosedError, PromptError, SettingsError, TableError
from label_pipeline.core.judge import JudgeVersion, judge_from_row
from label_pipeline.core.judging.advance import Advance
from label_pipeline.core.judging.member import Member
from label_pipeline.core.judging.plan import Measured
from label_pipeline.core.judging.prompt import PromptTemplate, parse_prompt
from label_pipeline.core.ports import Clock, Price, Progress
from label_pipeline.core.rubric import Rubric, parse_rubric
from label_pipeline.core.splits import Shares
from label_pipeline.operations import endpoints
from label_pipeline.operations.input_files import input_specs
from label_pipeline.settings import CandidateSettings, Settings
from label_pipeline.settings.identity import remember
from label_pipeline.settings.storage import REMOTE
from label_pipeline.stages.gate import Policy, choose_policy


def utc_now() -> datetime:
    """The current time (UTC)."""
    return datetime.now(UTC)


def no_progress(advance: Advance) -> None:
    """Ignores progress: for callers that show none."""


@dataclass(frozen=True)
class Project:
    """A project ready to run.

    Attributes:
        settings: its validated settings.
        clock: gives the current time; a test passes its own.
        progress: told about long work besides the run's log.
    """

    settings: Settings
    clock: Clock = utc_now
    progress: Progress = field(default=no_progress)

    def store(self, stage: str) -> Store:
        """The tables as ``stage`` may see them."""
        on_s3 = self.s3 if self.settings.storage.remote else None
        return Store(self.settings.tables_root, stage, on_s3.delta_options if on_s3 else {}, self._may_write)

    def _may_write(self) -> None:
        """Before anything is written: the home says which keys its history is under, and the lease is held."""
        remember(self.settings.home_path, self.settings.keys)
        confirm_held()

    @cached_property
    def s3(self) -> S3 | None:
        """S3, where any of the project's state or inputs is there."""
        if self.settings.storage.remote is None and not any(
            str(self.settings.locate_input(item.path)).startswith(REMOTE) for item in self.settings.inputs.files
        ):
            return None
        return s3()

    @cached_property
    def rubric(self) -> Rubric:
        """The rubric, read from its file.

        Raises:
            PromptError: missing, unusable, or for another scale than the project's.
        """
        path = self.settings.locate(self.settings.rubric)
        found = parse_rubric(_mapping(path), str(path))
        if found.scale != self.settings.grade_scale:
            raise PromptError(
                f"{path} grades {found.scale.lo}..{found.scale.hi}, settings say "
                f"{self.settings.scale.lo}..{self.settings.scale.hi}: make them agree"
            )
        return found

    @property
    def rubric_version(self) -> str:
        """Version and content hash of the rubric."""
        return f"{self.rubric.version}-{self.rubric.version_hash}"

    @cached_property
    def policy(self) -> Policy:
        """The gate policy in force."""
        return choose_policy(self.settings.gate.policy, self.settings.gate.thresholds)

    @property
    def shares(self) -> Shares:
        """The share of the queries each split is to have."""
        splits = self.settings.splits
        return Shares(train=splits.train, dev=splits.dev, holdout=splits.holdout, anchor=splits.anchor)

    def input_specs(self, table: str) -> list[InputSpec]:
        """The files that feed one input table; see operations/input_files.py."""
        return input_specs(self.settings, table, self.s3.objects if self.s3 else None)

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """Every judge candidate of the settings.

        Raises:
            BudgetError: a model has no known price; unknown is not free.
            SettingsError: two candidates are the same.
        """
        prompts: dict[str, PromptTemplate] = {}
        found = []
        for name, group, model, prompt, parameters, votes in self.settings.expanded_candidates():
            path = self.settings.locate(prompt)
            if prompt not in prompts:
                prompts[prompt] = parse_prompt(_mapping(path), str(path))
            endpoint = self.settings.endpoints[group.endpoint]
            found.append(
                Member(
                    name=name,
                    endpoint=group.endpoint,
                    inside=endpoint.boundary == "inside",
                    model=model,
                    prompt=prompts[prompt],
                    rubric=self.rubric,
                    parameters=endpoint.body_fields(parameters),
                    votes=votes,
                    logprobs=group.logprobs and endpoint.logprobs,
                    vary_seed=group.vary_seed and endpoint.seed,
                    read_attempts=group.read_attempts,
                    served_as=tuple(group.served_as),
                    price=self._price(group, model),
                    shape=endpoint.shape,
                    top_logprobs=endpoint.top_logprobs,
                )
            )
        if len({member.name for member in found}) < len(found):
            raise SettingsError(f"two candidates have one name: {sorted(member.name for member in found)}")
        return tuple(found)

    def collections(self) -> list[str]:
        """Every collection there is: those with a query or a human grade. One list for page, `status` and alerts."""
        asked = self.store("gate").read("queries", ["collection"])["collection"]
        return sorted({*asked, *self.graded_collections()})

    def graded_collections(self) -> list[str]:
        """The collections with human grades: those a gate can decide on."""
        return sorted(set(self.store("gate").read("gold", ["collection"])["collection"]))

    def judge(self, judge_version: str) -> tuple[JudgeVersion, int]:
        """A frozen judge by its version, and the epoch it was calibrated in last.

        Raises:
            TableError: table judge_versions has lost it: nothing may go on as if there were nothing to watch.
        """
        rows = self.store("calibrate").query("calibrate/judge_by_version", {"judge_version": judge_version})
        if rows.is_empty():
            raise TableError(
                f"table judge_versions has no judge {judge_version}, which other tables name; was it restored from an "
                "older copy? Restore the newer one, or certify a judge again (job recalibrate)"
            )
        row = rows.row(0, named=True)
        return judge_from_row(row), int(row["epoch"])

    def member_of(self, judge: JudgeVersion) -> Member:
        """The member a frozen judge was made of, unchanged.

        Raises:
            GateClosedError: settings, prompt or rubric changed since; what the gate judged can no longer be sent.
        """
        for member in self.members:
            if member.member_hash in judge.members:
                return member
        raise GateClosedError(
            f"judge {judge.judge_version} was made of candidate {judge.candidate!r}, whose settings, prompt or rubric "
            "have changed since: put them back, or run job recalibrate"
        )

    def _price(self, group: CandidateSettings, model: str) -> Price:
        stated = group.prices.get(model)
        if stated is not None:
            cached = stated.input_usd if stated.cached_usd is None else stated.cached_usd
            return Price(stated.input_usd, cached, stated.output_usd)
        listed = list_price(model, self.settings.endpoints[group.endpoint].provider)
        if listed is None:
            raise BudgetError(
                f"no known price for model {model!r}: state candidates[].prices.{model} "
                "{input_usd, output_usd} in dollars per million tokens (0 if it is free)"
            )
        return listed

    def client(self, endpoint: str) -> OpenAIChatClient:
        """A client for one endpoint; the key comes from the environment or from Secrets Manager.

        Raises:
            SettingsError: the environment variable with the key or address is not set, or there is no such secret.
            StorageError: Secrets Manager cannot be reached.
        """
        found = self.settings.endpoints[endpoint]
        if endpoint not in self.paces:
            self.paces[endpoint] = endpoints.limiter(found)
        return endpoints.client(found, endpoint, self.paces[endpoint])

    @cached_property
    def paces(self) -> dict[str, Limiter]:
        """The pace of each endpoint that was asked: its judges share one quota, and chunks what was learned of it."""
        return {}

    @cached_property
    def measured(self) -> dict[str, Measured]:
        """What replies of each member took, by member hash, once that was looked up: only calibrations change it."""
        return {}

    @cached_property
    def said(self) -> set[tuple[str, str, str]]:
        """What was told once in a run: run, member hash and what about."""
        return set()

    @property
    def journal_path(self) -> Path:
        """The journal's file."""
        return self.settings.home_path / "journal.sqlite"

    @contextmanager
    def journal(self) -> Iterator[SQLiteJournal]:
        """The journal of paid replies, open for one run; where the state is on S3, so are its segments.

        Raises:
            StorageError: the segments cannot be read or sent.
            TableError: the local file cannot be used.
        """
        path, storage = self.journal_path, self.settings.storage
        remember(path.parent, self.settings.keys)
        with ExitStack() as stack:
            if self.s3 is not None and storage.remote is not None:
                prefix = f"{storage.remote}/journal/"
                segments = Segments(path, self.s3.objects, prefix, replies=storage.segment_replies)
                stack.enter_context(segments.kept())
            yield stack.enter_context(SQLiteJournal(path, self.clock))

    @property
    def tracker(self) -> Tracker:
        """The project's MLflow store."""
        folder = self.settings.home_path / "mlflow"
        remember(folder.parent, self.settings.keys)
        folder.mkdir(parents=True, exist_ok=True)
        return Tracker(uri=f"sqlite:///{folder / 'mlflow.db'}", artifact_root=str(folder), project=self.settings.name)


def _mapping(path: Path) -> Mapping[str, object]:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise PromptError(f"no file {path}; settings name it") from error
    except OSError as error:
        raise PromptError(f"{path}, which settings name, cannot be read: {error.strerror}; expected a file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PromptError(f"{path} is not readable YAML: {error}") from error
    if not isinstance(data, dict):
        raise PromptError(f"{path} holds {type(data).__name__}, expected a mapping")
    return data
