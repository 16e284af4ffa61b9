"""The training script that `build --train` writes beside the module."""

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
# The script imports these; a module with one of these names beside it would shadow them.
_IMPORTED = sys.stdlib_module_names | {"torch", "numpy", "PIL", "train"}


def script_beside(graph: "CountedGraph", stages: "Sequence[PipelineStage]", module: str) -> tuple[Path, str]:
    """Return the path and the text of the script that trains a graph, or its pipeline stages.

    Exits if archdsl cannot train the net, if the script could not import the module, and if it would overwrite a file
    that archdsl did not write or that was edited since.

    Args:
        graph: The net.
        stages: The pipeline stages in the module; empty for a whole net.
        module: The file of the generated module.
    """
    from archdsl.emit.generate import generate_training
    from archdsl.emit.training import CannotTrain

    if module == "-":
        raise click.UsageError("--train writes two files: name the module with -o FILE")
    file = Path(module)
    if file.suffix != ".py" or not file.stem.isidentifier() or keyword.iskeyword(file.stem) or file.stem in _IMPORTED:
        message = f"{NAME} cannot import a module from {file.name}"
        raise click.BadParameter(f"{message}: choose another name, such as `-o my_net.py`", param_hint="--output")
    try:
        text = generate_training(graph, file.stem, stages)
    except CannotTrain as error:
        stop(NET_HAS_ERRORS, str(error), "leave out --train, and write a training loop for the module")
    script = file.with_name(NAME)
    _keep_edited(script)
    return script, sealed(text)


def sealed(text: str) -> str:
    """Return a script with a last line that holds its checksum, so that edits can be detected."""
    return f"{text}\n{_SEAL}{sha256(text.encode()).hexdigest()[:16]}\n"


def _keep_edited(script: Path) -> None:
    """Exit if the script exists and archdsl did not write it, or if it was edited since."""
    try:
        before = script.read_text(encoding="utf-8") if script.exists() else sealed("")
    except (OSError, UnicodeDecodeError):
        before = ""
    if before != sealed(before.rpartition(f"\n{_SEAL}")[0]):
        why = "was changed since archdsl made it" if "made by archdsl" in before else "was not made by archdsl"
        stop(NO_FILE, f"{script} exists and {why}", "move it, or write to another folder with `-o FOLDER/net.py`")
