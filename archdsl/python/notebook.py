"""The notebook extension: after `%load_ext archdsl`, `%%arch` compiles the architecture in a cell."""

import sys
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from IPython.display import display

from archdsl.base.source import Source
from archdsl.diag.text import counted, render
from archdsl.driver import compile_source
from archdsl.elaborate.settings import SettingError, parse_setting
from archdsl.python.api import module_class
from archdsl.python.display import ShownGraph


def load_ipython_extension(shell: Any) -> None:
    """Register the magic `%%arch` in an IPython shell."""

    @magic_arguments()
    @argument("--model", metavar="NAME", help="Name of the model to define and draw; all are defined by default")
    @argument(
        "--set", dest="settings", action="append", default=[], metavar="NAME=VALUE", help="Set a parameter of the model"
    )
    @argument("--no-draw", action="store_true", help="Check and define the models without drawing")
    def arch(line: str, cell: str) -> None:
        """Check the models of the cell, define a class for each, and draw the last one.

        A cell with errors prints them and defines nothing.
        """
        options = parse_argstring(arch, line)
        name = f"<cell {shell.execution_count}>"
        graphs = _models(Source(name, cell), options.model, options.settings)
        shell.user_ns |= {graph.name: module_class(graph) for graph in graphs}
        for graph in [] if options.no_draw else graphs[-1:]:
            display(graph)

    shell.register_magic_function(arch, "cell", "arch")


def _models(source: Source, model: str | None, settings: list[str]) -> list[ShownGraph]:
    """Return the checked models of a cell, none if it has errors; print its diagnostics."""
    try:
        given = dict(map(parse_setting, settings))
        compiled = compile_source(source, model=model, every=model is None and not given, settings=given)
    except SettingError as error:
        raise UsageError(str(error)) from None
    if compiled.diagnostics:
        print(render(compiled.diagnostics, colour=False), counted(compiled.diagnostics), sep="\n", file=sys.stderr)
    return list(map(ShownGraph.of, compiled.models))
