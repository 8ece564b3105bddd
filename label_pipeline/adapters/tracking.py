"""MLflow: a run for every judge candidate and ranker, a model version for what was chosen, aliases for what counts.

Everything goes through an explicit client: no active run, no global tracking address. Keep out: what is worth logging
(the assets decide), secrets and document text (never handed in). The tables stay the record; MLflow is a view of it.
"""

import fcntl
import json
import math
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time_ns
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from label_pipeline.core.errors import TrackingError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

Parameter = str | int | float
_SQLITE = "sqlite:///"


@dataclass(frozen=True)
class Tracker:
    """Where one project's runs and models are kept. Every method raises TrackingError when MLflow will or can not.

    Attributes:
        uri: tracking and registry address, e.g. ``sqlite:////abs/path/mlflow.db`` or a server's.
        artifact_root: folder or ``s3://`` prefix of the artifacts; empty leaves the place to the server.
        project: opens the name of every experiment and registered model.
    """

    uri: str = field(repr=False)  # may hold a password
    artifact_root: str
    project: str

    def log_candidate(
        self,
        calibration_id: str,
        candidate: str,
        parameters: Mapping[str, Parameter],
        metrics: Mapping[str, float],
        artifacts: Mapping[str, str | bytes],
    ) -> str:
        """Logs one candidate of one calibration, once; returns the run's id.

        Args:
            calibration_id: the calibration it took part in.
            candidate: its name in settings.
            parameters: settings of the candidate; MLflow cuts values at 6,000 characters, so long texts are artifacts.
            metrics: figures by name; nan means "no data" and is left out.
            artifacts: file content by file name.
        """
        tags = {"calibration_id": calibration_id, "candidate": candidate}
        return self._run_once("calibrate", candidate, tags, parameters, metrics, artifacts)

    def register_judge(self, judge_version: str, run_id: str, description: Mapping[str, object]) -> int:
        """Registers a frozen judge as a model version, once, and points alias ``candidate`` at it.

        Args:
            judge_version: the judge's content hash.
            run_id: the run of the candidate it was made from; ``judge.json`` is added to its artifacts.
            description: what the judge is, as JSON.

        Returns:
            The model version's number.
        """
        with self._client() as client:
            version = self._version(client, "judge", judge_version)
            if version is None:
                folder = f"judge-{judge_version}"
                text = json.dumps(dict(description), indent=2, sort_keys=True, ensure_ascii=False)
                _store_artifacts(client, run_id, {f"{folder}/judge.json": text})
                version = self._register(client, "judge", judge_version, run_id, folder)
            client.set_registered_model_alias(self._model("judge"), "candidate", str(version.version))
            return int(version.version)

    def certify(self, judge_version: str) -> None:
        """Points alias ``certified`` at this judge, which must be registered."""
        self._point("judge", "certified", judge_version)

    def certified(self) -> str | None:
        """The judge version alias ``certified`` points at."""
        return self._pointed_at("judge", "certified")

    def log_ranker(
        self,
        ranker_id: str,
        arm: str,
        parameters: Mapping[str, Parameter],
        metrics: Mapping[str, float],
        artifacts: Mapping[str, str | bytes],
    ) -> str:
        """Logs and registers one ranker, once; arguments as for ``log_candidate``.

        Returns:
            The model's address, ``models:/<project>-ranker/<version>``.
        """
        tags = {"ranker_id": ranker_id, "arm": arm}
        run_id = self._run_once("rank", arm, tags, parameters, metrics, artifacts)
        with self._client() as client:
            version = self._version(client, "ranker", ranker_id) or self._register(client, "ranker", ranker_id, run_id)
            return f"models:/{self._model('ranker')}/{version.version}"

    def promote(self, ranker_id: str) -> None:
        """Promotes a ranker: alias ``champion`` points at it from now on; it must be logged."""
        self._point("ranker", "champion", ranker_id)

    def champion(self) -> str | None:
        """The ranker id alias ``champion`` points at."""
        return self._pointed_at("ranker", "champion")

    def demote(self) -> None:
        """Demotes the champion: removes the alias; nothing happens where there is none."""
        if self.champion() is not None:
            with self._client() as client:
                client.delete_registered_model_alias(self._model("ranker"), "champion")

    def _model(self, kind: str) -> str:
        return f"{self.project}-{kind}"

    @contextmanager
    def _client(self) -> "Iterator[MlflowClient]":
        """The client; what MLflow raises inside the block becomes a TrackingError."""
        _, what_it_raises = _library()
        try:
            yield _open(self.uri)
        except what_it_raises as error:
            message = (
                f"MLflow at {self.uri} failed: {error}; check that the address is right and its folder or server can "
                "be written. The tables are complete without it: run again to log what is missing"
            )
            password = urlsplit(self.uri).password
            if password:  # MLflow repeats the address in some errors, so the cause is not chained either
                raise TrackingError(message.replace(password, "***")) from None
            raise TrackingError(message) from error

    def _experiment(self, client: "MlflowClient", stage: str) -> str:
        name = f"{self.project}/{stage}"
        found = client.get_experiment_by_name(name)
        if found is None:
            place = f"{self.artifact_root.rstrip('/')}/{name}" if self.artifact_root else None
            with _already_there():
                client.create_experiment(name, artifact_location=place)
            found = client.get_experiment_by_name(name)
        if found is None:
            raise TrackingError(f"MLflow has experiment {name!r} and does not show it; look at it with `mlflow ui`")
        return str(found.experiment_id)

    def _run_once(
        self,
        stage: str,
        run_name: str,
        tags: Mapping[str, str],
        parameters: Mapping[str, Parameter],
        metrics: Mapping[str, float],
        artifacts: Mapping[str, str | bytes],
    ) -> str:
        """The finished run with these tags; the first of them alone must be safe inside a filter string."""
        with self._client() as client:
            experiment_id = self._experiment(client, stage)
            key, value = next(iter(tags.items()))
            finished = f"tags.{key} = '{value}' and attributes.status = 'FINISHED'"
            for run in client.search_runs([experiment_id], finished, max_results=1000, order_by=["start_time ASC"]):
                if tags.items() <= run.data.tags.items():
                    return str(run.info.run_id)
            run_id = str(client.create_run(experiment_id, tags=dict(tags), run_name=run_name).info.run_id)
            status = "FAILED"  # until everything is stored; a failed run is never taken for the stored one
            try:
                _store_figures(client, run_id, parameters, metrics)
                _store_artifacts(client, run_id, artifacts)
                status = "FINISHED"
            finally:
                client.set_terminated(run_id, status)
            return run_id

    def _register(self, client: "MlflowClient", kind: str, value: str, run_id: str, folder: str = "") -> "ModelVersion":
        """A new model version whose source is ``folder`` of the run's artifacts."""
        with _already_there():
            client.create_registered_model(self._model(kind))
        source = "/".join(filter(None, (client.get_run(run_id).info.artifact_uri, folder)))
        # two processes may both register it: the earliest version counts, see _version
        client.create_model_version(self._model(kind), source, run_id, tags={_TAG[kind]: value}, await_creation_for=0)
        version = self._version(client, kind, value)
        if version is None:
            raise TrackingError(f"MLflow took {kind} {value} and does not show it; look at it with `mlflow ui`")
        return version

    def _version(self, client: "MlflowClient", kind: str, value: str) -> "ModelVersion | None":
        found = client.search_model_versions(f"name = '{self._model(kind)}' and tags.{_TAG[kind]} = '{value}'")
        return min(found, key=lambda version: int(version.version), default=None)

    def _point(self, kind: str, alias: str, value: str) -> None:
        with self._client() as client:
            version = self._version(client, kind, value)
            if version is None:
                raise TrackingError(f"{kind} {value} is not in MLflow, so it cannot be {alias}; register it first")
            client.set_registered_model_alias(self._model(kind), alias, str(version.version))

    def _pointed_at(self, kind: str, alias: str) -> str | None:
        with self._client() as client:
            models = client.search_registered_models(f"name = '{self._model(kind)}'")
            number = models[0].aliases.get(alias) if models else None
            if number is None:
                return None
            return client.get_model_version(self._model(kind), str(number)).tags.get(_TAG[kind])


