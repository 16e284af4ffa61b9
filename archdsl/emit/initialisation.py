"""How the weights start: the lines of constructors that draw them otherwise than PyTorch does.

What all layers of one class share, in the whole model or in one `nn.Sequential`, becomes a loop over its modules; what
is left is said layer by layer, in the class that makes the layer.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from archdsl.base.pyexpr import INDENT, WIDTH, Call, Expr, Item, Ref, call, flat, lines, mapped
from archdsl.base.resources import resource
from archdsl.emit.scope import names_in
from archdsl.ir.graph import ChildNaming, Container, Node
from archdsl.ops.base import Functional, Submodule
from archdsl.ops.initialisers import InitialValue

_FEWEST = 3


@dataclass(frozen=True, slots=True)
class Block:
    """Lines below a head: a loop, or with `tests` an `if` or `elif` that they all have to hold for."""

    head: str
    body: "tuple[Code, ...]"
    tests: tuple[Expr, ...] = ()


Code: TypeAlias = Call | Block


def written(code: Code, indent: int) -> list[str]:
    """Return the lines of a piece of code."""
    if isinstance(code, Block):
        return [*_head(code, indent), *(line for part in code.body for line in written(part, indent + INDENT))]
    return lines(code, prefix="", indent=indent)


def _head(block: Block, indent: int) -> list[str]:
    """Return the head of a block, broken as `ruff format` breaks it."""
    pad = " " * indent
    if not block.tests:
        return [f"{pad}{block.head}:"]
    if len(block.tests) == 1:
        return lines(block.tests[0], prefix=f"{block.head} ", indent=indent, suffix=":")
    line = f"{pad}{block.head} {' and '.join(map(flat, block.tests))}:"
    if len(line) <= WIDTH:
        return [line]
    inner = " " * (indent + INDENT)
    tests = [f"{inner}{'and ' * (number > 0)}{flat(test)}" for number, test in enumerate(block.tests)]
    return [f"{pad}{block.head} (", *tests, f"{pad}):"]


def _if(test: Expr, body: tuple[Code, ...], number: int = 0) -> Block:
    """Return the branch of this number; what holds nothing but another `if` is one with it."""
    head = "elif" if number else "if"
    only = body[0] if len(body) == 1 else None
    if isinstance(only, Block) and only.head == "if":
        return Block(head, only.body, (test, *only.tests))
    return Block(head, body, (test,))


def changed(code: Code, change: Callable[[Expr], Expr]) -> Code:
    """Return code with every part of its expressions replaced that `change` gives another one for."""
    if isinstance(code, Block):
        return Block(code.head, tuple(changed(part, change) for part in code.body), code.tests)
    made = mapped(code, change)
    assert isinstance(made, Call)
    return made


def names_of(code: Code) -> frozenset[str]:
    """Return the parameters that a piece of code mentions."""
    if isinstance(code, Block):
        return frozenset[str]().union(*map(names_of, code.body))
    return names_in(code)


def _text(code: Code) -> str:
    return "\n".join(written(code, 0))


class Starts:
    """What the constructors of a model's classes say about how weights start.

    `has_class` says whether a container becomes a class; others are an `nn.Sequential` in the class around.
    """

    def __init__(self, root: Container, taken: Iterable[str], has_class: Callable[[Container], bool]) -> None:
        self._has_class = has_class
        self._settled, self.of_model = _shared(list(_layers(root)), "self", taken)

    def of_child(self, child: Node | Container, attribute: str, taken: Iterable[str], *, direct: bool) -> list[Code]:
        """Return the code for what a class makes as one of its attributes, `direct` if this has the type of its value.

        `attribute` is what the class calls it, `taken` are names that loops cannot use.
        """
        path = (child.path[-1],)
        if isinstance(child, Node):
            return [] if _class_of(child) in self._settled else list(_of_layer(child, path, direct=direct))
        if self._has_class(child):
            return []
        settled, made = self._settled, list[Code]()
        if self._is_plain(child):
            settled, made = _shared(list(_layers(child)), attribute, taken, settled)
        for place, node in self._within(child, path):
            if _class_of(node) not in settled:
                made += _of_layer(node, place, direct=False)
        return made

    def _is_plain(self, container: Container) -> bool:
        """Whether no class stands in it, which would start its layers itself."""
        inner = (child for child in container.children if isinstance(child, Container))
        return all(not self._has_class(child) and self._is_plain(child) for child in inner)

    def _within(self, container: Container, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Node]]:
        """Yield the layers in an `nn.Sequential`, with their paths."""
        for child in container.children:
            place = (*path, child.path[-1])
            if isinstance(child, Node):
                if _class_of(child):
                    yield place, child
            elif not self._has_class(child):
                yield from self._within(child, place)


def _class_of(node: Node) -> str:
    """Return the class of a layer's module, empty if it has no parameters that it could start."""
    emission = node.emission
    if not isinstance(emission, Submodule) or node.weights:
        return ""
    assert isinstance(emission.call.function, str)
    return emission.call.function


