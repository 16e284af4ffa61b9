"""Writes output files atomically."""

import os
import tempfile
from pathlib import Path


def write(target: Path, data: bytes) -> None:
    """Write a file atomically, through a temporary file in the same folder.

    Raises:
        OSError: The file cannot be written; its previous contents are unchanged.
    """
    target = target.resolve() if target.is_symlink() else target
    if target.exists() and not target.is_file():
        if target.is_dir():
            raise IsADirectoryError(21, "Is a directory", str(target))
        target.write_bytes(data)
        return
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        temporary.chmod(_mode(target))
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _mode(target: Path) -> int:
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
