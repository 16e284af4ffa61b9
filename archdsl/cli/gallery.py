"""`archdsl gallery`: the nets of the gallery, and their comparison with published models."""

import sys
from typing import TYPE_CHECKING

import click

from archdsl.cli.options import as_data
from archdsl.cli.terminal import NET_HAS_ERRORS, NO_FILE, print_json, stop

if TYPE_CHECKING:
    from archdsl.gallery.entries import Entry
    from archdsl.verify.published import Comparison


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--verify", is_flag=True, help="Build and run each net, and compare it with the published model")
@as_data
def gallery(names: tuple[str, ...], *, verify: bool, as_json: bool) -> None:
    """List the nets of the gallery.

    NAME is a net or a family of nets, such as resnet.

    With --verify, nets that have a published model are compared with it: the keys of the state_dict with their order
    and shapes, the counts, and the outputs for generated weights and images. This needs PyTorch. The exit code is 1 if
    a net differs.
    """
    _refuse_unknown(names)
    if verify:
        compared = _compared(names)
        if as_json:
            print_json([comparison.as_data() for comparison in compared])
        else:
            _print_comparisons(compared)
        sys.exit(0 if all(comparison.ok for comparison in compared) else NET_HAS_ERRORS)
    from archdsl.gallery.entries import entries

    found = entries(names)
    if as_json:
        print_json([entry.as_data() for entry in found])
    else:
        _print_entries(found)


def _compared(names: tuple[str, ...]) -> "list[Comparison]":
    """Return the comparisons of the nets that have a published model."""
    from archdsl.gallery.entries import graphs
    from archdsl.verify.references import references

    known = references()
    found = {name: graph for name, graph in graphs(names or known).items() if name in known}
    if not found:
        raise click.BadParameter(f"the gallery has no published model of {', '.join(names)}", param_hint="NAME")
    try:
        from archdsl.verify.published import compare

        with click.progressbar(
            found.items(), file=sys.stderr, item_show_func=lambda net: net[0] if net else ""
        ) as nets:
            return [compare(graph, known[name]) for name, graph in nets]
    except ImportError as error:
        stop(NO_FILE, f"--verify needs PyTorch: {error}", "install torch")


def _refuse_unknown(names: tuple[str, ...]) -> None:
    """Report a name that is neither a net nor a family."""
    from archdsl.elaborate.suggestions import suggestion
    from archdsl.syntax.loader import gallery as families
    from archdsl.syntax.loader import gallery_models

    known = [*families(), *gallery_models()]
    for name in names:
        if name not in known:
            help = suggestion(name, known) or "`archdsl gallery` lists all"
            raise click.BadParameter(f"the gallery has no net {name}; {help}", param_hint="NAME")


def _print_entries(found: "list[Entry]") -> None:
    from archdsl.cli.tables import print_table

    rows = [(entry.name, entry.title, f"{entry.params:,}", f"{entry.macs:,}") for entry in found]
    print_table(("Name", "Description", "Parameters", "MACs"), rows, right=("Parameters", "MACs"))


def _print_comparisons(compared: "list[Comparison]") -> None:
    from archdsl.cli.tables import print_table

    columns = ("Name", *(each.name for each in compared[0].properties), "Equal to")
    rows = []
    for comparison in compared:
        cells = (each.shown for each in comparison.properties)
        source = comparison.reference.source
        rows.append((comparison.reference.name, *cells, source if comparison.ok else f"differs from {source}"))
    print_table(columns, rows, right=("Parameters", "MACs", "Outputs"))
