"""Finds and reads source files: paths, standard input and nets of the gallery."""

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from archdsl.base.bounded_read import TooMuch, exists, read_file, read_stream
from archdsl.base.resources import names, resource
from archdsl.base.source import Source
from archdsl.diag import codes
from archdsl.diag.codes import Code

SUFFIX = ".arch"
# Bytes of a file, unless a command allows for more.
MAX_BYTES = 800_000
_MODELS = re.compile(r"^model[ \t]+(\w+)", re.MULTILINE).finditer


class Unreadable(Exception):
    """A file cannot be found or read; `code`, `why` and `help` describe the reason."""

    def __init__(self, code: Code, name: str, why: str, help: str | None = None) -> None:
        super().__init__(f"{name}: {why}")
        self.code = code
        self.name = name
        self.why = why
        self.help = help


@dataclass(frozen=True, slots=True)
class Located:
    """A source, and the model in it that the user named, if any."""

    source: Source
    model: str | None = None


def gallery() -> list[str]:
    """Return the names of the gallery's files, each of which is a family of architectures."""
    return names("architectures", SUFFIX)


def gallery_models() -> dict[str, tuple[str, str]]:
    """Return the family and the model for each name of a model in the gallery, in lower case.

    The name of a family refers to the last model of its file and is left out, also if a model has the same name.
    Models with a parameter without default are left out, too.
    """
    families = gallery()
    found = {}
    for family in families:
        text = _gallery_text(family)
        for model in _MODELS(text):
            name = model.group(1)
            if name.lower() not in families and not _needs_values(text[model.end() :]):
                found[name.lower()] = (family, name)
    return found


def _needs_values(text: str) -> bool:
    """Return whether a text begins with parameters in parentheses, one of which has no default."""
    if not text.startswith("("):
        return False
    depth, parameter = 0, ""
    for char in text:
        depth += (char in "([") - (char in ")]")
        if depth == 0 or (depth == 1 and char == ","):
            if parameter.strip("( \n") and "=" not in parameter:
                return True
            parameter = ""
        else:
            parameter += char
        if depth == 0:
            break
    return False


def read(file: str, most: int = MAX_BYTES) -> Source:
    """Return the source that `file` names, as `locate` does."""
    return locate(file, most).source


def locate(file: str, most: int = MAX_BYTES) -> Located:
    """Return the source for the FILE argument of a command.

    Args:
        file: A path, `-` for standard input, or the name of a family or a model of the gallery.
        most: Maximum number of bytes.

    Raises:
        Unreadable: There is no such file or gallery name, or the file is too large or not text.
    """
    if file == "-":
        return Located(_decoded("<stdin>", _standard_input(most)))
    path = Path(file)
    if not exists(file) and _is_name(file):
        if file in gallery():
            return Located(Source(f"{file}{SUFFIX}", _gallery_text(file)))
        known = gallery_models()
        if file in known:
            family, model = known[file]
            return Located(Source(f"{family}{SUFFIX}", _gallery_text(family)), model)
        raise Unreadable(codes.FILE_NOT_FOUND, file, "this is neither a file nor a net of the gallery", _nearest(file))
    return Located(_decoded(file, _bytes(path, most, is_import=False)))


def read_text(file: str, most: int) -> str:
    """Return the text of a file that belongs to a net, such as a placement.

    Raises:
        Unreadable: The file cannot be read, has more than `most` bytes, or is not text.
    """
    return _decoded(file, _bytes(Path(file), most, is_import=False)).text


def _standard_input(most: int) -> bytes:
    if sys.stdin is None:
        raise Unreadable(codes.FILE_NOT_READABLE, "<stdin>", "standard input is closed")
    try:
        return read_stream(sys.stdin.buffer, most)
    except TooMuch:
        raise _too_large("<stdin>", most) from None
    except OSError as error:
        raise Unreadable(codes.FILE_NOT_READABLE, "<stdin>", (error.strerror or str(error)).lower()) from None


