"""`archdsl build`: the PyTorch module of a net."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from archdsl.named import graph_of
from archdsl.options import of_a_net
from archdsl.terminal import NET_HAS_ERRORS, NO_FILE, say, stop, write_output

if TYPE_CHECKING:
    from archdsl.elaborate.limits import Limits
    from archdsl.ir import CheckedGraph


@click.command()
@of_a_net
@click.option("-o", "--output", metavar="OUT.py", help="Where the module goes; - is standard output.")
@click.option("--verify", is_flag=True, help="Import and run the module, and compare every shape with the net.")
def build(
    file: str, model: str | None, settings: tuple[str, ...], limits: "Limits", output: str | None, *, verify: bool
) -> None:
    """Write the PyTorch module of a model."""
    from archdsl.emit.torch import generate

    graph = graph_of(file, model, settings, limits)
    text = generate(graph)
    if verify:
        _verify(graph, text)
    target = output or f"{_module_name(file)}.py"
    if output is None:
        _keep_foreign(Path(target))
    write_output(target, text.encode(), file)
    say(target, f"wrote {target}: {graph.name}, {graph.params:,} parameters")


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
        stop(
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
            stop(NO_FILE, f"--verify needs PyTorch: {error}", "install torch")
        except VerificationError as error:
            stop(NET_HAS_ERRORS, f"the generated module does not run: {error}", _OUR_MISTAKE)
    if result.findings:
        differences = "\n  ".join(map(str, result.findings))
        stop(NET_HAS_ERRORS, f"the generated module differs from the net:\n  {differences}", _OUR_MISTAKE)
    click.echo(f"verified: {result.shapes} shapes and {result.params:,} parameters agree with the net", err=True)


_OUR_MISTAKE = "this is a mistake of archdsl: please report it with the .arch file; nothing was written"
