"""The pipeline, on one screen."""

from collections.abc import Mapping
from dataclasses import dataclass

from archdsl.check import check
from archdsl.diag import codes
from archdsl.diag.model import Diagnostic, Problems
from archdsl.elaborate import elaborate
from archdsl.elaborate.library import Libraries
from archdsl.elaborate.limits import Limits
from archdsl.elaborate.suggestions import suggestion
from archdsl.elaborate.written import calls
from archdsl.ir import CheckedGraph
from archdsl.source import Source, Span
from archdsl.syntax import ast
from archdsl.syntax.parse import parse


@dataclass(frozen=True, slots=True)
class Compiled:
    """What came of a file: its checked models, in order, and everything that was found on the way."""

    models: tuple[CheckedGraph, ...]
    diagnostics: tuple[Diagnostic, ...]

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
    limits: Limits = Limits(),  # noqa: B008
) -> Compiled:
    """Return the checked model of this name, the last one, or with `every` all of them.

    Raises SettingError where `settings` names a parameter that the model does not have.
    """
    problems = Problems()
    file = parse(source, problems, limits.characters)
    checked: list[CheckedGraph] = []
    if file is not None:
        library = Libraries(problems, source, limits).library(file)
        for chosen in _chosen(file, model, problems, every=every):
            found = Problems()
            graph = check(elaborate(library, chosen, found, settings=settings, limits=limits), found, limits)
            if graph is not None:
                checked.append(graph)
            for diagnostic in found.in_order():
                problems.add(diagnostic)
    return Compiled(() if problems.has_errors else tuple(checked), tuple(problems.in_order()))


def _built(file: ast.File) -> tuple[ast.Definition, ...]:
    """Return the models that can be built as they are: one that lacks values is judged where others give them."""
    used = {call.name.text for item in file.definitions for call in calls(item)}
    return tuple(
        model
        for model in file.models
        if model.name.text not in used or all(param.default is not None for param in model.params)
    )


def _chosen(file: ast.File, model: str | None, problems: Problems, *, every: bool) -> tuple[ast.Definition, ...]:
    start = Span(file.source, 0, 0)
    if not file.models:
        if not problems.has_errors:
            problems.report(codes.NO_MODEL, start, help="begin with `model Name { input image: 3x32x32 … }`")
        return ()
    if model is None:
        return _built(file) if every else file.models[-1:]
    names = [candidate.name.text for candidate in file.models]
    if model not in names:
        problems.report(codes.NO_SUCH_MODEL, start, f"`{model}` is not in this file", help=suggestion(model, names))
        return ()
    return (file.models[names.index(model)],)
