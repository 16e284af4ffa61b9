"""Compiles the nets that commands are called with."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archdsl.cli.options import NetRequest
from archdsl.cli.terminal import NET_HAS_ERRORS, NO_FILE, complain, print_diagnostics, remember_read, stop

if TYPE_CHECKING:
    from archdsl.driver import Compiled
    from archdsl.ir.graph import CheckedGraph


def graph_of(net: NetRequest) -> "CheckedGraph":
    """Return the graph of a net and print its diagnostics; exit if the file cannot be read or has errors."""
    from archdsl.syntax.loader import Unreadable

    try:
        compiled = compiled_of(net)
    except Unreadable as error:
        complain(error)
        sys.exit(NO_FILE)
    print_diagnostics(compiled.diagnostics)
    if not compiled.ok:
        sys.exit(NET_HAS_ERRORS)
    return compiled.models[-1]


def graphs_of(nets: tuple[NetRequest, ...]) -> "tuple[CheckedGraph, ...]":
    """Return the graphs of several nets, one for each model that `--model` names with commas between them."""
    return tuple(
        graph_of(replace(net, model=name))
        for net in nets
        for name in ([name.strip() for name in net.model.split(",")] if net.model else [None])
    )


def compiled_of(net: NetRequest, *, every: bool = False) -> "Compiled":
    """Compile a net, or with `every` all models of its file, and apply its placement.

    Raises:
        Unreadable: The file cannot be read.
        click.BadParameter: A setting or a shape does not fit the model.
    """
    from archdsl.driver import compile_source
    from archdsl.elaborate.settings import SettingError, parse_setting, parse_shape
    from archdsl.syntax.loader import locate

    found = locate(net.file)
    try:
        compiled = compile_source(
            found.source,
            model=net.model or found.model,
            every=every,
            settings=dict(map(parse_setting, net.settings)),
            shapes=dict(map(parse_shape, net.shapes)),
            limits=net.limits,
        )
    except SettingError as error:
        hint = "--input" if net.shapes and not net.settings else "--set"
        raise click.BadParameter(str(error), param_hint=hint) from None
    remember_read(net.file, *compiled.files, *filter(None, [net.placement]))
    return _placed(compiled, net.placement) if net.placement and compiled.ok else compiled


def _placed(compiled: "Compiled", file: str) -> "Compiled":
    """Return the result with the steps of one model on the devices of a placement file; exit if it is none.

    If the placement is not for this net, the result is a diagnostic and no model.
    """
    from archdsl.place.sidecar import Misfit, NoPlacement, applied, read

    try:
        sidecar = read(Path(file).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror or str(error) if isinstance(error, OSError) else "it is not a text file"
        stop(NO_FILE, f"cannot read {file}: {reason.lower()}", None)
    except NoPlacement as error:
        stop(NO_FILE, f"{file} is not a placement: {error}", f"write one with `archdsl place … -o {file}`")
    named = [graph.name == sidecar.model for graph in compiled.models]
    try:
        models = tuple(
            applied(graph, sidecar) if is_named or not any(named) else graph
            for graph, is_named in zip(compiled.models, named, strict=True)
        )
    except Misfit as error:
        return replace(compiled, models=(), diagnostics=(*compiled.diagnostics, error.diagnostic))
    return replace(compiled, models=models)
