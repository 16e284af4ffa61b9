"""The pipeline, on one screen."""

from collections.abc import Mapping
from dataclasses import dataclass

from archdsl.base.shape import Shape
from archdsl.base.source import Source, Span
from archdsl.check.advice import advise, allowed
from archdsl.check.asserts import check
from archdsl.diag import codes
from archdsl.diag.model import Diagnostic, Problems
from archdsl.elaborate import elaborate
from archdsl.elaborate.ast_queries import calls, mentioned
from archdsl.elaborate.library import Libraries
from archdsl.elaborate.limits import Limits
from archdsl.elaborate.suggestions import suggestion
from archdsl.ir.graph import CheckedGraph
from archdsl.syntax import ast
from archdsl.syntax.parse import parse


@dataclass(frozen=True, slots=True)
class Compiled:
    """What came of a file: its checked models, in order, and everything that was found on the way.

    A library has no models, and was looked at for itself.
    """

    models: tuple[CheckedGraph, ...]
    diagnostics: tuple[Diagnostic, ...]
    is_library: bool = False

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return not any(diagnostic.code.is_error for diagnostic in self.diagnostics)


def compile_source(
    source: Source,
    *,
    model: str | None = None,
    every: bool = False,
    settings: Mapping[str, object] | None = None,
    shapes: Mapping[str | None, Shape] | None = None,
    limits: Limits = Limits(),  # noqa: B008
) -> Compiled:
    """Return the checked model of this name, the last one, or with `every` all of them.

    `shapes` are those that inputs have in place of their own; None stands for the first input.

    Raises SettingError where `settings` names a parameter that the model does not have, or `shapes` an input.
    """
    problems = Problems()
    file = parse(source, problems, limits.characters)
    checked: list[CheckedGraph] = []
    if file is not None:
        library = Libraries(problems, source, limits).library(file)
        if every:
            _warn_of_unused(file, problems)
        for chosen in _chosen(file, model, problems, every=every):
            found = Problems()
            unfolded = elaborate(library, chosen, found, settings=settings, shapes=shapes, limits=limits)
            graph = check(unfolded, found)
            if graph is not None:
                checked.append(graph)
                advise(graph, found)
            for diagnostic in found.in_order():
                problems.add(diagnostic)
    is_library = file is not None and not file.models and not problems.has_errors
    return Compiled(() if problems.has_errors else tuple(checked), tuple(allowed(problems.in_order())), is_library)


def _built(file: ast.File) -> tuple[ast.Definition, ...]:
    """Return the models that can be built as they are: one that lacks values is judged where others give them."""
    used = {call.name.text for item in file.definitions for call in calls(item)}
    return tuple(
        model
        for model in file.models
        if model.name.text not in used or all(param.default is not None for param in model.params)
    )


def _warn_of_unused(file: ast.File, problems: Problems) -> None:
    """Warn of blocks that no model of the file leads to; what was not understood may have used them."""
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


def _chosen(file: ast.File, model: str | None, problems: Problems, *, every: bool) -> tuple[ast.Definition, ...]:
    start = Span(file.source, 0, 0)
    if not file.models:
        if not problems.has_errors and not (every and file.items):
            problems.report(codes.NO_MODEL, start, help="begin with `model Name { input image: 3x32x32 … }`")
        return ()
    if model is None:
        return _built(file) if every else file.models[-1:]
    names = [candidate.name.text for candidate in file.models]
    if model not in names:
        problems.report(codes.NO_SUCH_MODEL, start, f"`{model}` is not in this file", help=suggestion(model, names))
        return ()
    return (file.models[names.index(model)],)
