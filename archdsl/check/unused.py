"""Warnings about definitions that no model of a file uses."""

from archdsl.diag import codes
from archdsl.diag.model import Problems
from archdsl.syntax import ast
from archdsl.syntax.ast_queries import mentioned


def warn_of_unused(file: ast.File, problems: Problems) -> None:
    """Report a warning for each block that no model of the file uses, directly or through other blocks.

    Libraries, which have no models, and files with syntax errors, whose broken items may use any block, get none.
    """
    if not file.models or any(isinstance(item, ast.Broken) for item in file.items):
        return
    definitions = {each.name.text: each for each in file.definitions}
    reached: set[str] = set()
    left = [model.name.text for model in file.models]
    while left:
        name = left.pop()
        if name not in reached and name in definitions:
            reached.add(name)
            left += mentioned(definitions[name])
    for name, each in definitions.items():
        if name not in reached:
            help = "use it in a model, or leave it out"
            problems.report(codes.UNUSED_BLOCK, each.name.span, "no model of this file uses it", help=help)
