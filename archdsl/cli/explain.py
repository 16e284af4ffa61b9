"""`archdsl explain`: a step of a net, an operator, or a message."""

import re
from typing import TYPE_CHECKING

import click

from archdsl.cli.nets import graph_of
from archdsl.cli.options import as_data, limited, model_option, set_option, shapes_option
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
@click.option("--batch", type=click.IntRange(1, 2**31), default=1, show_default=True, help="Samples of a batch.")
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
    """Explain a message (E0302), an operator (conv), or a step of a net (alexnet features.0).

    Of a step: its shape, parameters and operations as sums with their numbers, its receptive field, its memory.
    """
    if path is None:
        _code_or_operator(what, as_json=as_json)
        return
    from archdsl.report.explanation import NoSuchStep, explanation

    graph = graph_of(what, model, settings, limits, shapes)
    try:
        found = explanation(graph, path, batch=batch)
    except NoSuchStep as error:
        near = f"near are {', '.join(error.near)}" if error.near else f"`archdsl summary {what}` lists all"
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
        from archdsl.cli.tables import print_operator

        print_operator(op)
    else:
        _stop_unknown(name)


def _stop_unknown(name: str) -> None:
    from difflib import get_close_matches

    from archdsl.diag.codes import CATALOGUE
    from archdsl.ops import all_ops

    if _is_code(name):
        near = get_close_matches(name.upper(), CATALOGUE, n=3)
        raise click.BadParameter(f"there is no code {name}; near are {', '.join(near) or 'none'}", param_hint="CODE")
    near = get_close_matches(name, [op.name for op in all_ops()], n=3)
    hint = f"near are {', '.join(near)}; " if near else ""
    message = f"{name} is neither a code nor an operator; {hint}of a net, name a step too: `explain {name} PATH`"
    raise click.BadParameter(message, param_hint="CODE|OPERATOR|FILE")
