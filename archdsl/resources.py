"""Finds the grammar, the templates and the gallery, installed or in a checkout."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

_PACKAGE = files("archdsl")


def folder(kind: str) -> Traversable:
    """Return the folder "grammar", "templates" or "architectures"."""
    packed = _PACKAGE.joinpath(f"_{kind}")
    if packed.is_dir():
        return packed
    return Path(str(_PACKAGE)).parent / kind


def resource(kind: str, name: str) -> Traversable:
    """Return the file `name` of a folder; a `/` in it separates folders."""
    return folder(kind).joinpath(*name.split("/"))


def names(kind: str, suffix: str) -> list[str]:
    """Return the names of a folder's files that end in `suffix`, without it, sorted."""
    found = (entry.name for entry in folder(kind).iterdir())
    return sorted(name.removesuffix(suffix) for name in found if name.endswith(suffix))
