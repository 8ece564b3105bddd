"""A stamp changes when a file is written, its content hash only when its content does."""

import os
from pathlib import Path

import pytest

from label_pipeline.adapters.files.stamps import content_hash, stamp
from label_pipeline.core.errors import InputError


def test_a_touch_changes_the_stamp_and_not_the_content(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("a,b\n")
    before, content = stamp(file), content_hash(file)
    assert stamp(file) == before
    os.utime(file, (1, 1))
    touched = stamp(file)
    assert touched is not None
    assert touched != before
    assert touched.written_at.timestamp() == 1
    assert content_hash(file) == content
    file.write_text("a,c\n")
    assert content_hash(file) != content


def test_what_is_not_there_or_not_here_has_no_stamp(tmp_path: Path) -> None:
    assert stamp(tmp_path / "none.csv") is None
    assert stamp("s3://bucket/labels.csv") is None
    with pytest.raises(InputError):
        content_hash(tmp_path / "none.csv")
