"""The command line. Exit codes: 0 fine, 1 the net has errors, 2 wrong usage, 3 a file cannot be read or written."""

import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar

import click

from archdsl import __version__

if TYPE_CHECKING:
    from archdsl.diag.model import Diagnostic
    from archdsl.driver import Compiled
    from archdsl.ir import CheckedGraph
    from archdsl.loader import Unreadable

NET_HAS_ERRORS, WRONG_USAGE, NO_FILE = 1, 2, 3
_Command = TypeVar("_Command", bound=Callable[..., Any])

_file = click.argument("file")
_json = click.option("--json", "as_json", is_flag=True, help="Print data instead of text.")
_model = click.option("--model", metavar="NAME", help="The model to take; the last of the file if left out.")
_set = click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Set a parameter of the model.")
_limit = click.option(
    "--max-operations", type=click.IntRange(min=1), default=100_000, show_default=True, help="Bound on the net's size."
)


def _net_options(command: _Command) -> _Command:
    for option in (_limit, _set, _model, _file):
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="archdsl")
def cli() -> None:
    """Compile neural network architectures: check, draw and build .arch files.

    FILE is a path, - for standard input, or the name of a net of the gallery, such as lenet5.
    """


@cli.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@_limit
@_json
def check(files: tuple[str, ...], max_operations: int, *, as_json: bool) -> None:
    """Check every model of the files: names, shapes and assertions."""
    results = [_checked(file, max_operations, quiet=as_json) for file in files]
    if as_json:
        _print_json({"files": [data for _, data in results]})
    sys.exit(max(code for code, _ in results))


def _checked(file: str, max_operations: int, *, quiet: bool) -> tuple[int, dict[str, object]]:
    from archdsl.loader import Unreadable

    try:
        compiled = _compiled(file, max_operations, every=True)
    except Unreadable as error:
        if not quiet:
            _complain(error)
        return NO_FILE, {"file": file, "models": [], "error": str(error), "diagnostics": []}
    models: list[dict[str, object]] = [
        {"name": graph.name, "parameters": graph.params, "macs": graph.macs} for graph in compiled.models
    ]
    if not quiet:
        _print_diagnostics(compiled.diagnostics)
        for graph in compiled.models:
            source = graph.graph.source.name
            counts = f"{graph.params:,} parameters, {graph.macs:,} multiply-accumulates"
            click.echo(f"{click.style('ok', fg='green')}  {source}  {graph.name}: {counts}")
        return (0 if compiled.ok else NET_HAS_ERRORS), {}
    from archdsl.diag.json import all_as_data

    data: dict[str, object] = {"file": file, "models": models, "diagnostics": all_as_data(compiled.diagnostics)}
    return (0 if compiled.ok else NET_HAS_ERRORS), data


@cli.command()
@_net_options
@click.option("-o", "--output", metavar="OUT.py", help="Where the module goes; - is standard output.")
@click.option("--verify", is_flag=True, help="Import and run the module, and compare every shape with the net.")
def build(
    file: str, model: str | None, settings: tuple[str, ...], max_operations: int, output: str | None, *, verify: bool
) -> None:
    """Write the PyTorch module of a model."""
    from archdsl.emit.torch import generate

    graph = _graph(file, model, settings, max_operations)
    text = generate(graph)
    if verify:
        _verify(graph, text)
    target = output or f"{_module_name(file)}.py"
    if output is None:
        _keep_foreign(Path(target))
    _write(target, text.encode(), file)
    _say(target, f"wrote {target}: {graph.name}, {graph.params:,} parameters")


def _module_name(file: str) -> str:
    from archdsl.loader import stem

    name = "".join(char if char.isalnum() and char.isascii() else "_" for char in stem(file))
    return name if name.isidentifier() else f"net_{name}"


def _keep_foreign(target: Path) -> None:
    """Refuse to overwrite a file that nobody named and archdsl did not write."""
    try:
        foreign = target.exists() and "made by archdsl" not in target.read_text(encoding="utf-8").partition("\n")[0]
    except (OSError, UnicodeDecodeError):
        foreign = True
    if foreign:
        _stop(
            NO_FILE, f"{target} exists and was not made by archdsl", f"name the output, with `-o {target}` if it may go"
        )


