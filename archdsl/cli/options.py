"""The options that commands share, and the records that hold their values."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeAlias

import click

if TYPE_CHECKING:
    from archdsl.elaborate.limits import Limits

Command: TypeAlias = Callable[..., None]
Decorator: TypeAlias = Callable[[Command], Command]


@dataclass(frozen=True, slots=True)
class NetRequest:
    """A net as the user names it: a file or a name of the gallery, and the options that apply to it.

    `model` is the name of one model of the file, None for the last one. `settings` are texts `NAME=VALUE`, `shapes`
    texts `[NAME=]SHAPE` for inputs. `placement` is a file that `archdsl place -o` wrote.
    """

    file: str
    limits: "Limits"
    model: str | None = None
    settings: tuple[str, ...] = ()
    shapes: tuple[str, ...] = ()
    placement: str | None = None

    @property
    def selects(self) -> bool:
        """Whether an option applies to a single model of the file."""
        return bool(self.model or self.settings or self.shapes)


class OutputFile(click.ParamType[str]):
    """The path of a file to write, which is not empty."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the path; raise click.BadParameter if it is empty."""
        path = str(value)
        return path if path else self.fail("the name of the file is empty", param, ctx)


_SHARED = tuple(field.name for field in fields(NetRequest) if field.name != "file")

as_data = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text")
model_option = click.option("--model", metavar="NAME", help="Name of the model; by default, the last one of the file")
set_option = click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Set a parameter of the model")
shapes_option = click.option(
    "--input", "shapes", multiple=True, metavar="[NAME=]SHAPE", help="Set the shape of an input, such as 3x320x320"
)
batch_option = click.option(
    "--batch", type=click.IntRange(1, 2**31), default=1, show_default=True, help="Number of samples in a batch"
)
placement_option = click.option(
    "--placement", metavar="NET.place.json", help="Use the placement in a file that `archdsl place -o` wrote"
)
_file = click.argument("file")
_files = click.argument("files", nargs=-1, required=True, metavar="FILE...")
_operations = click.option(
    "--max-operations",
    type=click.IntRange(min=1),
    default=20_000,
    show_default=True,
    help="Maximum number of operations and list items; files may have 40 bytes for each",
)
_nesting = click.option(
    "--max-nesting",
    type=click.IntRange(1, 1_000),
    default=50,
    show_default=True,
    help="Maximum depth of blocks and brackets in the net",
)


def limited(command: Command) -> Command:
    """Add the options that raise bounds, and pass their values to the command as `limits`."""

    @_operations
    @_nesting
    @wraps(command)
    def bounded(*args: Any, max_operations: int, max_nesting: int, **rest: Any) -> None:
        from archdsl.elaborate.limits import Limits

        # One level of nesting takes about ten calls of our functions.
        sys.setrecursionlimit(max(sys.getrecursionlimit(), 1_000 + 20 * max_nesting))
        command(*args, limits=Limits(max_operations, max_nesting), **rest)

    return bounded


def of_a_net(command: Command) -> Command:
    """Add an argument and options for one net, and pass them to the command as a `NetRequest` named `net`."""

    @wraps(command)
    def requesting(*args: Any, file: str, **values: Any) -> None:
        command(*args, net=NetRequest(file, **_taken(values, _SHARED)), **values)

    return _with(requesting, _file, model_option, set_option, limited, placement_option)


def of_files(command: Command) -> Command:
    """Add arguments and options for files with all their models; pass a `NetRequest` for each to the command as `nets`.

    The options for a single model select one: the one that `--model` names, or the last one of the file.
    """
    selecting = click.option("--model", metavar="NAME", help="Name of the only model to check")
    return _with(_requesting_each(command), _files, selecting, set_option, shapes_option, placement_option, limited)


def of_nets(command: Command) -> Command:
    """Add arguments and options for several nets, and pass a `NetRequest` for each file to the command as `nets`."""
    return _with(_requesting_each(command), _files, model_option, set_option, limited, placement_option)


def _requesting_each(command: Command) -> Command:
    @wraps(command)
    def requesting(*args: Any, files: tuple[str, ...], **values: Any) -> None:
        shared = _taken(values, _SHARED)
        command(*args, nets=tuple(NetRequest(file, **shared) for file in files), **values)

    return requesting


def gathered(name: str, record: type[Any], options: Sequence[Decorator]) -> Decorator:
    """Return a decorator that adds options and passes their values to the command as one record.

    Args:
        name: The parameter of the command.
        record: A dataclass with a field for each option.
        options: The options, in the order of the help.
    """
    names = tuple(field.name for field in fields(record))

    def decorate(command: Command) -> Command:
        @wraps(command)
        def gathering(*args: Any, **values: Any) -> None:
            command(*args, **{name: record(**_taken(values, names))}, **values)

        return _with(gathering, *options)

    return decorate


def _taken(values: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Remove values by their names and return them; a command may lack some of the options."""
    return {name: values.pop(name) for name in names if name in values}


def _with(command: Command, *options: Decorator) -> Command:
    for option in reversed(options):
        command = option(command)
    return command