def _of_layer(node: Node, path: tuple[str, ...], *, direct: bool) -> tuple[Code, ...]:
    """Return the code that starts the parameters of one layer, `direct` if it is a typed attribute of its class."""
    dotted = ".".join(path)
    starts = [start for start in node.op.initial_values(node.input) if start.initialiser]
    if any(start.is_prefix for start in starts):
        return (_by_name(starts, f"self.{dotted}" if direct else f'self.get_submodule("{dotted}")', ()),)
    made: list[Code] = []
    for start in starts:
        # What is found by its path is a parameter for a type checker too.
        target = Ref(f"self.{dotted}.{start.parameter}")
        found = target if direct else call("self.get_parameter", f"{dotted}.{start.parameter}")
        made += _guarded(_fill(start, found), target.name if direct and start.may_be_none else None)
    return tuple(made)


def _fill(start: InitialValue, target: Expr) -> list[Code]:
    assert start.initialiser
    row = () if start.zero_row is None else (call("nn.init.zeros_", Item(target, start.zero_row)),)
    return [start.initialiser.call(target), *row]


def _guarded(code: list[Code], target: str | None) -> list[Code]:
    return [_if(Ref(f"{target} is not None"), tuple(code))] if target and code else code


def _by_name(starts: list[InitialValue], owner: str, taken: Iterable[str]) -> Code:
    """Return the loop over the parameters of a layer that has many of a kind."""
    name, parameter = _free("name", taken), _free("parameter", taken)
    cases = [
        _if(call(f"{name}.startswith", start.parameter), tuple(_fill(start, Ref(parameter))), number)
        for number, start in enumerate(starts)
    ]
    return Block(f"for {name}, {parameter} in {owner}.named_parameters()", tuple(cases))


def _free(variable: str, taken: Iterable[str]) -> str:
    return f"each_{variable}" if variable in taken else variable


@dataclass(frozen=True, slots=True)
class _Layer:
    """A module of the generated code: its class, how its parameters start, and whether a block makes it."""

    function: str
    starts: tuple[InitialValue, ...]
    in_block: bool = False


def _layers(container: Container, *, in_block: bool = False) -> Iterator[_Layer]:
    """Yield the modules in a container that are no containers."""
    for child in container.children:
        if isinstance(child, Container):
            if not child.weights:
                yield from _layers(child, in_block=in_block or child.use is not None)
        elif made := _class_of(child):
            yield _Layer(made, child.op.initial_values(child.input), in_block)
        elif isinstance(child.emission, Functional) and container.kind is ChildNaming.NUMBERED:
            assert isinstance(child.emission.module.function, str)
            yield _Layer(child.emission.module.function, (), in_block)


def _shared(
    found: list[_Layer], owner: str, taken: Iterable[str], before: frozenset[str] = frozenset()
) -> tuple[frozenset[str], list[Code]]:
    """Return the classes whose layers all start alike, and the loop over the modules of `owner` that starts them.

    Those in `before` are settled already.
    """
    variable = _free("module", taken)
    cases: dict[tuple[Code, ...], list[str]] = {}
    settled = set(before)
    for function in dict.fromkeys(layer.function for layer in found):
        family = _family(function, found)
        code = _in_loop(family, variable, taken) if family and function not in settled else ()
        if code:
            cases.setdefault(code, []).append(function)
            settled |= {layer.function for layer in family}
    branches = tuple(
        _if(call("isinstance", Ref(variable), Ref(" | ".join(functions))), code, number)
        for number, (code, functions) in enumerate(cases.items())
    )
    return frozenset(settled), [Block(f"for {variable} in {owner}.modules()", branches)] if branches else []


def _family(function: str, found: list[_Layer]) -> list[_Layer]:
    """Return the layers that `isinstance` finds for a class; none where it would find a part of another layer."""
    used = dict.fromkeys(layer.function for layer in found)
    sources = {name: _source(name) for name in used if "." not in name}
    if any(re.search(rf"= {re.escape(function)}\(", source) for source in sources.values()):
        return []
    kin = {name for name, source in sources.items() if f"class {name}({function}):" in source}
    return [layer for layer in found if layer.function == function or layer.function in kin]


def _source(name: str) -> str:
    return resource("templates", f"support/{name}.py").read_text(encoding="utf-8")


def _in_loop(family: list[_Layer], variable: str, taken: Iterable[str]) -> tuple[Code, ...]:
    """Return the code that starts each of these layers, empty where they do not start alike."""
    if len(family) < _FEWEST:
        return ()
    names = dict.fromkeys(start.parameter for layer in family for start in layer.starts)
    made: list[Code] = []
    alike: list[InitialValue] = []
    for name in names:
        starts = [start for layer in family for start in layer.starts if start.parameter == name]
        target = f"{variable}.{name}"
        codes = [_fill(start, Ref(target)) if start.initialiser else [] for start in starts]
        if len({"\n".join(map(_text, code)) for code in codes}) > 1:
            return ()
        guarded = starts[0].may_be_none or len(starts) < len(family)
        made += _guarded(codes[0], target if guarded else None)
        alike += [starts[0]] if starts[0].initialiser else []
    if any(map(names_of, made)) and any(layer.in_block for layer in family):
        return ()
    return (_by_name(alike, variable, taken),) if any(start.is_prefix for start in alike) else tuple(made)
