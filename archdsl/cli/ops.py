"""`archdsl ops`: the list of operators, and the page of one."""

import click


@click.command()
@click.argument("name", required=False)
def ops(name: str | None) -> None:
    """List all operators, or describe one of them."""
    from archdsl.cli.operators import print_operator, print_operators
    from archdsl.elaborate.suggestions import suggestion
    from archdsl.ops import all_ops, lookup

    if name is None:
        print_operators()
        return
    op = lookup(name)
    if op is None:
        help = suggestion(name, [other.name for other in all_ops()]) or "`archdsl ops` lists all"
        raise click.BadParameter(f"there is no operator {name}; {help}", param_hint="NAME")
    print_operator(op)