def _too_large(name: str, most: int, *, is_import: bool = False) -> Unreadable:
    words = f"it has more than {most:,} bytes" + ", which the files before it have left" * is_import
    help = "raise the limit with --max-operations" if name.endswith(SUFFIX) or name == "<stdin>" else None
    return Unreadable(codes.SOURCE_TOO_LARGE, name, words, help)


def _gallery_text(family: str) -> str:
    return resource("architectures", family + SUFFIX).read_text(encoding="utf-8")


def _bytes(path: Path, most: int, *, is_import: bool) -> bytes:
    name = str(path)
    try:
        return read_file(path, most, only_regular=is_import)
    except TooMuch:
        raise _too_large(name, most, is_import=is_import) from None
    except FileNotFoundError:
        help = None if is_import else _nearest(path.stem)
        raise Unreadable(codes.FILE_NOT_FOUND, name, "no such file", help) from None
    except IsADirectoryError:
        raise Unreadable(
            codes.FILE_NOT_READABLE, name, "this is a directory", "give the path of a file in it"
        ) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise Unreadable(codes.FILE_NOT_READABLE, name, (reason or str(error)).lower()) from None


def read_import(importer: Source, path: str, main: Source, most: int = MAX_BYTES) -> Source:
    """Return the source of an import.

    Args:
        importer: The importing file; a file of the gallery imports from the gallery.
        path: The path in the import statement, relative to the importing file.
        main: The main file, which determines the root of the project.
        most: Maximum number of bytes.

    Raises:
        Unreadable: There is no such file, it is outside of the project, too large, or not text in a regular file.
    """
    if not path.endswith(SUFFIX) or Path(path).is_absolute() or "\\" in path:
        raise Unreadable(codes.FILE_NOT_FOUND, path, "this is not a relative path that ends in `.arch`")
    if not exists(importer.name) and importer.name.removesuffix(SUFFIX) in gallery():
        name = path.removeprefix("./").removesuffix(SUFFIX)
        if name not in gallery():
            raise Unreadable(codes.FILE_NOT_FOUND, path, "the gallery has no such file", _nearest(name))
        return read(name)
    target = Path(importer.name).parent / path
    root = _root(main)
    try:
        is_inside = target.resolve().is_relative_to(root)
    except (OSError, RuntimeError):
        raise Unreadable(codes.FILE_NOT_READABLE, path, "this is a link that leads to itself") from None
    if not is_inside:
        raise Unreadable(
            codes.OUTSIDE_ROOT, path, "this is outside of the project", "move the file into the folder of the project"
        )
    return _decoded(_plain(target), _bytes(target, most, is_import=True))


def _plain(path: Path) -> str:
    """Return a path without `..`, so that each file has one name."""
    return os.path.normpath(path)


def _root(main: Source) -> Path:
    folder = Path(main.name).resolve().parent
    marks = ("pyproject.toml", ".git")
    return next((each for each in (folder, *folder.parents) if any((each / mark).exists() for mark in marks)), folder)


def stem(file: str) -> str:
    """Return the default name of output files, without a suffix."""
    return "model" if file == "-" else Path(file).name.removesuffix(SUFFIX)


def _is_name(file: str) -> bool:
    return "/" not in file and "\\" not in file and not file.endswith(SUFFIX)


def _nearest(name: str) -> str:
    from difflib import get_close_matches

    known = [*gallery(), *gallery_models()]
    near = get_close_matches(name, known, n=1)
    if near:
        return f"did you mean `{near[0]}`, from the gallery?"
    return "run `archdsl gallery` to list the nets"


def _decoded(name: str, data: bytes) -> Source:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(codes.FILE_NOT_TEXT, name, f"byte {error.start} is not UTF-8") from None
    if "\0" in text:
        raise Unreadable(codes.FILE_NOT_TEXT, name, f"byte {text.index(chr(0))} is 0, as in binary files")
    return Source(name, text)
