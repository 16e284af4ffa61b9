"""Reads files, pipes and devices up to a maximum size, and stops at the first byte beyond it."""

import os
import select
import stat
import time
from pathlib import Path
from typing import BinaryIO

_CHUNK = 1 << 16
# Seconds to wait for a process that opens a named pipe, and for the next byte that it writes.
PATIENCE, PATIENCE_WITH_WRITER = 5.0, 60.0


class TooMuch(Exception):
    """A file has more bytes than are read."""


class NotRegular(OSError):
    """A path leads to a device or a pipe where only a file is read."""


def exists(path: str) -> bool:
    """Return whether there is a file, a folder or a link with this path; no path is too long to ask for."""
    try:
        Path(path).lstat()
    except (OSError, ValueError):
        return False
    return True


def read_file(path: Path, most: int, *, only_regular: bool = False) -> bytes:
    """Return the contents of a file, device or named pipe.

    Args:
        path: The path of the file.
        most: Maximum number of bytes.
        only_regular: Whether devices and pipes are refused, as for files that another file names.

    Raises:
        TooMuch: There are more than `most` bytes.
        OSError: The file cannot be read, or nothing is written to a pipe for some seconds.
    """
    # A named pipe without a writer would block `open`, unless opened like this.
    number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    with os.fdopen(number, "rb", buffering=0) as stream:
        mode = os.fstat(number).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(21, "Is a directory", str(path))
        if stat.S_ISREG(mode):
            return read_stream(stream, most)
        if only_regular:
            raise NotRegular(22, "This is not a regular file", str(path))
        if stat.S_ISFIFO(mode):
            return _read_pipe(number, most)
        os.set_blocking(number, True)
        return read_stream(stream, most)


def read_stream(stream: BinaryIO, most: int) -> bytes:
    """Return what a stream has until its end. Raises TooMuch if that is more than `most` bytes."""
    parts: list[bytes] = []
    left = most
    while part := stream.read(min(_CHUNK, left + 1)):
        left -= len(part)
        if left < 0:
            raise TooMuch
        parts.append(part)
    return b"".join(parts)


def _read_pipe(number: int, most: int) -> bytes:
    """Return what a named pipe sends until its writers close it; before one opens it, it is empty."""
    parts: list[bytes] = []
    left, has_writer = most, False
    end = time.monotonic() + PATIENCE
    while (rest := end - time.monotonic()) > 0:
        try:
            part = os.read(number, min(_CHUNK, left + 1))
        except BlockingIOError:
            if not has_writer:
                has_writer, end = True, time.monotonic() + PATIENCE_WITH_WRITER
            select.select([number], [], [], max(end - time.monotonic(), 0))
            continue
        if part:
            parts.append(part)
            left -= len(part)
            has_writer, end = True, time.monotonic() + PATIENCE_WITH_WRITER
            if left < 0:
                raise TooMuch
        elif has_writer:
            return b"".join(parts)
        else:
            time.sleep(min(rest, 0.01))
    raise TimeoutError(110, "nothing was written to this pipe for too long")