def _verify(graph: "CheckedGraph", text: str) -> None:
    from tempfile import TemporaryDirectory

    from archdsl.verify import VerificationError, verify

    with TemporaryDirectory(prefix="archdsl-") as folder:
        file = Path(folder) / "module.py"
        file.write_text(text, encoding="utf-8")
        try:
            result = verify(graph, file)
        except ImportError as error:
            _stop(NO_FILE, f"--verify needs PyTorch: {error}", "install torch")
        except VerificationError as error:
            _stop(NET_HAS_ERRORS, f"the generated module does not run: {error}", _OUR_MISTAKE)
    if result.findings:
        differences = "\n  ".join(map(str, result.findings))
        _stop(NET_HAS_ERRORS, f"the generated module differs from the net:\n  {differences}", _OUR_MISTAKE)
    click.echo(f"verified: {result.shapes} shapes and {result.params:,} parameters agree with the net", err=True)


_OUR_MISTAKE = "this is a mistake of archdsl: please report it with the .arch file; nothing was written"


@cli.command()
@_net_options
@click.option("-o", "--output", metavar="OUT", help="Where the drawing goes: .svg, .png, .pdf or .dot.")
@click.option("--theme", type=click.Choice(["light", "dark", "mono"]), default="light", show_default=True)
@click.option("--direction", type=click.Choice(["TB", "LR"]), default="TB", show_default=True, help="Down or across.")
@click.option("--no-legend", is_flag=True, help="Leave the legend and the caption out.")
@click.option("--engine", help="The Graphviz program that draws; found by itself if left out.")
def draw(
    file: str,
    model: str | None,
    settings: tuple[str, ...],
    max_operations: int,
    output: str | None,
    theme: str,
    direction: Literal["TB", "LR"],
    engine: str | None,
    *,
    no_legend: bool,
) -> None:
    """Draw a model with Graphviz."""
    from archdsl.loader import stem

    target = output or f"{stem(file)}.svg"
    kind = Path(target).suffix.removeprefix(".").lower() if target != "-" else "svg"
    if kind not in ("svg", "png", "pdf", "dot"):
        raise click.BadParameter(f"{target} ends in none of .svg, .png, .pdf and .dot", param_hint="--output")
    graph = _graph(file, model, settings, max_operations)
    data = _drawn(graph, kind, target, file, theme=theme, direction=direction, engine=engine, legend=not no_legend)
    _write(target, data, file)
    _say(target, f"wrote {target}: {graph.name}")


def _drawn(
    graph: "CheckedGraph",
    kind: str,
    target: str,
    file: str,
    *,
    theme: str,
    direction: Literal["TB", "LR"],
    engine: str | None,
    legend: bool,
) -> bytes:
    from archdsl.diagram import THEMES, diagram, to_dot
    from archdsl.render import CannotRender
    from archdsl.render import draw as drawn

    drawing = diagram(graph, legend=legend, direction=direction)
    dot = to_dot(drawing, THEMES[theme])
    if kind == "dot":
        return dot.encode()
    try:
        return drawn(drawing, kind, theme=THEMES[theme], engine=engine)
    except CannotRender as error:
        if target == "-":
            _stop(NO_FILE, str(error), error.help)
        beside = str(Path(target).with_suffix(".dot"))
        _write(beside, dot.encode(), file)
        _stop(NO_FILE, f"{error}; wrote {beside} instead", error.help)


@cli.command()
@_net_options
@_json
def summary(file: str, model: str | None, settings: tuple[str, ...], max_operations: int, *, as_json: bool) -> None:
    """Print shapes, parameters and multiply-accumulates of a model."""
    from archdsl.report import report

    table = report(_graph(file, model, settings, max_operations))
    if as_json:
        _print_json(table.as_data())
        return
    from archdsl.console import print_report

    print_report(table)


