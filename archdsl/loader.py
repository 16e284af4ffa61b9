"""Finds and reads what the user names: a path, standard input, or a net of the gallery."""

import os
import sys
from pathlib import Path

from archdsl.diag import codes
from archdsl.diag.codes import Code
from archdsl.resources import names, resource
from archdsl.source import Source

SUFFIX = ".arch"


class Unreadable(Exception):
    """A file that cannot be read, with the code and the words that say why."""

    def __init__(self, code: Code, name: str, why: str, help: str | None = None) -> None:
        super().__init__(f"{name}: {why}")
        self.code = code
        self.name = name
        self.why = why
        self.help = help


def gallery() -> list[str]:
    """Return the names of the nets that come with archdsl."""
    return names("architectures", SUFFIX)


def read(file: str) -> Source:
    """Return the source that FILE names; raise `Unreadable` where there is none."""
    if file == "-":
        return _decoded("<stdin>", sys.stdin.buffer.read())
    path = Path(file)
    if not path.exists() and _is_name(file):
        if file in gallery():
            return Source(f"{file}{SUFFIX}", resource("architectures", file + SUFFIX).read_text(encoding="utf-8"))
        raise Unreadable(codes.FILE_NOT_FOUND, file, "neither a file nor a net of the gallery", _nearest(file))
    return _decoded(file, _bytes(path, help=_nearest(path.stem)))


def _bytes(path: Path, *, help: str | None = None) -> bytes:
    name = str(path)
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise Unreadable(codes.FILE_NOT_FOUND, name, "no such file", help) from None
    except IsADirectoryError:
        raise Unreadable(codes.FILE_NOT_READABLE, name, "this is a directory", "name a file in it") from None
    except OSError as error:
        raise Unreadable(codes.FILE_NOT_READABLE, name, (error.strerror or str(error)).lower()) from None


def read_import(importer: Source, path: str, main: Source) -> Source:
    """Return the source that `importer` imports; raise `Unreadable` where there is none within the project.

    Files of the gallery import each other. Else paths are relative to the importing file, and stay below the root of
    the project that `main` belongs to.
    """
    if not path.endswith(SUFFIX) or Path(path).is_absolute() or "\\" in path:
        raise Unreadable(codes.FILE_NOT_FOUND, path, "an import is a relative path that ends in `.arch`")
    if not Path(importer.name).exists() and importer.name.removesuffix(SUFFIX) in gallery():
        name = path.removeprefix("./").removesuffix(SUFFIX)
        if name not in gallery():
            raise Unreadable(codes.FILE_NOT_FOUND, path, "the gallery has no such file", _nearest(name))
        return read(name)
    target = Path(importer.name).parent / path
    root = _root(main)
    if not target.resolve().is_relative_to(root):
        raise Unreadable(codes.OUTSIDE_ROOT, path, "this is not below the project's root", "move the file into it")
    return _decoded(_plain(target), _bytes(target))


def _plain(path: Path) -> str:
    """Return a path without `..`, so that one file has one name."""
    return os.path.normpath(path)


def _root(main: Source) -> Path:
    folder = Path(main.name).resolve().parent
    marks = ("pyproject.toml", ".git")
    return next((each for each in (folder, *folder.parents) if any((each / mark).exists() for mark in marks)), folder)


def stem(file: str) -> str:
    """Return what outputs are called after, if nothing else is said."""
    return "model" if file == "-" else Path(file).name.removesuffix(SUFFIX)


def _is_name(file: str) -> bool:
    return "/" not in file and "\\" not in file and not file.endswith(SUFFIX)


def _nearest(name: str) -> str:
    from difflib import get_close_matches

    known = gallery()
    near = get_close_matches(name, known, n=1)
    if near:
        return f"did you mean `{near[0]}`, from the gallery?"
    return "the gallery has " + ", ".join(f"`{each}`" for each in known[:12])


def _decoded(name: str, data: bytes) -> Source:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(codes.FILE_NOT_TEXT, name, f"byte {error.start} is not UTF-8") from None
    if "\0" in text:
        raise Unreadable(codes.FILE_NOT_TEXT, name, f"byte {text.index(chr(0))} is 0, as in binary files")
    return Source(name, text)
