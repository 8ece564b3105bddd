"""How files are packed: compressed (.gz, .zst, .bz2), and many behind one path (a folder of shards, a pattern).

Keep out: reading bytes from storage (opening.py), what a file holds (dialect.py).
"""

import bz2
import gzip
import zlib
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path, PurePath

from label_pipeline.adapters.s3 import Objects
from label_pipeline.core.errors import InputError

_WILD = frozenset("*?[")


def _zstd(data: bytes) -> bytes:
    import pyarrow as pa

    return bytes(pa.CompressedInputStream(pa.BufferReader(data), "zstd").read())


_PACKED: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress, ".zst": _zstd, ".zstd": _zstd, ".bz2": bz2.decompress
}  # fmt: skip


def packed_as(path: str | Path) -> str | None:
    """The ending that says how a file is compressed, in lower case; None where none does."""
    ending = PurePath(path).suffix.lower()
    return ending if ending in _PACKED else None


def inner_name(path: str | Path) -> PurePath:
    """The file's name without the ending of its compression: of ``labels.tsv.gz``, ``labels.tsv``."""
    name = PurePath(PurePath(path).name)
    return PurePath(name.stem) if packed_as(path) else name


def unpacked(data: bytes, path: str | Path) -> bytes:
    """The file's content.

    Raises:
        InputError: it is not compressed as its ending says, or damaged, or holds nothing.
    """
    ending = packed_as(path)
    if ending is None:
        return data
    name = PurePath(path).name
    try:
        content = _PACKED[ending](data)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise InputError(
            f"{name} cannot be unpacked as its ending {ending} says ({error}); copy it again, or rename it"
        ) from error
    if not content.strip():
        raise InputError(f"{name} is empty inside; expected at least one row: export it again")
    return content


def files_of(path: str | Path, objects: Objects | None = None) -> list[str | Path]:
    """The files behind a path, by name: those of a folder, or that a pattern (``part-*.parquet``) fits.

    A path that is a file, fits nothing or is not there is returned as it is: reading it says what is wrong. Names that
    begin with a dot or underscore are no data (``_SUCCESS``, ``.crc``).

    Args:
        path: a file, a folder or a pattern; on S3 a folder ends in a slash.
        objects: S3, where the address is there.
    """
    if "://" in str(path):
        return _remote(str(path), objects) if objects is not None and str(path).startswith("s3://") else [path]
    given = Path(path)
    if given.is_dir():
        found = given.iterdir()
    elif _WILD & set(str(path)) and not given.exists():
        anchor = Path(given.anchor)
        found = anchor.glob(str(given.relative_to(anchor)))
    else:
        return [path]
    return [*sorted(one for one in found if one.is_file() and _is_data(one.name))] or [path]


def _remote(url: str, objects: Objects) -> list[str | Path]:
    folder, _, name = url.rpartition("/")
    if name and not _WILD & set(name):
        return [url]
    inside = [other for other in objects.names(f"{folder}/") if other.rpartition("/")[0] == folder]
    fits = [one for one in inside if _is_data(one.rpartition("/")[2]) and fnmatch(one.rpartition("/")[2], name or "*")]
    return [*sorted(set(fits))] or [url]


def _is_data(name: str) -> bool:
    return not name.startswith((".", "_"))
