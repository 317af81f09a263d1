"""Writes a file below a folder so that it appears whole or not at all, and so that nothing can lead it elsewhere."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

NAME = re.compile(r"[A-Za-z0-9_-](?:[A-Za-z0-9_-]|\.(?!\.)){0,198}", re.ASCII)

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class UnsafeName(ValueError):
    """The name of a file or folder is not one plain word."""


@dataclass
class Written:
    """A file being written, and afterwards what became of it."""

    file: BinaryIO
    name: str
    bytes: int = 0
    _hash: Any = field(default_factory=hashlib.sha256)

    @property
    def sha256(self) -> str:
        return str(self._hash.hexdigest())

    def write(self, text: str) -> None:
        data = text.encode()
        self.file.write(data)
        self._hash.update(data)
        self.bytes += len(data)


@contextmanager
def new_file(root: Path, folder: str, name: str, *, writer: int) -> Iterator[Written]:
    """Write `root/folder/name` under a temporary name and rename it at the end; an error leaves nothing behind.

    Every step is relative to an open folder and follows no link below `root`, so that neither a name nor a symlink put
    there meanwhile can lead outside. `writer` keeps two writers of one name apart. Raises UnsafeName and OSError.
    """
    for word in (folder, name):
        if not NAME.fullmatch(word):
            raise UnsafeName(f"Not a plain file name: {word[:80]!r}.")
    root.mkdir(parents=True, exist_ok=True, mode=0o750)
    with _open_folder(root) as outer, _open_folder(folder, outer) as inner:
        temporary = f".{name}.{writer}.part"
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=inner)
        try:
            with os.fdopen(os.open(temporary, _NEW_FILE, 0o640, dir_fd=inner), "wb") as file:
                written = Written(file, f"{folder}/{name}")
                yield written
                file.flush()
                os.fsync(file.fileno())
            os.rename(temporary, name, src_dir_fd=inner, dst_dir_fd=inner)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=inner)
            raise


@contextmanager
def _open_folder(path: Path | str, below: int | None = None) -> Iterator[int]:
    if below is not None:
        with suppress(FileExistsError):
            os.mkdir(path, 0o750, dir_fd=below)
    # The root itself may be a link that the administrator made.
    descriptor = os.open(path, _FOLDER if below is not None else _FOLDER & ~os.O_NOFOLLOW, dir_fd=below)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
