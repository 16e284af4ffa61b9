"""`archdsl explain`: the explanation of a step of a net, of an operator, or of a diagnostic code."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archdsl.cli.nets import graph_of
from archdsl.cli.options import (
    NetRequest,
    as_data,
    batch_option,
    limited,
    model_option,
    set_option,
    shapes_option,
)
from archdsl.cli.terminal import print_json

if TYPE_CHECKING:
    from archdsl.elaborate.limits import Limits

_is_code = re.compile(r"[EeWw]\d+").fullmatch


@click.command()
@click.argument("what", metavar="CODE|OPERATOR|FILE")
@click.argument("path", required=False)
@model_option
@set_option
@limited
@shapes_option
@batch_option
@as_data
def explain(
    what: str,
    path: str | None,
    model: str | None,
    settings: tuple[str, ...],
    limits: "Limits",
    shapes: tuple[str, ...],
    batch: int,
    *,
    as_json: bool,
) -> None:
    """Explain a diagnostic, an operator, or a step of a net.

    Examples: explain E0302, explain conv, explain alexnet features.0. For a step, the output shows the arithmetic of
    its shape, parameters and operations, its receptive field and its memory.
    """
    if path is None:
        _code_or_operator(what, as_json=as_json)
        return
    from archdsl.report.explanation import NoSuchStep, explanation

    graph = graph_of(NetRequest(what, limits, model, settings, shapes))
    try:
        found = explanation(graph, path, batch=batch)
    except NoSuchStep as error:
        near = f"similar paths are {', '.join(error.near)}" if error.near else f"`archdsl summary {what}` lists all"
        raise click.BadParameter(f"{error}; {near}", param_hint="PATH") from None
    if as_json:
        print_json(found.as_data())
    else:
        click.echo(found.as_text(), nl=False)


def _code_or_operator(name: str, *, as_json: bool) -> None:
    from archdsl.diag.codes import CATALOGUE
    from archdsl.ops import lookup

    found, op = CATALOGUE.get(name.upper()), lookup(name)
    if found is not None and as_json:
        print_json({"code": found.id, "title": found.title, "explanation": found.explanation})
    elif found is not None:
        from textwrap import fill

        click.echo(f"{click.style(found.id, bold=True)}: {found.title}\n\n{fill(found.explanation, 88)}")
    elif op is not None:
        from archdsl.cli.operators import print_operator

        print_operator(op)
    else:
        _stop_unknown(name)


def _stop_unknown(name: str) -> None:
    """Report a name that is neither a code nor an operator, with similar ones."""
    from difflib import get_close_matches

    from archdsl.diag.codes import CATALOGUE
    from archdsl.ops import all_ops
    from archdsl.syntax.loader import gallery as families
    from archdsl.syntax.loader import gallery_models

    if _is_code(name):
        near = get_close_matches(name.upper(), CATALOGUE, n=3)
        hint = f"similar codes are {', '.join(near)}" if near else "`docs/errors.md` lists all"
        raise click.BadParameter(f"there is no code {name}; {hint}", param_hint="CODE")
    if Path(name).suffix or name in gallery_models() or name in families():
        message = f"give the path of a step: `archdsl explain {name} PATH`; `archdsl summary {name}` lists the paths"
        raise click.BadParameter(message, param_hint="PATH")
    near = get_close_matches(name, [op.name for op in all_ops()], n=3)
    hint = f"similar operators are {', '.join(near)}" if near else "`archdsl ops` lists all operators"
    raise click.BadParameter(f"{name} is neither a code nor an operator; {hint}", param_hint="CODE|OPERATOR|FILE")
