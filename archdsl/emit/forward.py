"""The `forward` of a generated class."""

from archdsl.base.pyexpr import Attribute, Call, Conditional, Expr, Infix, Not, Ref, Sequence, union
from archdsl.emit import documentation
from archdsl.emit.class_draft import ClassDraft, ForwardStep
from archdsl.emit.classes import Class
from archdsl.emit.conditions import joined
from archdsl.emit.module_classes import TENSOR, ModuleClasses
from archdsl.emit.statements import Assign, Function, If, Parameter, Return, Statement, branch, under

_SELF = Ref("self")
_TRAINING = Ref("self.training")


def forward(found: Class, module: ModuleClasses) -> Function:
    """Return the `forward` of a class."""
    draft = found.representative
    optional = _only_in_training(draft)
    results = [draft.variables[draft.origin(path)] for path in draft.results()]
    return Function(
        "forward",
        tuple(_parameters(draft)),
        (),
        module.result(found),
        (
            *(Assign(Ref(name), None, union(TENSOR, None)) for name in optional),
            *_steps(found, set(results) - {name for name, _ in draft.arguments} - set(optional)),
            Return(_returned(found, module, results, optional)),
        ),
    )


def _parameters(draft: ClassDraft) -> list[Parameter]:
    """Return the arguments; optional tensors behind the others have the default None."""
    made: list[Parameter] = []
    are_last = True
    for name, _ in reversed(draft.arguments):
        is_optional = name in draft.optional
        are_last = are_last and is_optional
        made.append(Parameter(name, union(TENSOR, None) if is_optional else TENSOR, None, has_default=are_last))
    return made[::-1]


def _only_in_training(draft: ClassDraft) -> list[str]:
    """Return the variables of outputs that only training computes."""
    computed = {each.value for each in draft.steps if each.in_training}
    found = (draft.origin(output.path) for output in draft.outputs if output.when_training)
    return list(dict.fromkeys(draft.variables[path] for path in found if path in computed))


def _steps(found: Class, unbound: set[str]) -> list[Statement]:
    """Return the statements that compute the results.

    The first assignment of a variable in `unbound` declares its type. A comment shows the shape where it changes.
    """
    draft = found.representative
    made: list[Statement] = []
    training: list[Statement] = []
    tested: list[tuple[Expr, Statement]] = []
    before = documentation.shape_of_input(found)
    for step, shape in zip(draft.steps, documentation.shapes_after(found), strict=True):
        name = draft.variables[step.value]
        statement = Assign(
            Ref(name),
            draft.written(step.expr),
            TENSOR if name in unbound and step.over is None else None,
            "=" if step.over is None else "+=",
            shape if shape != before else "",
        )
        unbound.discard(name)
        before = shape or before
        if found.merged:
            tested.append((_test(draft, step), statement))
            continue
        if step.in_training:
            training.append(statement)
            continue
        made += [*_if_training(training), statement]
        training = []
    return [*made, *_if_training(training), *under(tested)]


def _test(draft: ClassDraft, step: ForwardStep) -> Expr:
    """Return the test that a statement of a merged class is under, None if it always runs."""
    tests = [_flag(draft, name, holds=holds) for name, holds in step.tests]
    return joined("and", tests) if tests else None


def _flag(draft: ClassDraft, name: str, *, holds: bool) -> Expr:
    if name in draft.optional:
        return Infix(Ref(name), "is not" if holds else "is", None)
    return Attribute(_SELF, name) if holds else Not(Attribute(_SELF, name))


def _if_training(body: list[Statement]) -> list[Statement]:
    return [If((branch(_TRAINING, *body),))] if body else []


def _returned(found: Class, module: ModuleClasses, results: list[str], optional: list[str]) -> Expr:
    """Return the expression of the results. In evaluation, those that only training has are None."""
    if len(results) == 1:
        return Ref(results[0])
    parts: list[Expr] = [
        Conditional(Ref(name), _TRAINING, None) if output.when_training and name not in optional else Ref(name)
        for name, output in zip(results, found.representative.outputs, strict=True)
    ]
    if module.as_tuples:
        return Sequence(tuple(parts), "(")
    return Call(module.result(found), tuple(parts))
