"""Finds and runs Graphviz engines with a time limit; the only module that starts them."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from archdsl.diagram.layout.arcs import widened
from archdsl.diagram.layout.placed import NotPlaced, Places, column_diagrams, is_in_order, places
from archdsl.diagram.layout.straight import straightened
from archdsl.diagram.layout.titles import titled
from archdsl.diagram.render.dark import dark_rules
from archdsl.diagram.render.dot import to_dot
from archdsl.diagram.render.svg import NotSvg, finished
from archdsl.diagram.render.theme import LIGHT, Theme
from archdsl.diagram.spec import Diagram

FORMATS = ("svg", "png", "pdf")
SECONDS = 20
VARIABLE = "ARCHDSL_DOT"
_PURE = "graphviz-pure"
_PYGRAPHVIZ = "pygraphviz"
# A separate process, because a layout cannot be interrupted within this one.
_PYGRAPHVIZ_SCRIPT = """
import sys, pygraphviz
graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode("utf-8"))
sys.stdout.buffer.write(graph.draw(format=sys.argv[1], prog="dot", args=" ".join(sys.argv[2:])))
"""
_PDF_DATE = re.compile(rb"(/CreationDate \(D:)\d{14}")
_SIGNATURES = {
    "svg": (b"<?xml", b"<svg", b"<!DOCTYPE"),
    "png": (b"\x89PNG",),
    "pdf": (b"%PDF",),
    "json0": (b"{",),
}
_AS_PLACED = ("-Kneato", "-n2")


class CannotRender(Exception):
    """No engine can make the drawing; `help` suggests a solution."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(message)
        self.message = message
        self.help = help


@dataclass(frozen=True, slots=True)
class Engine:
    """A Graphviz program: the beginning of a command that reads DOT and writes an image."""

    name: str
    command: tuple[str, ...]

    def arguments(self, format: str) -> list[str]:
        """Return the command line for a format; PNG gets twice the resolution of a screen."""
        form = format if self.name == _PYGRAPHVIZ else f"-T{format}"
        return [*self.command, form, *(["-Gdpi=192"] if format == "png" else [])]


def draw(diagram: Diagram, format: str, *, theme: Theme | None = LIGHT, engine: str | None = None) -> bytes:
    """Return a drawing as an image.

    Args:
        diagram: The drawing; an SVG gets its name as title and its description.
        format: One of `FORMATS`.
        theme: The colours; None makes an SVG that follows the light or dark mode of the system.
        engine: The name or path of a Graphviz program; the best available one if None.

    Raises:
        CannotRender: No engine can make the image.
    """
    style = None if theme else f"@media (prefers-color-scheme: dark) {{\n{dark_rules('.archdsl ')}}}"
    theme = theme or LIGHT
    # Columns, mirrored drawings and cluster titles need corrections between layout and drawing.
    in_two_steps = diagram.column_starts or diagram.mirrored or diagram.clusters
    made = _as_placed(diagram, theme, format, engine) if in_two_steps else None
    made = made or _render(to_dot(diagram, theme), format, engine)
    return _finished(made, diagram.name, diagram.description, style) if format == "svg" else made


def render(dot: str, format: str, *, engine: str | None = None) -> bytes:
    """Return the image of a DOT text in a format.

    Raises:
        CannotRender: No engine can make the image.
    """
    made = _render(dot, format, engine)
    return _finished(made) if format == "svg" else made


def _as_placed(diagram: Diagram, theme: Theme, format: str, wanted: str | None) -> bytes | None:
    """Return an image from two engine runs, layout and drawing at corrected places; None if no engine can do this."""
    wanted = wanted or os.environ.get(VARIABLE)
    for engine in [_chosen(wanted)] if wanted else engines(format):
        if engine.name == _PYGRAPHVIZ:
            continue
        try:
            diagram, found = _in_order(diagram, partial(_laid_out, engine, theme))
            found = widened(diagram, found)
            found = titled(diagram, straightened(diagram, found)) if diagram.direction == "TB" else found
            return _run(engine, to_dot(diagram, theme, found), format, options=_AS_PLACED)
        except (_Failed, NotPlaced):
            continue
    return None


def _laid_out(engine: Engine, theme: Theme, diagram: Diagram) -> Places:
    return places(diagram, [_run(engine, to_dot(column, theme), "json0") for column in column_diagrams(diagram)])


def _in_order(diagram: Diagram, place: Callable[[Diagram], Places]) -> tuple[Diagram, Places]:
    """Return a drawing with its places; it is mirrored if only that puts its lanes in the order of the devices."""
    found = place(diagram)
    if is_in_order(diagram, found):
        return diagram, found
    other = replace(diagram, mirrored=not diagram.mirrored)
    turned = place(other)
    return (other, turned) if is_in_order(other, turned) else (diagram, found)


