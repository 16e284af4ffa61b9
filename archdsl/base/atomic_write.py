"""Writes output files atomically, and not through links."""

import os
import re
import stat
import tempfile
from pathlib import Path

# Links of the system to the streams of the process.
_STREAM = re.compile(r"/dev/(stdout|stderr|fd/\d+)").fullmatch


class IsLink(OSError):
    """The target is a link, and was not to be followed."""


def write(target: Path, data: bytes, *, follow: bool = False) -> None:
    """Write a file atomically, through a temporary file in the same folder.

    Args:
        target: The path of the file. The folders in it may be links.
        data: The contents.
        follow: Whether the target itself may be a link, through which the file that it leads to is written.

    Raises:
        OSError: The file cannot be written, or is a link; its previous contents are unchanged.
    """
    if target.is_symlink() and not _STREAM(str(target)):
        if not follow:
            raise IsLink(40, f"it is a link to {target.readlink()}", str(target))
        try:
            target = target.resolve()
        except RuntimeError:
            raise OSError(40, "It is a link that leads to itself", str(target)) from None
    mode = _mode(target)
    if mode is not None and not stat.S_ISREG(mode):
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(21, "Is a directory", str(target))
        target.write_bytes(data)
        return
    handle, name = tempfile.mkstemp(prefix=".archdsl-", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        temporary.chmod(_new_mode() if mode is None else mode & 0o777)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _mode(target: Path) -> int | None:
    """Return the type and the permissions of a file, or None if there is none."""
    try:
        return target.stat().st_mode
    except FileNotFoundError:
        return None


def _new_mode() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
