"""The training script that `build --train` writes: where it goes, what it may replace, and how its module is called."""

import keyword
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archdsl.cli.terminal import NET_HAS_ERRORS, NO_FILE, stop

if TYPE_CHECKING:
    from archdsl.ir.graph import CountedGraph
    from archdsl.passes.pipeline_stages import PipelineStage

NAME = "train.py"
_SEAL = "# As archdsl wrote it: "
# What the script imports; a module of this name beside it would be found in its place.
_IMPORTED = sys.stdlib_module_names | {"torch", "numpy", "PIL", "train"}


def script_beside(graph: "CountedGraph", stages: "Sequence[PipelineStage]", module: str) -> tuple[Path, str]:
    """Return path and text of the script that trains a graph, or its stages, whose module is the file `module`.

    Stops where there is none for this net, where it could not import the module, and where it would replace what
    somebody wrote.
    """
    from archdsl.emit.generate import generate_training
    from archdsl.emit.training import CannotTrain

    if module == "-":
        raise click.UsageError("--train writes two files, and standard output takes one: name the module, with -o")
    file = Path(module)
    if file.suffix != ".py" or not file.stem.isidentifier() or keyword.iskeyword(file.stem) or file.stem in _IMPORTED:
        message = f"{NAME} cannot import a module from {file.name}"
        raise click.BadParameter(f"{message}: name it otherwise, such as `-o my_net.py`", param_hint="--output")
    try:
        text = generate_training(graph, file.stem, stages)
    except CannotTrain as error:
        stop(NET_HAS_ERRORS, str(error), "leave out --train, and write the loop around the module yourself")
    script = file.with_name(NAME)
    _keep_edited(script)
    return script, sealed(text)


def sealed(text: str) -> str:
    """Return a script with a last line that tells whether somebody has changed it."""
    return f"{text}\n{_SEAL}{sha256(text.encode()).hexdigest()[:16]}\n"


def _keep_edited(script: Path) -> None:
    """Refuse to replace what archdsl did not write, or what somebody has changed since."""
    try:
        before = script.read_text(encoding="utf-8") if script.exists() else sealed("")
    except (OSError, UnicodeDecodeError):
        before = ""
    if before != sealed(before.rpartition(f"\n{_SEAL}")[0]):
        why = "was changed since archdsl made it" if "made by archdsl" in before else "was not made by archdsl"
        stop(
            NO_FILE, f"{script} exists and {why}", "move it away, or write into another folder, with `-o FOLDER/net.py`"
        )
