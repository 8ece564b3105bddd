"""A project whose tables disagree stops what rests on them, and says so."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shutil import rmtree

import pytest

from label_pipeline.core.errors import TableError
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.operations import watch
from label_pipeline.operations.judging import ask_and_store
from label_pipeline.operations.recalibrate import lane_for
from label_pipeline.operations.run import Run
from label_pipeline_tests.small_project import Provider, Small, failure_of


def test_a_judge_that_a_verdict_names_and_no_table_holds_is_no_quiet_no(
    certified_small: Callable[[], Small], provider: Provider, tmp_path: Path
) -> None:
    """Restored from an older copy: sensors must turn red, and no lane may be chosen as if there were no judge."""
    small = certified_small()
    project = small.project
    store = project.store("anchor")
    judge = store.read("judge_versions")["judge_version"][0]
    [member] = project.members
    rmtree(tmp_path / "home" / "tables" / "judge_versions")
    with pytest.raises(TableError, match=f"has no judge {judge}, which other tables name"):
        watch.watched(project)
    with pytest.raises(TableError, match="Restore the newer one"):
        lane_for(project, ["main"], 1)
    before = provider.requests()
    assert "has no judge" in failure_of(small.run("amplified_labels"))
    assert provider.requests() == before
    uncapped = JudgingOrder(member, (), "amplify", 0)
    with pytest.raises(ValueError, match="without a cap may be priced, not carried out"):
        ask_and_store(Run("r"), project, uncapped)
    assert ask_and_store(Run("r"), project, replace(uncapped, cap_usd=1)).requests == 0
