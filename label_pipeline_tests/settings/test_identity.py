"""What Dagster knows a project by: its name, what settings say, or what its home was written under."""

import json
from pathlib import Path

import pytest

from label_pipeline.core.errors import SettingsError
from label_pipeline.settings import SAMPLE, Settings, parse
from label_pipeline.settings.identity import RECORD, remember
from label_pipeline_tests import small_project


def settings(home: Path, **dagster: object) -> Settings:
    return parse({**small_project.data(home), "dagster": dagster}, SAMPLE)


def test_a_new_project_is_called_by_its_name(tmp_path: Path) -> None:
    found = settings(tmp_path)
    assert (found.keys.prefix, found.location) == (("small",), "small")
    assert settings(tmp_path, prefix=["shop", "de"], location="de").keys.prefix == ("shop", "de")
    assert settings(tmp_path, prefix=[]).keys.prefix == ()
    assert list(tmp_path.iterdir()) == [], "looking writes nothing"


@pytest.mark.parametrize("older", ["tables", "journal.sqlite", "mlflow"])
def test_a_home_of_an_older_version_keeps_keys_without_a_prefix(older: str, tmp_path: Path) -> None:
    (tmp_path / older).mkdir()
    found = settings(tmp_path, prefix=["shop"])
    assert (found.keys.prefix, found.stated_keys.prefix, found.location) == ((), ("shop",), "label_pipeline")
    remember(tmp_path, found.keys)
    assert found.keys.prefix == ()


def test_a_home_keeps_what_it_was_written_under_until_it_is_moved(tmp_path: Path) -> None:
    first = settings(tmp_path)
    first.home_path.mkdir(exist_ok=True)
    remember(tmp_path, first.keys)
    (tmp_path / "tables").mkdir()
    assert first.keys.prefix == ("small",), "its tables are not older than its record"
    renamed = settings(tmp_path, prefix=["other"])
    assert renamed.keys.prefix == ("small",)
    remember(tmp_path, renamed.stated_keys)
    assert renamed.keys.prefix == ("small",), "once"
    remember(tmp_path, renamed.stated_keys, anew=True)
    assert renamed.keys.prefix == ("other",)


def test_a_generated_sample_is_no_sign_of_an_older_version(tmp_path: Path) -> None:
    (tmp_path / "inputs").mkdir()
    (tmp_path / "dagster").mkdir()
    assert settings(tmp_path).keys.prefix == ("small",)


def test_tables_record_it_before_they_are_written(tmp_path: Path) -> None:
    found = small_project.Small(settings(tmp_path))
    found.project.store("seed").read("queries")
    assert not (tmp_path / RECORD).exists()
    splits = found.project.store("seed").read("splits")
    found.project.store("seed").overwrite("splits", splits)
    assert json.loads((tmp_path / RECORD).read_text()) == {"prefix": ["small"], "project": found.settings.keys.project}
    assert found.settings.keys.prefix == ("small",)


def test_a_home_that_was_moved_is_the_same_project(tmp_path: Path) -> None:
    """Its runs are in an instance of its own, which moved with it."""
    first = settings(tmp_path / "here")
    remember(tmp_path / "here", first.keys)
    (tmp_path / "here").rename(tmp_path / "there")
    assert settings(tmp_path / "there").keys == first.keys
    assert settings(tmp_path / "other").keys.project != first.keys.project


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"prefix": 3}', '{"prefix": []}', "{"])
def test_a_record_that_says_nothing_is_an_error_and_no_new_name(text: str, tmp_path: Path) -> None:
    (tmp_path / RECORD).write_text(text)
    with pytest.raises(SettingsError, match="does not say which keys this project has in Dagster"):
        _ = settings(tmp_path).keys.prefix


@pytest.mark.parametrize(
    "dagster", [{"prefix": ["a b"]}, {"prefix": [""]}, {"owners": ["search"]}, {"location": "a/b"}]
)
def test_names_dagster_would_refuse_are_refused_here(dagster: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="dagster"):
        settings(tmp_path, **dagster)
