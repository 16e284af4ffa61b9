"""The constructor of a generated class."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

from archdsl.base.items import by_owner, is_item, owner_of
from archdsl.base.pyexpr import (
    Attribute,
    Call,
    Conditional,
    Expr,
    Infix,
    Item,
    Mapping,
    OnlyIf,
    Ref,
    Repeat,
    Sequence,
    Spread,
    Text,
    call,
    mapped,
    structure,
    union,
)
from archdsl.base.pynumbers import names_of, parameter, walk
from archdsl.base.pyprint import flat
from archdsl.emit.argument_names import in_snake_case
from archdsl.emit.class_draft import ClassDraft, Entry
from archdsl.emit.class_parameters import names_in
from archdsl.emit.classes import FACTORY, GROUP, ON, Class, resolved
from archdsl.emit.conditions import Clause, divisors
from archdsl.emit.lists import checked_lengths, list_parameter, whole_lists
from archdsl.emit.local_variables import with_locals
from archdsl.emit.module_classes import ModuleClasses
from archdsl.emit.repeats import repeated
from archdsl.emit.statements import (
    Assert,
    Assign,
    Evaluate,
    For,
    Function,
    If,
    Parameter,
    Raise,
    Statement,
    branch,
    expressions,
    key,
    under,
)

_SELF = Ref("self")
_LOCALS = frozenset({"self", "factory", "device", "devices", "dtype", "on", "group", "project"})
_DEVICE = union(Ref("torch.device"), Ref("str"), None)
_DTYPE = Parameter("dtype", union(Ref("torch.dtype"), None), None, has_default=True)
_FACTORY_TYPE = Item(Ref("dict"), (Ref("str"), Ref("Any")))


def constructor(found: Class, module: ModuleClasses) -> Function:
    """Return the `__init__` of a class."""
    draft = found.representative
    made = _numbered(draft, module) if draft.is_numbered else _assignments(found, module)
    factory = _factory(found, module, made)
    checked = _checked(found, module)
    kept = _kept(found)
    made += _initialisation(found)
    signatures = {each.name: [*by_owner(each.parameters)] for each in module.distinct}
    made = with_locals(made, found.parameters, signatures, _LOCALS.union(by_owner(found.parameters)))
    if draft.is_numbered:
        body = [*checked, *factory, *made, *kept]
    else:
        body = [Evaluate(call("super().__init__")), *checked, *kept, *factory, *made]
    made_function = Function(
        "__init__",
        tuple(_parameters(found, module)),
        tuple(_keyword_parameters(found, module)),
        None,
        (*body, *_anchors(draft)),
        exploded=True,
    )
    return in_snake_case(made_function, draft.operator_types)


def _parameters(found: Class, module: ModuleClasses) -> Iterable[Parameter]:
    """Yield the parameters of the net. A default that is computed from other parameters is None in the signature."""
    defaults = module.defaults(found)
    draft = found.representative
    values = {**{each.name: each.value for each in draft.choices}, **draft.parameters.values}
    for owner, names in by_owner(found.parameters).items():
        name = names[0]
        if is_item(name):
            yield list_parameter(owner, names, values, defaults)
            continue
        if name in draft.operator_types:
            yield Parameter(name, draft.operator_types[name])
            continue
        kind: Expr = Ref(next(kind.__name__ for kind in (bool, int, float, str) if isinstance(values[name], kind)))
        if any(isinstance(each.parameters.values.get(name), float) for each in found.members):
            kind = Ref("float")
        if name in draft.optional_numbers:
            yield Parameter(name, union(kind, None), defaults.get(name), has_default=name in defaults)
            continue
        if names_in(defaults.get(name)):
            yield Parameter(name, union(kind, None), None, has_default=True)
        else:
            yield Parameter(name, kind, defaults.get(name), has_default=name in defaults)


def _keyword_parameters(found: Class, module: ModuleClasses) -> Iterable[Parameter]:
    """Yield the parameters that do not come from the net: devices, the dtype and a process group."""
    if not found.representative.is_placed:
        yield Parameter("device", _DEVICE, None, has_default=True)
        yield _DTYPE
        if found.representative.takes_group:
            yield Parameter(GROUP.name, union(Ref("dist.ProcessGroup"), None), None, has_default=True)
    elif module.graph_of(found):
        yield Parameter("devices", union(Ref("Devices"), None), None, has_default=True)
        yield _DTYPE
    else:
        yield Parameter(ON.name, Item(Ref("dict"), (Ref("str"), _FACTORY_TYPE)))


def _checked(found: Class, module: ModuleClasses) -> list[Statement]:
    """Return the checks, and the statements that compute defaults from other parameters.

    Checks come after the defaults; those without which a default would divide by 0 come before it.
    """
    left = {name: value for name, value in module.defaults(found).items() if names_in(value)}
    body: list[Statement] = []
    checks, places = found.checks, {name: place for place, name in enumerate(found.parameters)}
    for name, default in left.copy().items():
        if isinstance(default, int | float) and any(divisors(default)):
            body += [_check(found, places, each) for each in checks if each.names.isdisjoint(left)]
            checks = [each for each in checks if not each.names.isdisjoint(left)]
        body.append(Assign(Ref(name), Conditional(default, Infix(Ref(name), "is", None), Ref(name))))
        del left[name]
    return [
        *checked_lengths(found.name, found.parameters),
        *body,
        *_combination(found),
        *(_check(found, places, each) for each in checks),
    ]


def _check(found: Class, places: dict[str, int], clause: Clause) -> Statement:
    """Return the statement that refuses values for which the class would be wrong."""
    given: list[str | Expr] = []
    for name in sorted(clause.names & places.keys(), key=places.__getitem__):
        given += [", " if given else "", parameter(name)]
    where = "" if clause.when is None else f" where {flat(clause.when)}"
    message = Text((f"{found.name} needs {flat(clause.expr)}{where}, not ", *given))
    return If((branch(clause.refused, Raise(call("ValueError", message))),))


def _combination(found: Class) -> list[Statement]:
    """Return the check of the values on which the steps of a merged class depend: only seen combinations are right."""
    deciding, seen = found.combinations
    if not deciding:
        return []
    draft = found.representative
    tests = tuple(draft.parameters.expression(each) for each in deciding)
    read = frozenset[str]().union(*map(names_of, deciding))
    names = [name for name in by_owner(found.parameters) if name in read]
    given: list[str | Expr] = [part for name in names for part in (", " if name != names[0] else "", Ref(name))]
    one = len(deciding) == 1
    case, cases = (Ref(each if each not in found.parameters else f"{each}_") for each in ("case", "cases"))
    message = Text((f"{found.name} is built for other combinations of values than ", *given))
    return [
        Assign(case, tests[0] if one else Sequence(tests, "(")),
        Assign(cases, Sequence(tuple(each[0] if one else Sequence(each, "(") for each in seen), "(")),
        If((branch(Infix(case, "not in", cases), Raise(call("ValueError", message))),)),
    ]


def _kept(found: Class) -> list[Statement]:
    """Return the statements that store what `forward` reads."""
    applied = found.representative.applied
    read = {*map(owner_of, applied)}
    names = [name for name in by_owner(found.parameters) if name in read]
    names += [GROUP.name] if found.representative.gathers else []
    draft = found.representative
    kept = [Assign(Attribute(_SELF, draft.parameters.attribute(name)), Ref(name)) for name in names]
    flags = ((name, draft.parameters.expression(test)) for name, test in draft.flags.items())
    return [*kept, *(Assign(Attribute(_SELF, name), test) for name, test in flags)]


def _factory(found: Class, module: ModuleClasses, made: list[Statement]) -> list[Statement]:
    """Return the statement that collects the factory arguments of layers, if the class creates any."""
    if found.representative.is_placed:
        graph = module.graph_of(found)
        if graph is None:
            return []
        names = Sequence(tuple(graph.devices), "(")
        return [Assign(ON, call("factories", Ref("devices"), names, Ref("dtype")))]
    calls = (part for expr in expressions(tuple(made)) for part in walk(expr) if isinstance(part, Call))
    if not any(FACTORY in each.spread for each in calls):
        return []
    arguments = Mapping((("device", Ref("device")), ("dtype", Ref("dtype"))))
    return [Assign(FACTORY, arguments, _FACTORY_TYPE)]


def _initialisation(found: Class) -> list[Statement]:
    """Return the statements that initialise weights."""
    if found.merged:
        tests = {each.name: found.merged.parameters.expression(each.test) for each in found.merged.entries}
        return [*under((tests.get(name), statement) for name, statement in _with_types(found.merged))]
    return [statement for _, statement in found.representative.initialisation]


def _with_types(merged: ClassDraft) -> Iterator[tuple[str, Statement]]:
    """Yield the statements that initialise weights, each with the name of its entry.

    A type checker learns the class of an attribute that is the identity at first.
    """
    modules = {each.name: each.module for each in merged.entries if each.passes}
    for name, group in groupby(merged.initialisation, lambda each: each[0]):
        module, statements = modules.get(name), [*group]
        if isinstance(module, Call) and isinstance(module.function, str):
            typed = Assert(call("isinstance", Attribute(_SELF, name), Ref(module.function)))
            if key(statements[0][1]) != key(typed):
                yield name, typed
        yield from statements


def _numbered(draft: ClassDraft, module: ModuleClasses) -> list[Statement]:
    """Return the call that constructs an `nn.ModuleList` with its submodules."""
    made = repeated(tuple(_module(entry, draft, module) for entry in draft.entries))
    if len(made) == 1 and isinstance(made[0], Repeat):
        items: tuple[Expr, ...] = (Repeat(made[0].item, made[0].variable, made[0].count, bare=True),)
    else:
        items = (Sequence(made, "["),) if made else ()
    return [Evaluate(Call("super().__init__", items))]


def _assignments(found: Class, module: ModuleClasses) -> list[Statement]:
    """Return the statements that construct submodules as attributes."""
    if found.merged:
        return [*under(_merged_parts(found.merged, module))]
    made: list[Statement] = []
    written: dict[int, Expr] = {}
    for entry in found.representative.entries:
        target = Attribute(_SELF, entry.name)
        # Entries share equal expressions.
        value = written.get(id(entry.module))
        if value is None:
            value = written[id(entry.module)] = _module(entry, found.representative, module)
        made.append(Assign(target, value))
    return made


def _merged_parts(draft: ClassDraft, module: ModuleClasses) -> Iterator[tuple[Expr, Statement]]:
    """Yield the statements that construct the submodules of a merged class, each with the test that it is under.

    Neighbours under one test share it: their identities come first.
    """
    sides = Counter(entry.name for entry in draft.entries)
    for (passes, _), group in groupby(draft.entries, lambda each: (each.passes, structure(each.test))):
        entries = [*group]
        for entry in entries if passes else ():
            yield None, Assign(Attribute(_SELF, entry.name), call("nn.Identity"), Ref("nn.Module"))
        for entry in entries:
            # A label with two sides has modules of two types.
            kind = Ref("nn.Module") if sides.pop(entry.name, 1) > 1 and not passes else None
            yield from _optional_parts(entry, draft, module, kind)


def _optional_parts(
    entry: Entry, draft: ClassDraft, module: ModuleClasses, kind: Expr
) -> Iterator[tuple[Expr, Statement]]:
    """Yield the statements that construct a submodule of a merged class, each with the test that it is under."""
    target = Attribute(_SELF, entry.name)
    value = _module(entry, draft, module)
    only = draft.parameters.expression(entry.test)
    if not (isinstance(value, Call) and any(isinstance(each, OnlyIf) for each in value.args)):
        yield only, Assign(target, value, kind)
        return
    items = Ref(entry.name if entry.name not in draft.parameters.values else f"{entry.name}_items")
    yield only, Assign(items, Sequence((), "["), Item(Ref("list"), Ref("nn.Module")))
    taken = {*draft.parameters.values, *(each.name for each in draft.choices), items.name}
    tested = [(each.test, each.item) if isinstance(each, OnlyIf) else (None, each) for each in value.args]
    for _, group in groupby(tested, lambda each: structure(each[0])):
        run = [*group]
        for each in repeated(tuple(item for _, item in run), taken):
            yield _both(only, run[0][0]), _appended(items, each)
    yield only, Assign(target, Call(value.function, (Spread(items),)), kind)


def _appended(items: Ref, item: Expr) -> Statement:
    """Return the statement that appends an item to a list, or a loop that does so for each round of a `Repeat`."""
    if isinstance(item, Repeat):
        return For((item.variable,), call("range", item.count), (_appended(items, item.item),))
    return Evaluate(Call(Attribute(items, "append"), (item,)))


def _both(outer: Expr, inner: Expr) -> Expr:
    if outer is None or inner is None:
        return inner if outer is None else outer
    return Infix(outer, "and", inner)


def _anchors(draft: ClassDraft) -> list[Statement]:
    """Return the statements that register the buffers that mark devices without weights."""
    return [
        Evaluate(
            call(
                "self.register_buffer",
                name,
                Call("torch.empty", (0,), spread=(Item(ON, device),)),
                persistent=False,
            )
        )
        for device, name in draft.anchors.items()
    ]


def _module(entry: Entry, draft: ClassDraft, module: ModuleClasses) -> Expr:
    expr = resolved(draft.parameters.expression(entry.module), module.drafts, module.by_draft)
    return mapped(mapped(expr, whole_lists(draft.parameters.values)), _with_loops)


def _with_loops(expr: Expr) -> Expr:
    """Return the call of an `nn.Sequential` with loops for repeated items."""
    if not isinstance(expr, Call) or expr.function not in ("nn.Sequential", "OrderedDict"):
        return expr
    if any(isinstance(each, OnlyIf) for each in expr.args):
        return expr
    if expr.function == "nn.Sequential":
        return Call(expr.function, repeated(expr.args), expr.named, expr.spread)
    (pairs,) = expr.args
    if not isinstance(pairs, Sequence):
        return expr
    items = repeated(pairs.items)
    if len(items) == 1 and isinstance(items[0], Repeat):
        only = items[0]
        return Call(expr.function, (Repeat(only.item, only.variable, only.count, bare=True),))
    named = tuple(item.items for item in items if isinstance(item, Sequence))
    if len(named) == len(items) and all(str(name).isidentifier() for name, _ in named):
        return Call(expr.function, (), tuple((str(name), module) for name, module in named))
    return Call(expr.function, (Sequence(items, pairs.bracket, pairs.exploded),))
