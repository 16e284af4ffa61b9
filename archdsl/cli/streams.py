"""The streams of the process: escaped text, and clear ends when a stream is closed or full."""

import io
import os
import re
import signal
import sys
from types import FrameType
from typing import BinaryIO, NoReturn, TextIO, cast

from archdsl.base.printable import printable

_COLOUR = re.compile(r"(\x1b\[[0-9;]*m)")


class Terminated(BaseException):
    """The process was asked to end by a signal."""


class _Escaping(io.TextIOWrapper):
    """A text stream that escapes what does not print, except for colours, and what its encoding lacks.

    It hides its buffer, because click puts another stream around that of a stream of ASCII.
    """

    @property
    def buffer(self) -> BinaryIO:
        """Raise AttributeError; `binary` returns the buffer."""
        raise AttributeError("buffer")

    @property
    def binary(self) -> BinaryIO:
        """The stream of bytes below this one."""
        return cast(BinaryIO, super().buffer)

    def write(self, text: str, /) -> int:
        """Write a text, and return its length."""
        if not text.isprintable():
            parts = _COLOUR.split(text)
            parts[::2] = map(printable, parts[::2])
            super().write("".join(parts))
        else:
            super().write(text)
        return len(text)


def binary(stream: TextIO) -> BinaryIO:
    """Return the stream of bytes below a text stream."""
    return stream.binary if isinstance(stream, _Escaping) else stream.buffer


def prepare() -> None:
    """Replace the output streams by escaping ones, and let the signals that end a process clean up."""
    # A file that is opened must not become the standard output because that is closed.
    for number, flags in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)
    sys.stdout = _escaping(sys.stdout, 1)
    sys.stderr = _escaping(sys.stderr, 2)
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _terminate)


def _escaping(stream: TextIO | None, number: int) -> TextIO:
    # A closed stream: writing to it fails, which is reported at the end.
    if stream is None:
        return _Escaping(io.FileIO(number, "w", closefd=False), encoding="utf-8", line_buffering=True)
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    encoding, buffered = stream.encoding, stream.line_buffering
    binary = stream.detach()
    if isinstance(binary, io.RawIOBase):
        # With PYTHONUNBUFFERED. A raw stream writes only a part of the data if a disk is full, and reports no error.
        binary, buffered = io.BufferedWriter(binary), True
    return _Escaping(binary, encoding=encoding, errors="backslashreplace", line_buffering=buffered)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise Terminated(number)


def discard(stream: TextIO) -> None:
    """Let what a stream still holds go nowhere, because it cannot be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
