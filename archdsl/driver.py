"""The compiler pipeline: source text to checked graphs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from archdsl.base.frames import with_room
from archdsl.base.shape import Shape
from archdsl.base.source import Source, Span
from archdsl.check.advice import advise, allowed
from archdsl.check.asserts import check
from archdsl.check.unused import warn_of_unused
from archdsl.diag import codes
from archdsl.diag.codes import Code
from archdsl.diag.model import Diagnostic, Problems, TooManyErrors
from archdsl.elaborate import elaborate
from archdsl.elaborate.definitions import Library
from archdsl.elaborate.library import Libraries
from archdsl.elaborate.limits import Limits
from archdsl.elaborate.suggestions import suggestion
from archdsl.ir.graph import CheckedGraph, Input
from archdsl.syntax import ast
from archdsl.syntax.ast_queries import calls
from archdsl.syntax.parse import parse

# Reports about what is missing or unused mean little after an error in the file as such: the text that failed may
# hold it.
_CONSEQUENCES = frozenset({
    codes.NO_STEPS, codes.NO_INPUT, codes.UNUSED_BLOCK, codes.UNUSED_PARAMETER, codes.UNUSED_INPUT, codes.UNUSED_SET,
    codes.UNLABELLED, codes.DEAD_STEP,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Compiled:
    """The result of compiling a file: its checked models in order, and all diagnostics.

    `models` is empty if there is an error. A library has no models; `is_library` says that it was checked as such.
    `files` are the paths of the files that were imported; `name` and `inputs` are those of the last model that was
    compiled, also after an error.
    """

    models: tuple[CheckedGraph, ...]
    diagnostics: tuple[Diagnostic, ...]
    is_library: bool = False
    files: tuple[str, ...] = ()
    name: str | None = None
    inputs: tuple[Input, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return not any(diagnostic.code.is_error for diagnostic in self.diagnostics)


@with_room
def compile_source(
    source: Source,
    *,
    model: str | None = None,
    every: bool = False,
    settings: Mapping[str, object] | None = None,
    shapes: Mapping[str | None, Shape] | None = None,
    limits: Limits = Limits(),  # noqa: B008
) -> Compiled:
    """Compile a source to the checked graph of one model, or of all models.

    Args:
        source: The text to compile.
        model: The name of the model, by default the last one.
        every: Compile every model that can be built without arguments.
        settings: Values for parameters of the model, by name.
        shapes: Shapes for inputs of the model, by name; None stands for the first input.
        limits: Bounds on the size of the net and of its source.

    Raises:
        SettingError: The model has no parameter with a name in `settings`, or no input with a name in `shapes`.
    """
    problems = Problems()
    limits = limits.afresh()
    checked: list[CheckedGraph] = []
    file = parse(source, problems, limits.characters)
    libraries = Libraries(problems, source, limits)
    run = _Run(settings, shapes, limits)
    is_misread = problems.has_errors
    try:
        if file is not None:
            library = libraries.library(file)
            is_misread = problems.has_errors
            for chosen in _chosen(file, model, problems, every=every):
                checked += run.checked(library, chosen, problems)
            if every and not any(error.code is codes.NO_SUCH_BLOCK for error in problems.errors()):
                warn_of_unused(file, problems)
    except TooManyErrors:
        checked = []
    is_library = file is not None and not file.models and not problems.has_errors
    models = () if problems.has_errors else tuple(checked)
    found_all = [each for each in problems.in_order() if not (is_misread and each.code in _CONSEQUENCES)]
    return Compiled(models, tuple(allowed(found_all)), is_library, libraries.imported, run.name, tuple(run.inputs))


@dataclass(slots=True)
class _Run:
    """The elaboration and checks of the models of a file; `name` and `inputs` are those of the last model."""

    settings: Mapping[str, object] | None
    shapes: Mapping[str | None, Shape] | None
    limits: Limits
    name: str | None = None
    inputs: list[Input] = field(default_factory=list)
    _derived: dict[tuple[Code, Span], Diagnostic] = field(default_factory=dict)

    def checked(self, library: Library, chosen: ast.Definition, problems: Problems) -> Iterator[CheckedGraph]:
        """Yield the checked graph of a model, or nothing after reporting its errors."""
        found = Problems()
        self.name, self.inputs = chosen.name.text, []
        try:
            unfolded = elaborate(
                library, chosen, found, settings=self.settings, shapes=self.shapes, limits=self.limits,
                inputs=self.inputs,
            )  # fmt: skip
            graph = check(unfolded, found)
            if graph is not None:
                advise(graph, found)
                yield graph
        finally:
            for diagnostic in found.in_order():
                problems.add(self._in_model(diagnostic, chosen))
            if problems.is_full:
                raise TooManyErrors

    def _in_model(self, diagnostic: Diagnostic, model: ast.Definition) -> Diagnostic:
        """Return an error with a note about the model `A = B(…)` whose arguments it comes from, if it is outside of A.

        The first of such errors at each place stands for those of further models.
        """
        span, own = diagnostic.primary.span, model.span
        is_inside = span.source is own.source and own.start <= span.start < own.end
        if not diagnostic.code.is_error or not model.is_inline or is_inside:
            return diagnostic
        note = f"in the model {model.name.text}, defined at line {model.name.span.line}"
        changed = replace(diagnostic, notes=(*diagnostic.notes, note))
        return self._derived.setdefault((diagnostic.code, span), changed)


def _built(file: ast.File) -> tuple[ast.Definition, ...]:
    """Return the models to check on their own.

    A model with a required parameter that another definition uses is checked there, with the arguments of that use.
    """
    used = {call.name.text for item in file.definitions for call in calls(item)}
    return tuple(
        model
        for model in file.models
        if model.name.text not in used or all(param.default is not None for param in model.params)
    )


def _chosen(file: ast.File, model: str | None, problems: Problems, *, every: bool) -> tuple[ast.Definition, ...]:
    """Return the models to compile; report a missing or unknown one."""
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
