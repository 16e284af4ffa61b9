"""The names of constructor arguments that hold classes: in snake case, as Python writes variables."""

import builtins
import re
from collections.abc import Collection
from dataclasses import replace

from archdsl.base.pyexpr import Expr, Ref
from archdsl.base.pynumbers import names_of
from archdsl.emit.statements import Function, changed, expressions_of_function
from archdsl.target.reserved import why_no_parameter

_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def in_snake_case(function: Function, names: Collection[str]) -> Function:
    """Return a constructor with arguments such as `Act` renamed to `act`.

    Args:
        function: The constructor.
        names: The arguments that hold classes. A call gives them by position. One whose new name is taken keeps its
            name.
    """
    if not names:
        return function
    parameters = {each.name for each in (*function.parameters, *function.keyword_only)}
    taken = parameters.union(*map(names_of, expressions_of_function(function)), dir(builtins))
    renamed: dict[str, str] = {}
    for name in names:
        new = _WORDS.sub("_", name).lower()
        if new not in taken and new.isidentifier() and not why_no_parameter(new):
            renamed[name] = new
            taken.add(new)

    def change(part: Expr) -> Expr:
        return Ref(renamed.get(part.name, part.name)) if isinstance(part, Ref) else part

    return replace(
        function,
        parameters=tuple(replace(each, name=renamed.get(each.name, each.name)) for each in function.parameters),
        body=tuple(changed(each, change) for each in function.body),
    )
