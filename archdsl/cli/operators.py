"""Prints operators: a list of all, and one with its arguments and examples."""

from archdsl.cli.tables import console, new_table
from archdsl.ops import all_ops
from archdsl.ops.argument_types import shown
from archdsl.ops.base import Argument, Op


def print_operators() -> None:
    """Print all operators, one on each line."""
    table = new_table("Operator", "Family", "Description")
    for op in all_ops():
        table.add_row(op.name, op.family, summary(op))
    console().print(table)


def print_operator(op: type[Op]) -> None:
    """Print the documentation, the arguments and the examples of an operator."""
    from inspect import cleandoc

    from rich.text import Text

    out = console()
    out.print(f"[bold]{op.name}[/bold]  {op.family}\n", highlight=False)
    out.print(cleandoc(op.__doc__ or ""), markup=False)
    if op.arguments:
        table = new_table("Argument", "Default", "Type", "Description")
        for number, (name, argument) in enumerate(op.arguments.items()):
            position = "" if number >= op.positional else f" ({number + 1}.)"
            table.add_row(name + position, default(argument), argument.kind.title, argument.help)
        out.print(table)
    examples = new_table("Example", "Input", "Output", "Parameters", "MACs", right=("Parameters", "MACs"))
    for example in op.examples:
        sizes = (str(example.input), str(example.output), f"{example.params:,}", f"{example.macs:,}")
        examples.add_row(Text(example.call), *sizes)
    out.print(examples)


def summary(op: type[Op]) -> str:
    """Return the first line of an operator's documentation."""
    return (op.__doc__ or "").strip().split("\n")[0]


def default(argument: Argument) -> str:
    """Return the default of an argument as source text, or `required`."""
    return "required" if argument.required else shown(argument.default)
