"""Checked graph to module plan: every line and every name is decided here, and templates only lay them out."""

import re
from dataclasses import dataclass
from textwrap import wrap
from typing import cast

from archdsl.emit.settle import Settled
from archdsl.ir import CheckedGraph, Container, Kind, Node, Parameter, Path
from archdsl.ops.base import INPUT, Emission, Stateless, Submodule
from archdsl.ops.kinds import shown
from archdsl.pyexpr import WIDTH, Call, Expr, Infix, Method, Ref, Sequence, call, flat, lines
from archdsl.resources import resource
from archdsl.shape import Shape

_BODY = 8


@dataclass(frozen=True, slots=True)
class ModulePlan:
    """What the template of a module lays out: its variables are these fields."""

    title: str
    facts: str
    imports: tuple[str, ...]
    exported: str
    support: tuple[str, ...]
    name: str
    doc: tuple[str, ...]
    init: tuple[str, ...]
    forward: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a module, and which step of the graph each statement of its `forward` computes."""

    module: ModulePlan
    statements: tuple[Path, ...]


def plan(graph: CheckedGraph) -> Plan:
    """Return the plan of the module that computes a graph."""
    return _Planner(graph).plan()


class _Planner:
    """Plans one model: a class whose children are operators, or `nn.Sequential`s for containers."""

    def __init__(self, graph: CheckedGraph) -> None:
        self.graph = graph
        self.settled = Settled(graph)
        self.nodes = {node.path: node for node in graph.nodes}

    def plan(self) -> Plan:
        graph = self.graph
        statements = self._statements()
        init, forward = self._init(), self._forward(statements)
        support = self._support([*init, *forward])
        code = "\n".join([*init, *forward, *support])
        exported = [graph.name, *(_defined(source) for source in support)]
        module = ModulePlan(
            title=_escaped(f"{graph.name}, made by archdsl from {_basename(graph.graph.source.name)}."),
            facts=f"{graph.params:,} parameters, {graph.macs:,} multiply-accumulates per sample.",
            imports=tuple(_imports(code)),
            exported=", ".join(f'"{name}"' for name in exported),
            support=tuple(support),
            name=graph.name,
            doc=tuple(self._doc()),
            init=tuple(init),
            forward=tuple(forward),
        )
        return Plan(module, tuple(path for path, _, _ in statements))

    # the constructor

    def _init(self) -> list[str]:
        children = [child for child in self.graph.root.children if self._is_child(child)]
        body = [line for child in children for line in self._assignment(child)]
        if any("**factory" in line for line in body):
            body.insert(0, f'{" " * _BODY}factory: dict[str, Any] = {{"device": device, "dtype": dtype}}')
        params = [_parameter(parameter) for parameter in self.settled.open]
        signature = [
            "    def __init__(",
            "        self,",
            *(f"        {param}," for param in params),
            "        *,",
            "        device: torch.device | str | None = None,",
            "        dtype: torch.dtype | None = None,",
            "    ) -> None:",
        ]
        kept = [f"{' ' * _BODY}self.{name} = {name}" for name in self.settled.kept]
        return [*signature, f"{' ' * _BODY}super().__init__()", *kept, *body]

    def _is_child(self, child: Node | Container) -> bool:
        return isinstance(child, Container) or isinstance(_emission(child), Submodule)

    def _assignment(self, child: Node | Container) -> list[str]:
        made = self._container(child) if isinstance(child, Container) else self._module(child)
        return lines(self.settled.expression(made), prefix=f"self.{child.path[-1]} = ", indent=_BODY)

    def _container(self, container: Container) -> Expr:
        modules = [self._container(c) if isinstance(c, Container) else self._module(c) for c in container.children]
        if container.kind is Kind.NUMBERED:
            return Call("nn.Sequential", tuple(modules))
        pairs = tuple(
            Sequence((child.path[-1], module), "(") for child, module in zip(container.children, modules, strict=True)
        )
        return call("nn.Sequential", call("OrderedDict", Sequence(pairs, "[", exploded=True)))

    def _module(self, node: Node) -> Call:
        emission = _emission(node)
        match emission:
            case Submodule():
                made = emission.call
                return Call(made.function, made.args, made.named, ("factory",))
            case Stateless():
                in_place = emission.in_place and self._may_overwrite(node)
                return emission.module.with_named(inplace=True) if in_place else emission.module

    def _may_overwrite(self, node: Node) -> bool:
        """Whether what comes in is a result that autograd does not need again."""
        source = self.nodes.get(node.sources[0])
        return source is not None and not source.op.keeps_output

    # the forward pass

    def _statements(self) -> list[tuple[Path, Expr, Shape]]:
        """Return for each statement the step that it computes, its expression and the shape that comes out."""
        made: list[tuple[Path, Expr, Shape]] = []
        stream: Expr = Ref(self.graph.inputs[0].name)
        for child in self.graph.root.children:
            if isinstance(child, Container):
                expr: Expr = Call(f"self.{child.path[-1]}", (stream,))
                shape = list(child.nodes())[-1].shape
            else:
                expr, shape = self._applied(child, stream), child.shape
            if expr != stream:
                made.append((child.path, self.settled.in_forward(expr), shape))
                stream = Ref("x")
        return made

    def _applied(self, node: Node, stream: Expr) -> Expr:
        emission = _emission(node)
        match emission:
            case Submodule():
                return Call(f"self.{node.path[-1]}", (stream,))
            case Stateless():
                function = emission.function
                if emission.in_place and self._may_overwrite(node):
                    function = cast(Call, function).with_named(inplace=True)
                return _filled(function, stream)

    def _forward(self, statements: list[tuple[Path, Expr, Shape]]) -> list[str]:
        given = self.graph.inputs[0]
        made = [f"    def forward(self, {given.name}: Tensor) -> Tensor:"]
        before = given.shape
        for number, (_, expr, shape) in enumerate(statements):
            prefix = "x: Tensor = " if number == 0 and given.name != "x" else "x = "
            comment = f"  # {_sizes(self.settled, shape)}" if shape != before else ""
            written = lines(expr, prefix=prefix, indent=_BODY)
            if len(written[-1] + comment) <= WIDTH:
                written[-1] += comment
            made += written
            before = shape
        return [*made, f"{' ' * _BODY}return {'x' if statements else given.name}"]

    def _support(self, code: list[str]) -> list[str]:
        """Return the definitions that the code calls and torch lacks."""
        text = "\n".join(code)
        names = dict.fromkeys(name for node in self.graph.nodes for name in node.op.support)
        sources = {name: definition(name) for name in names}
        needed = {name for name in sources if re.search(rf"\b{name}\(", text)}
        for name in tuple(needed):
            needed |= {other for other in sources if re.search(rf"\b{other}\(", sources[name])}
        return [source for name, source in sources.items() if name in needed]

    # the documentation

    def _doc(self) -> list[str]:
        graph, given = self.graph, self.graph.inputs[0]
        about = " ".join(graph.graph.doc) or f"The architecture {graph.name}."
        source = f"{_basename(graph.graph.source.name)}, line {graph.graph.span.line}"
        parts = [_wrapped(about, first=True), [f"Source: {source}."]]
        if self.settled.fixed:
            fixed = ", ".join(f"{p.name} = {shown(p.value)}" for p in self.settled.fixed)
            parts.append(_wrapped(f"Built for {fixed}."))
        parts.append(
            [
                "Shapes:",
                f"    {given.name}: {self._batched(given.shape)}",
                f"    returns: {self._batched(graph.output.shape)}",
            ]
        )
        text = "\n\n".join("\n".join(part) for part in parts)
        first, *rest = _escaped(text).split("\n")
        return [first, *(f"    {line}" if line else "" for line in rest)]

    def _batched(self, shape: Shape) -> str:
        sizes = [flat(self.settled.expression(dim)) for dim in shape.dims]
        return f"({', '.join(['N', *sizes])})"


def _emission(node: Node) -> Emission:
    return node.op.torch(node.input)


def _filled(expr: Expr, stream: Expr) -> Expr:
    """Return the expression of a function with the stream in place of INPUT."""
    match expr:
        case Ref():
            return stream if expr == INPUT else expr
        case Call():
            named = tuple((name, _filled(value, stream)) for name, value in expr.named)
            return Call(expr.function, tuple(_filled(arg, stream) for arg in expr.args), named)
        case Method():
            return Method(_filled(expr.owner, stream), expr.name, tuple(_filled(arg, stream) for arg in expr.args))
        case Infix():
            return Infix(_filled(expr.left, stream), expr.symbol, _filled(expr.right, stream))
        case _:
            return expr


def _parameter(parameter: Parameter) -> str:
    kind = "int" if isinstance(parameter.value, int) else "float"
    assert isinstance(parameter.value, int | float)
    value = int(parameter.value) if kind == "int" else float(parameter.value)
    return f"{parameter.name}: {kind} = {value!r}"


def _sizes(settled: Settled, shape: Shape) -> str:
    """Return a shape for a comment: `6x28x28`, or `2 * width x 8 x 8` where parameters stand in it."""
    sizes = [flat(settled.expression(dim)) for dim in shape.dims]
    if all(map(str.isdigit, sizes)):
        return "x".join(sizes)
    return " x ".join(f"({size})" if " + " in size or " - " in size else size for size in sizes)


def definition(name: str) -> str:
    """Return the source of a support definition, without its imports."""
    text = resource("templates", f"support/{name}.py").read_text(encoding="utf-8")
    start = re.search(r"^(class|def) ", text, re.MULTILINE)
    assert start, name
    return text[start.start() :].strip()


def _defined(source: str) -> str:
    found = re.match(r"(?:class|def) (\w+)", source)
    assert found
    return found.group(1)


def _imports(code: str) -> list[str]:
    standard = []
    if re.search(r"\bOrderedDict\(", code):
        standard.append("from collections import OrderedDict")
    if "Sequence[" in code:
        standard.append("from collections.abc import Sequence")
    if re.search(r"\bAny\b", code):
        standard.append("from typing import Any")
    found = [*standard, ""] if standard else []
    found.append("import torch")
    if re.search(r"\bF\.", code):
        found.append("import torch.nn.functional as F")
    return [*found, "from torch import Tensor, nn"]


def _wrapped(text: str, *, first: bool = False) -> list[str]:
    offset = 3 if first else 0
    found = wrap(" " * offset + text, WIDTH - 4, break_long_words=False, drop_whitespace=True) or [text]
    found[0] = found[0].strip()
    return found


def _escaped(text: str) -> str:
    """Return text that can stand in a docstring: whatever the author wrote, it stays inside."""
    visible = "".join(char if char.isprintable() or char == "\n" else " " for char in text)
    return visible.replace("\\", "\\\\").replace('"', '\\"') if '"""' in visible else visible.replace("\\", "\\\\")


def _basename(name: str) -> str:
    return re.split(r"[/\\]", name)[-1]
