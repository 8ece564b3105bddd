"""Bytes and text of a file, with errors that say where it is or where it stops being readable.

``read_bytes`` is the one place that touches storage, a local disk or S3.
"""

import difflib
from collections.abc import Sequence
from pathlib import Path

from label_pipeline.adapters.s3 import Objects
from label_pipeline.core.errors import InputError
from label_pipeline.core.url_credentials import without_credentials


def read_bytes(path: str | Path, objects: Objects | None = None) -> bytes:
    """Reads a whole file, local or on S3.

    Args:
        path: a local path, or an ``s3://`` address.
        objects: S3, where the address is there.

    Raises:
        InputError: when it is missing (naming the nearest file that exists), a folder, unreadable, empty or at an
            address that is not S3's.
        StorageError: S3 cannot be reached or says no.
    """
    data = _remote(str(path), objects) if "://" in str(path) else _local(Path(path))
    if not data.strip():
        raise InputError(f"{path} is empty; expected at least one row: export it again")
    return data


def _remote(url: str, objects: Objects | None) -> bytes:
    if objects is None or not url.startswith("s3://"):
        shown = without_credentials(url)
        raise InputError(f"{shown}: only local files and s3:// addresses can be read; copy the file to one of them")
    found = objects.read(url)
    if found is None:
        raise InputError(f"{url} does not exist; {_nearest_object(url, objects)}")
    return found.data


def _local(file: Path) -> bytes:
    if file.is_dir():
        raise InputError(f"{file} is a folder with no file to read inside; expected a file, or a folder of them")
    if not file.exists() and set("*?[") & set(str(file)):
        raise InputError(f"no file fits the pattern {file}; {_nearest(file)}")
    if not file.exists():
        raise InputError(f"{file} does not exist; {_nearest(file)}")
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}; check its permissions") from error


def decode(data: bytes, encoding: str, source: str) -> str:
    """The file's text; a byte order mark is dropped.

    Raises:
        InputError: for an unknown encoding, or naming the byte and line that is not in this encoding.
    """
    try:
        return data.decode("utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding)
    except LookupError as error:
        raise InputError(f"{source}: encoding {encoding!r} is unknown; use e.g. utf-8, latin-1 or cp1252") from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
        raise InputError(
            f"{source}: byte {error.start} (line {line}) is not valid {encoding}: found "
            f"0x{byte:02x}; save the file as UTF-8, or set `encoding:` ({_named(data, byte)}; `seed import` has "
            "--encoding)"
        ) from error


def _named(data: bytes, byte: int) -> str:
    """What names the encoding, for a person to decide: the file's own mark, or what the byte is in Windows'."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "the file's first bytes say utf-16"
    shown = bytes([byte]).decode("cp1252", "replace")
    return f"in cp1252 and latin-1 that byte is {shown!r}" if byte >= 0xA0 else f"in cp1252 that byte is {shown!r}"


def _nearest(file: Path) -> str:
    """What exists instead: the nearest name in the folder, or the nearest folder."""
    folder = file.parent
    if not folder.is_dir():
        return f"its folder {folder} does not exist either: check the path"
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    return _instead(file.name, str(folder), names)


def _nearest_object(url: str, objects: Objects) -> str:
    folder, _, name = url.rpartition("/")
    return _instead(name, folder, [other.rpartition("/")[2] for other in objects.names(f"{folder}/")])


def _instead(name: str, folder: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"did you mean {folder}/{close[0]}?"
    return f"{folder} holds {', '.join(names[:5]) or 'no file'}: check the path"
