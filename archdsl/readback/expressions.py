"""Evaluates the Python expressions that generated code contains, with tensors and modules as the reader has them."""

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from archdsl.base.functions import IN_PYTHON, NUMERIC
from archdsl.readback.text import dotted_name
from archdsl.readback.values import Module, Parameter, Place, Tensor, Unread, WrongModule

Scope: TypeAlias = dict[str, Any]

# Names of modules that generated code imports; what they hold is known by its dotted name.
_LIBRARIES = frozenset(("nn", "F", "torch", "dist", "math"))
_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "range": range,
    "len": len,
    "float": float,
    **{IN_PYTHON.get(name, name): function for name, function in NUMERIC.items()},
}


@dataclass(frozen=True, slots=True)
class Partial:
    """A class with some of the arguments of its constructor: `functools.partial`."""

    name: str
    args: tuple[Any, ...]
    named: dict[str, Any]


class Evaluator:
    """Evaluates expressions. What functions, methods and merges compute is left to subclasses.

    Attributes:
        where: The place of the statement in work, for messages.
    """

    where: Place

    def __init__(self) -> None:
        self._rules: dict[type[ast.expr], Callable[[Any, Scope], Any]] = {
            ast.Constant: lambda node, scope: node.value,
            ast.Name: self._name,
            ast.Attribute: self._attribute,
            ast.Subscript: self._subscript,
            ast.Call: self._call,
            ast.BinOp: self._binary,
            ast.UnaryOp: self._unary,
            ast.BoolOp: self._logic,
            ast.Compare: self._compare,
            ast.IfExp: self._conditional,
            ast.Tuple: self._items,
            ast.List: self._items,
            ast.Dict: self._mapping,
            ast.GeneratorExp: self._comprehension,
            ast.ListComp: self._comprehension,
            ast.JoinedStr: self._joined,
        }

    def value(self, node: ast.expr, scope: Scope) -> Any:
        """Return the value of an expression."""
        rule = self._rules.get(type(node))
        if rule is None:
            raise Unread(type(node).__name__)
        try:
            return rule(node, scope)
        except (TypeError, ValueError, ArithmeticError) as error:
            raise WrongModule(self.where, "an expression that Python can evaluate", str(error)) from None

    def function(self, name: str, args: list[Any], named: dict[str, Any], node: ast.Call) -> Any:
        """Return the result of a function or constructor with a name."""
        raise NotImplementedError

    def method(self, owner: Any, name: str, args: list[Any], named: dict[str, Any], node: ast.Call) -> Any:
        """Return the result of a method."""
        raise NotImplementedError

    def applied(self, module: Module, args: list[Any]) -> Any:
        """Return the result of calling a module."""
        raise NotImplementedError

    def merged(self, symbol: type[ast.operator], operands: list[Any]) -> Any:
        """Return the result of operators between operands, one of which is a tensor."""
        raise NotImplementedError

    def added(self, target: Any, value: Any) -> Any:
        """Return the result of `target += value`."""
        raise NotImplementedError

    def member(self, module: Module, name: str) -> Any:
        """Return an attribute of a module."""
        raise NotImplementedError

    def library_name(self, node: ast.expr) -> str:
        """Return the dotted name of something in a library, such as `nn.Conv2d`; empty for other expressions."""
        # The name is kept in the node: a submodule that is constructed many times reads it many times.
        found: str | None = node.__dict__.get("library_name")
        if found is None:
            name = dotted_name(node) if isinstance(node, ast.Attribute) else ""
            found = node.__dict__["library_name"] = name if name.partition(".")[0] in _LIBRARIES else ""
        return found

    def _name(self, node: ast.Name, scope: Scope) -> Any:
        try:
            return scope[node.id]
        except KeyError:
            raise WrongModule(self.where, "a variable that has a value", f"`{node.id}`") from None

    def _attribute(self, node: ast.Attribute, scope: Scope) -> Any:
        name = self.library_name(node)
        if name:
            return name
        owner = self.value(node.value, scope)
        if not isinstance(owner, Module):
            raise Unread(f"the attribute {node.attr}")
        return self.member(owner, node.attr)

    def _subscript(self, node: ast.Subscript, scope: Scope) -> Any:
        owner, key = self.value(node.value, scope), self.value(node.slice, scope)
        if isinstance(owner, Parameter):
            return owner
        try:
            if isinstance(owner, Module):
                return list(owner.children.values())[key] if isinstance(key, int) else owner.children[key]
            return owner[key]
        except (LookupError, TypeError):
            raise WrongModule(self.where, "an item that is there", f"[{key!r}]") from None

    def _call(self, node: ast.Call, scope: Scope) -> Any:
        args: list[Any] = []
        for each in node.args:
            if isinstance(each, ast.Starred):
                args += self.value(each.value, scope)
            else:
                args.append(self.value(each, scope))
        named: dict[str, Any] = {}
        for keyword in node.keywords:
            value = self.value(keyword.value, scope)
            named.update(value if keyword.arg is None else {keyword.arg: value})
        function = node.func
        if isinstance(function, ast.Name) and function.id not in scope:
            if function.id in _FUNCTIONS:
                return _FUNCTIONS[function.id](*args)
            return self.function(function.id, args, named, node)
        if isinstance(function, ast.Attribute):
            name = self.library_name(function)
            if name in _FUNCTIONS:
                return _FUNCTIONS[name](*args)
            if name:
                return self.function(name, args, named, node)
            owner = self.value(function.value, scope)
            if not (isinstance(owner, Module) and function.attr in owner.children):
                return self.method(owner, function.attr, args, named, node)
        return self._called(self.value(function, scope), args, named, node)

    def _called(self, found: Any, args: list[Any], named: dict[str, Any], node: ast.Call) -> Any:
        """Return the result of calling a module, or a class that a variable holds."""
        if isinstance(found, Partial):
            return self.function(found.name, [*found.args, *args], found.named | named, node)
        if isinstance(found, str):
            return self.function(found, args, named, node)
        if not isinstance(found, Module) or named:
            raise Unread("a call of something that is no module")
        return self.applied(found, args)

    def _binary(self, node: ast.BinOp, scope: Scope) -> Any:
        symbol, operands = type(node.op), [self.value(node.right, scope)]
        left: ast.expr = node.left
        # `a + b + c` is one sum. Numbers are computed pair by pair.
        while symbol in (ast.Add, ast.Mult) and isinstance(left, ast.BinOp) and isinstance(left.op, symbol):
            operands.append(self.value(left.right, scope))
            left = left.left
        operands.append(self.value(left, scope))
        operands.reverse()
        if any(isinstance(each, Tensor) for each in operands):
            return self.merged(symbol, operands)
        if symbol not in _BINARY:
            raise Unread(symbol.__name__)
        result, *rest = operands
        for each in rest:
            result = _BINARY[symbol](result, each)
        return result

    def _unary(self, node: ast.UnaryOp, scope: Scope) -> Any:
        value = self.value(node.operand, scope)
        if isinstance(node.op, ast.Not):
            return not value
        if isinstance(node.op, ast.USub):
            return -value
        if isinstance(node.op, ast.UAdd):
            return +value
        raise Unread(type(node.op).__name__)

    def _logic(self, node: ast.BoolOp, scope: Scope) -> Any:
        result: Any = None
        for each in node.values:
            result = self.value(each, scope)
            if bool(result) is isinstance(node.op, ast.Or):
                break
        return result

    def _compare(self, node: ast.Compare, scope: Scope) -> bool:
        left = self.value(node.left, scope)
        for symbol, each in zip(node.ops, node.comparators, strict=True):
            right = self.value(each, scope)
            if not _COMPARISONS[type(symbol)](left, right):
                return False
            left = right
        return True

    def _conditional(self, node: ast.IfExp, scope: Scope) -> Any:
        return self.value(node.body if self.value(node.test, scope) else node.orelse, scope)

    def _items(self, node: ast.Tuple | ast.List, scope: Scope) -> tuple[Any, ...]:
        found: list[Any] = []
        for each in node.elts:
            if isinstance(each, ast.Starred):
                found += self.value(each.value, scope)
            else:
                found.append(self.value(each, scope))
        return tuple(found)

    def _mapping(self, node: ast.Dict, scope: Scope) -> dict[Any, Any]:
        pairs = zip(node.keys, node.values, strict=True)
        return {self.value(key, scope): self.value(value, scope) for key, value in pairs if key is not None}

    def _comprehension(self, node: ast.GeneratorExp | ast.ListComp, scope: Scope) -> list[Any]:
        loop = node.generators[0]
        if len(node.generators) > 1 or loop.ifs or not isinstance(loop.target, ast.Name):
            raise Unread("a comprehension")
        inner = dict(scope)
        found: list[Any] = []
        for each in self.value(loop.iter, scope):
            inner[loop.target.id] = each
            found.append(self.value(node.elt, inner))
        return found

    def _joined(self, node: ast.JoinedStr, scope: Scope) -> str:
        parts = (each.value if isinstance(each, ast.FormattedValue) else each for each in node.values)
        return "".join(str(self.value(part, scope)) for part in parts)