_TAG = {"judge": "judge_version", "ranker": "ranker_id"}


@contextmanager
def _already_there() -> Iterator[None]:
    """Swallows the one refusal that means another process has created the same thing."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _store_figures(
    client: "MlflowClient", run_id: str, parameters: Mapping[str, Parameter], metrics: Mapping[str, float]
) -> None:
    from mlflow.entities import Metric, Param

    now_ms = time_ns() // 1_000_000
    client.log_batch(
        run_id,
        metrics=[Metric(_name(k), float(v), now_ms, 0) for k, v in metrics.items() if not math.isnan(v)],
        params=[Param(_name(k), str(v)) for k, v in parameters.items()],
    )


def _store_artifacts(client: "MlflowClient", run_id: str, artifacts: Mapping[str, str | bytes]) -> None:
    if not artifacts:
        return
    with TemporaryDirectory() as folder:
        for name, content in artifacts.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        client.log_artifacts(run_id, folder)


def _name(key: str) -> str:
    """``nDCG@10 (exponential)`` as MLflow's alphabet allows it: ``nDCG_at_10 exponential``."""
    return re.sub(r"[^\w\-. :/]", "", key.replace("@", "_at_"))


@cache
def _library() -> "tuple[type[MlflowClient], tuple[type[Exception], ...]]":
    """Imports MLflow without telemetry and chatter (about 4 s): its client, and the errors that mean it failed."""
    # MLflow reads these once, when it is imported
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ.setdefault("DO_NOT_TRACK", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError
    return MlflowClient, (MlflowException, SQLAlchemyError, OSError, ImportError)  # no driver


@cache
def _open(uri: str) -> "MlflowClient":
    """The client of one address; the first call brings an empty SQLite file to MLflow's schema (about 3 s)."""
    client_class, _ = _library()
    with warnings.catch_warnings(), _alone(uri):
        warnings.simplefilter("ignore")  # MLflow uses a loader that SQLAlchemy 2.1 deprecates
        client = client_class(tracking_uri=uri, registry_uri=uri)
        client.search_registered_models(max_results=1)  # the registry opens on first use: here, while alone
        return client


@contextmanager
def _alone(uri: str) -> Iterator[None]:
    """Lets one process at a time create a SQLite schema: MLflow's migrations crash beside each other."""
    if not uri.startswith(_SQLITE):
        yield
        return
    path = Path(uri.removeprefix(_SQLITE))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
