"""Finds the grammar, the templates and the gallery, in an installation or a checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).parent.parent


def folder(kind: str) -> Path:
    """Return the folder "grammar", "templates" or "architectures"."""
    packed = _PACKAGE / f"_{kind}"
    return packed if packed.is_dir() else _PACKAGE.parent / kind


def resource(kind: str, name: str) -> Path:
    """Return the file `name` of a folder; a `/` in it separates folders."""
    return folder(kind).joinpath(*name.split("/"))


def names(kind: str, suffix: str) -> list[str]:
    """Return the names of files with a suffix in a folder, without the suffix, sorted."""
    return sorted(file.name.removesuffix(suffix) for file in folder(kind).glob(f"*{suffix}"))
