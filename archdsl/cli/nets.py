"""The net that a command is about, from its name, its settings and its bounds."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archdsl.cli.options import PLACEMENT
from archdsl.cli.terminal import NET_HAS_ERRORS, NO_FILE, complain, print_diagnostics, stop

if TYPE_CHECKING:
    from archdsl.driver import Compiled
    from archdsl.elaborate.limits import Limits
    from archdsl.ir.graph import CheckedGraph


def graph_of(
    file: str, model: str | None, settings: tuple[str, ...], limits: "Limits", shapes: tuple[str, ...] = ()
) -> "CheckedGraph":
    """Return the model that a command is about; print what was found, and stop if it has errors."""
    from archdsl.syntax.loader import Unreadable

    try:
        compiled = compiled_of(file, limits, model=model, settings=settings, shapes=shapes)
    except Unreadable as error:
        complain(error)
        sys.exit(NO_FILE)
    print_diagnostics(compiled.diagnostics)
    if not compiled.ok:
        sys.exit(NET_HAS_ERRORS)
    return compiled.models[-1]


def compiled_of(
    file: str,
    limits: "Limits",
    *,
    model: str | None = None,
    settings: tuple[str, ...] = (),
    shapes: tuple[str, ...] = (),
    every: bool = False,
) -> "Compiled":
    """Return what comes of a net, with every model of its file if that is asked for.

    Raises archdsl.syntax.loader.Unreadable where there is no such file.
    """
    from archdsl.driver import compile_source
    from archdsl.elaborate.settings import SettingError, parse_setting, parse_shape
    from archdsl.syntax.loader import locate

    found = locate(file)
    try:
        given = dict(map(parse_setting, settings))
        sizes = dict(map(parse_shape, shapes))
        compiled = compile_source(
            found.source, model=model or found.model, every=every, settings=given, shapes=sizes, limits=limits
        )
    except SettingError as error:
        raise click.BadParameter(str(error), param_hint="--input" if shapes and not settings else "--set") from None
    context = click.get_current_context(silent=True)
    placement = context.meta.get(PLACEMENT) if context else None
    return _placed(compiled, placement) if placement and compiled.ok else compiled


def _placed(compiled: "Compiled", file: str) -> "Compiled":
    """Return what came of a net with the steps of one model where a file puts them; stop where it does not fit."""
    from archdsl.place.sidecar import NoPlacement, applied, read

    try:
        sidecar = read(Path(file).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror or str(error) if isinstance(error, OSError) else "it is no text"
        stop(NO_FILE, f"cannot read {file}: {reason.lower()}", None)
    except NoPlacement as error:
        stop(NO_FILE, f"{file} is no placement: {error}", f"make one, with `archdsl place … -o {file}`")
    named = [graph.name == sidecar.model for graph in compiled.models]
    try:
        models = tuple(
            applied(graph, sidecar) if is_named or not any(named) else graph
            for graph, is_named in zip(compiled.models, named, strict=True)
        )
    except NoPlacement as error:
        stop(NET_HAS_ERRORS, f"{file} does not fit: {error}", error.help)
    return replace(compiled, models=models)