def _finished(svg: bytes, title: str | None = None, description: str | None = None, style: str | None = None) -> bytes:
    try:
        return finished(svg, title=title, description=description, style=style)
    except NotSvg as problem:
        raise CannotRender(
            f"Graphviz wrote invalid SVG: {problem}", "use another engine with `--engine COMMAND`"
        ) from None


def _render(dot: str, format: str, wanted: str | None) -> bytes:
    if format not in FORMATS:
        raise CannotRender(f"unknown image format `{format}`", f"use one of {', '.join(FORMATS)}")
    wanted = wanted or os.environ.get(VARIABLE)
    failures = []
    for engine in [_chosen(wanted)] if wanted else engines(format):
        try:
            return _run(engine, dot, format)
        except _Failed as failure:
            failures.append(f"{engine.name} {failure}")
    if failures:
        raise CannotRender(
            "; ".join(failures), "use another engine with `--engine COMMAND`, or run Graphviz on a .dot file"
        )
    raise CannotRender(f"no Graphviz engine for {format.upper()} is installed", _advice(format))


def engines(format: str) -> Iterator[Engine]:
    """Yield the installed engines for a format, the best first."""
    if format != "pdf" and (pure := _pure()):
        yield Engine(_PURE, (pure, "-q"))
    if dot := shutil.which("dot"):
        yield Engine("dot", (dot, "-q"))
    if _has_pygraphviz():
        yield Engine(_PYGRAPHVIZ, _pygraphviz())


def _chosen(wanted: str) -> Engine:
    """Return the engine of a name or path.

    Raises:
        CannotRender: There is no such program.
    """
    if wanted == _PYGRAPHVIZ and _has_pygraphviz():
        return Engine(_PYGRAPHVIZ, _pygraphviz())
    command = (_pure() if wanted == _PURE else None) or shutil.which(wanted)
    if command is None:
        raise CannotRender(
            f"the engine `{wanted}` is not found",
            f"give `--engine` a command that reads DOT, or omit it and unset {VARIABLE}",
        )
    return Engine(wanted, (command, "-q"))


def _has_pygraphviz() -> bool:
    return find_spec(_PYGRAPHVIZ) is not None


def _pygraphviz() -> tuple[str, ...]:
    return (sys.executable, "-P", "-c", _PYGRAPHVIZ_SCRIPT)


def _pure() -> str | None:
    """Return the program of the distribution graphviz-pure, which may be outside the PATH."""
    from importlib import metadata

    name = f"{_PURE}.exe" if os.name == "nt" else _PURE
    try:
        files = metadata.files(_PURE) or []
    except metadata.PackageNotFoundError:
        files = []
    places = [Path(str(file.locate())) for file in files if file.name == name]
    places.append(Path(sysconfig.get_path("scripts")) / name)
    found = (shutil.which(str(place)) for place in places)
    return next((place for place in found if place), None) or shutil.which(_PURE)


class _Failed(Exception):
    """An engine failed; the next one may succeed."""


def _run(engine: Engine, dot: str, format: str, *, options: tuple[str, ...] = ()) -> bytes:
    try:
        done = subprocess.run(
            [*engine.arguments(format), *options],
            input=dot.encode(),
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        message = f"{engine.name} did not finish the layout within {SECONDS} seconds"
        raise CannotRender(
            message, "draw less with `--depth N` or `--only NAME`, or run Graphviz on a .dot file"
        ) from None
    except OSError as error:
        raise _Failed(f"did not start: {error.strerror or error}") from None
    if done.returncode:
        raise _Failed(f"failed with status {done.returncode}{_last_line(done.stderr)}")
    if not done.stdout.startswith(_SIGNATURES[format]):
        raise _Failed(f"wrote no {format.upper()}{_last_line(done.stderr)}")
    # A fixed date of the same length, as a PDF addresses its parts by byte offsets.
    return _PDF_DATE.sub(rb"\g<1>20000101000000", done.stdout) if format == "pdf" else done.stdout


def _last_line(said: bytes) -> str:
    lines = said.decode("utf-8", "replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    printable = "".join(char for char in last[:200] if char.isprintable())
    return f": {printable}" if printable else ""


def _advice(format: str) -> str:
    if format == "pdf":
        return "install Graphviz, so that `dot` is on the PATH, or run `pip install 'archdsl[pdf]'`"
    return f"run `pip install {_PURE}`, or install Graphviz, so that `dot` is on the PATH"