@cli.command()
@click.argument("code")
def explain(code: str) -> None:
    """Explain the code of an error or a warning, such as E0302."""
    from difflib import get_close_matches

    from archdsl.diag.codes import CATALOGUE

    found = CATALOGUE.get(code.upper())
    if found is None:
        near = get_close_matches(code.upper(), CATALOGUE, n=3)
        raise click.BadParameter(f"there is no code {code}; near are {', '.join(near) or 'none'}", param_hint="CODE")
    from textwrap import fill

    click.echo(f"{click.style(found.id, bold=True)}: {found.title}\n\n{fill(found.explanation, 88)}")


@cli.command()
@click.argument("name", required=False)
def ops(name: str | None) -> None:
    """List the operators, or explain one of them."""
    from archdsl.console import print_operator, print_operators
    from archdsl.elaborate.expressions import suggestion
    from archdsl.ops import all_ops, lookup

    if name is None:
        print_operators()
        return
    op = lookup(name)
    if op is None:
        help = suggestion(name, [other.name for other in all_ops()]) or "`archdsl ops` lists all"
        raise click.BadParameter(f"there is no operator {name}; {help}", param_hint="NAME")
    print_operator(op)


def _graph(file: str, model: str | None, settings: tuple[str, ...], max_operations: int) -> "CheckedGraph":
    """Return the model that a command is about; print what was found, and stop if it has errors."""
    from archdsl.loader import Unreadable

    try:
        compiled = _compiled(file, max_operations, model=model, settings=settings)
    except Unreadable as error:
        _complain(error)
        sys.exit(NO_FILE)
    _print_diagnostics(compiled.diagnostics)
    if not compiled.ok:
        sys.exit(NET_HAS_ERRORS)
    return compiled.models[-1]


def _compiled(
    file: str, max_operations: int, *, model: str | None = None, settings: tuple[str, ...] = (), every: bool = False
) -> "Compiled":
    from archdsl.driver import compile_source
    from archdsl.elaborate.limits import Limits
    from archdsl.elaborate.settings import SettingError, parse_setting
    from archdsl.loader import read

    source = read(file)
    try:
        given = dict(map(parse_setting, settings))
        return compile_source(source, model=model, every=every, settings=given, limits=Limits(max_operations))
    except SettingError as error:
        raise click.BadParameter(str(error), param_hint="--set") from None


def _write(target: str, data: bytes, file: str) -> None:
    from archdsl.output import write

    if target == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    if file != "-" and Path(file).exists() and Path(target).exists() and Path(file).samefile(target):
        raise click.BadParameter(f"{target} is the source itself", param_hint="--output")
    try:
        write(Path(target), data)
    except OSError as error:
        _stop(NO_FILE, f"cannot write {target}: {(error.strerror or str(error)).lower()}", None)


def _say(target: str, text: str) -> None:
    click.echo(text, err=target == "-")


def _print_diagnostics(found: "tuple[Diagnostic, ...]") -> None:
    if not found:
        return
    from shutil import get_terminal_size

    from archdsl.diag.text import counted, render

    terminal = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    width = get_terminal_size().columns if terminal else 120
    click.echo(render(found, colour=terminal, width=width), err=True)
    click.echo(counted(found), err=True)


def _print_json(data: object) -> None:
    import json

    click.echo(json.dumps(data, indent=2))


def _complain(error: "Unreadable") -> None:
    text = f"{click.style(f'error[{error.code.id}]', fg='red', bold=True)}: {error.code.title}\n  {error}"
    click.echo(text + (f"\n  = help: {error.help}" if error.help else ""), err=True)


def _stop(code: int, message: str, help: str | None) -> NoReturn:
    click.echo(
        f"{click.style('error', fg='red', bold=True)}: {message}" + (f"\n  = help: {help}" if help else ""), err=True
    )
    sys.exit(code)


def main() -> None:
    """Run the command line; whatever goes wrong inside ends in a sentence, not in a traceback."""
    # A run is short and makes no cycles worth collecting; large nets check in half the time without.
    gc.disable()
    try:
        cli()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if "ARCHDSL_TRACEBACK" in os.environ:
            raise
        help = "please report it with the .arch file; ARCHDSL_TRACEBACK=1 shows where it happened"
        _stop(70, f"archdsl has a bug: {type(error).__name__}: {error}", help)


if __name__ == "__main__":
    main()
