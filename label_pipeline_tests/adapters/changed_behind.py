"""What may happen to a table behind a process that keeps it open: the same on a folder and on S3.

Keep out: how files get there (each place says), expectations beyond "the rows are those that are stored".
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from deltalake import DeltaTable, write_deltalake

from label_pipeline.adapters.store import Store
from label_pipeline.core.catalogue import TABLES
from label_pipeline_tests.adapters.writers import looks

TABLE = "holdout_looks"


class Place(Protocol):
    """Where the files of one table are."""

    def files(self) -> Mapping[str, bytes]:
        """All of them, by name."""

    def replace(self, files: Mapping[str, bytes]) -> None:
        """Removes what is there and puts these."""


Change = Callable[[Store, Place], list[str]]
"""Changes the table and says which rows it holds then."""


def grown(store: Store, place: Place) -> list[str]:
    """Another process appends."""
    _append_elsewhere(store, "c", "d")
    return ["a", "b", "c", "d"]


def restored(store: Store, place: Place) -> list[str]:
    """Somebody restores an earlier version with Delta's own command, which is a commit."""
    DeltaTable(_uri(store), storage_options=_options(store)).restore(1)
    return ["a"]


def removed(store: Store, place: Place) -> list[str]:
    """Its folder is deleted."""
    place.replace({})
    return []


def made_anew(store: Store, place: Place) -> list[str]:
    """Deleted, and written again in as many commits."""
    place.replace({})
    _append_elsewhere(store, "x", "y", "z")
    return ["x", "y", "z"]


def made_anew_longer(store: Store, place: Place) -> list[str]:
    """Deleted, and written again in more commits."""
    place.replace({})
    _append_elsewhere(store, "w", "x", "y", "z")
    return ["w", "x", "y", "z"]


def made_anew_shorter(store: Store, place: Place) -> list[str]:
    """Deleted, and written again in fewer commits."""
    place.replace({})
    _append_elsewhere(store, "x")
    return ["x"]


def put_back_shorter(store: Store, place: Place) -> list[str]:
    """A copy of some commits ago is put in its place."""
    kept = place.files()
    for name in ("c", "d"):
        store.append(TABLE, looks(name), name)
    assert store.read(TABLE).height == 4
    place.replace(kept)
    return ["a", "b"]


def put_back_as_long(store: Store, place: Place) -> list[str]:
    """A copy is put in its place that went another way from the last common commit on, in as many commits."""
    common = place.files()
    store.append(TABLE, looks("of the copy"), "copy")
    kept = place.files()
    place.replace(common)
    store.append(TABLE, looks("of the other"), "other")
    assert "of the other" in store.read(TABLE)["verdict_id"]
    place.replace(kept)
    return ["a", "b", "of the copy"]


CHANGES: tuple[Change, ...] = (
    grown, restored, removed, made_anew, made_anew_longer, made_anew_shorter, put_back_shorter, put_back_as_long,
)  # fmt: skip


def check(store: Store, place: Place, change: Change) -> None:
    """Reads, changes, reads again, then goes on with the table as it is now."""
    assert store.append(TABLE, looks("a"), "a")
    assert store.append(TABLE, looks("b"), "b")  # version 2: the store's first commit creates it without rows
    assert sorted(store.read(TABLE)["verdict_id"]) == ["a", "b"]
    now = change(store, place)
    assert sorted(store.read(TABLE)["verdict_id"]) == now
    assert store.append(TABLE, looks("a"), "a") == ("a" not in now), "a commit that is gone may be written again"
    assert sorted(store.read(TABLE)["verdict_id"]) == sorted({*now, "a"})


def _append_elsewhere(store: Store, *names: str) -> None:
    """As another process does, a commit each: this one's store has no part in it."""
    for name in names:
        rows = TABLES[TABLE].conform(looks(name)).to_arrow()
        write_deltalake(_uri(store), rows, mode="append", storage_options=_options(store))


def _uri(store: Store) -> str:
    return f"{store.root}/{TABLE}"


def _options(store: Store) -> dict[str, str] | None:
    return dict(store.options) or None
