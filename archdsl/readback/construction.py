"""Constructs the modules of a generated module as its `__init__` methods do."""

import ast
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from archdsl.readback import layers, support_layers
from archdsl.readback.activations import is_in_place, of_module
from archdsl.readback.expressions import Evaluator, Scope
from archdsl.readback.text import Definition, Text, dotted_name
from archdsl.readback.values import Layer, Module, Parameter, Path, Place, Step, Tensor, Unread, WrongModule

_CONTAINERS = ("nn.Sequential", "nn.ModuleDict", "nn.ModuleList")
# Modules without parameters or buffers in the `state_dict` that take a device and a type all the same.
_OPTIONAL_FACTORY = frozenset(("nn.LayerNorm", "nn.RMSNorm", "nn.GroupNorm", "LayerNorm2d", "SinusoidalEncoding")) | {
    f"nn.{kind}{axes}d" for kind in ("BatchNorm", "InstanceNorm") for axes in (1, 2, 3)
}


class _Returned(Exception):
    """A `return` in a method; it carries the value."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class _Made(NamedTuple):
    """A layer that an expression made, with its variables. The node is kept, so that its identity stays its own."""

    node: ast.expr
    scope: Scope
    layer: Module


class Constructor(Evaluator):
    """Evaluates constructors and statements."""

    def __init__(self, text: Text) -> None:
        super().__init__()
        self.text = text
        self.where = Place("the module")
        self._layers: dict[Any, Layer | None] = {}
        self._made: dict[int, _Made] = {}
        self._instances: dict[Any, Module] = {}

    def construct(self, name: str, args: list[Any], named: dict[str, Any], line: int) -> Module:
        """Return the instance that a constructor returns."""
        if name in _CONTAINERS:
            return _container(name, args, line)
        definition = self.definition(name)
        if definition is not None:
            return self._generated(definition, args, named, line)
        device = named.get("device")
        has_factory = "device" in named
        plain = {key: value for key, value in named.items() if key not in ("device", "dtype")}
        try:
            layer = self._layer(name, tuple(args), plain)
        except (TypeError, ValueError, ZeroDivisionError, IndexError) as error:
            raise WrongModule(self.where, f"arguments that {name} takes", str(error)) from None
        if layer is None:
            return Module(name, line, is_known=False, device=device)
        self._check_factory(name, layer, has_factory=has_factory)
        return Module(name, line, layer, device=device)

    def definition(self, name: str) -> Definition | None:
        """Return the definition of a generated class; None for classes of PyTorch and of the support code."""
        found = self.text.classes.get(name)
        is_own = found is not None and name not in support_layers.RULES and name != "PerTower"
        return found if is_own and found is not None and found.base in ("nn.Module", "nn.ModuleList") else None

    def _check_factory(self, name: str, layer: Layer, *, has_factory: bool) -> None:
        holds = bool(layer.parameters or layer.buffers)
        if holds and not has_factory:
            raise WrongModule(self.where, f"device and dtype for {name}", "none")
        if has_factory and not holds and name not in _OPTIONAL_FACTORY:
            raise WrongModule(self.where, f"no device for {name}", "one")

    def _layer(self, name: str, args: tuple[Any, ...], named: Mapping[str, Any]) -> Layer | None:
        key = (name, args, tuple(named.items()))
        try:
            if key in self._layers:
                return self._layers[key]
        except TypeError:
            return _rule(name, args, named)
        made = self._layers[key] = _rule(name, args, named)
        return made

    def _generated(self, definition: Definition, args: list[Any], named: dict[str, Any], line: int) -> Module:
        """Return an instance of a generated class; a copy, if one was made with the same arguments."""
        values = (*args, *named.values())
        key = definition.name, len(args), (*named,), values, (*map(type, values),)
        try:
            known = self._instances.get(key)
        except TypeError:
            return self._constructed(definition, args, named, line)
        if known is not None:
            return _copied(known, line, {})
        made = self._instances[key] = self._constructed(definition, args, named, line)
        return made

    def _constructed(self, definition: Definition, args: list[Any], named: dict[str, Any], line: int) -> Module:
        made = Module(definition.name, line)
        init = definition.methods.get("__init__")
        if init is None:
            raise WrongModule(definition.name, "a constructor", "none")
        before, self.where = self.where, Place(f"{definition.name}.__init__")
        scope = self._bound(init.args, [made, *args], named, definition.name)
        made.given = dict(scope)
        self.run(init.statements(), scope)
        self.where = before
        return made

    def _bound(self, given: ast.arguments, args: list[Any], named: dict[str, Any], name: str) -> Scope:
        """Return the arguments of a call by the names of the parameters."""
        positional = given.args
        if len(args) > len(positional):
            raise WrongModule(self.where, f"at most {len(positional) - 1} arguments of {name}", str(len(args) - 1))
        scope: Scope = {each.arg: value for each, value in zip(positional, args, strict=False)}
        free = {each.arg for each in (*positional[len(args) :], *given.kwonlyargs)}
        for key, value in named.items():
            if key not in free:
                raise WrongModule(self.where, f"a parameter of {name}", f"`{key}`")
            scope[key] = value
        defaults = dict(zip((each.arg for each in positional[::-1]), given.defaults[::-1], strict=False))
        defaults |= {
            each.arg: value
            for each, value in zip(given.kwonlyargs, given.kw_defaults, strict=True)
            if value is not None
        }
        for key in free - named.keys():
            if key not in defaults:
                raise WrongModule(self.where, f"a value for `{key}` of {name}", "none")
            scope[key] = self.value(defaults[key], {})
        return scope

    # statements

    def run(self, body: Iterable[ast.stmt], scope: Scope) -> None:
        """Run statements; `_Returned` ends them."""
        for statement in body:
            self.statement(statement, scope)

    def result(self, body: Iterable[ast.stmt], scope: Scope) -> Any:
        """Run the statements of a function and return its result."""
        try:
            self.run(body, scope)
        except _Returned as returned:
            return returned.value
        return None

    def statement(self, node: ast.stmt, scope: Scope) -> None:
        """Run a statement."""
        match node:
            case ast.Assign() | ast.AnnAssign():
                if node.value is not None:
                    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                    self._assign(target, self._assigned(node.value, scope), scope)
            case ast.AugAssign(target=ast.Name(id=name), op=ast.Add()):
                scope[name] = self.added(self.value(node.target, scope), self.value(node.value, scope))
            case ast.Expr():
                self._expression(node.value, scope)
            case ast.Return():
                raise _Returned(None if node.value is None else self.value(node.value, scope))
            case ast.If():
                self.run(node.body if self.value(node.test, scope) else node.orelse, scope)
            case ast.For():
                self._loop(node, scope)
            case ast.Assert(test=ast.Call(func=ast.Name(id="isinstance"), args=[each, kind])):
                self._require_kind(self.value(each, scope), dotted_name(kind))
            case ast.Raise():
                raise WrongModule(self.where, "values that its constructor accepts", "a refusal")
            case _:
                raise Unread(type(node).__name__)

    def _require_kind(self, module: Any, kind: str) -> None:
        found = module.kind if isinstance(module, Module) else "another value"
        if found != kind:
            raise WrongModule(self.where, kind, found)

    def _assigned(self, node: ast.expr, scope: Scope) -> Any:
        """Return the value of an expression; a layer is a copy of the one that it made from the same variables."""
        known = self._made.get(id(node))
        if known is not None and known.scope is scope:
            return Module(known.layer.kind, node.lineno, known.layer.layer, device=known.layer.device)
        value = self.value(node, scope)
        if isinstance(value, Module) and value.layer is not None and not _reads_self(node):
            self._made[id(node)] = _Made(node, scope, value)
        return value

    def _assign(self, target: ast.expr, value: Any, scope: Scope) -> None:
        if isinstance(target, ast.Name):
            scope[target.id] = value
            self._made.clear()
            return
        if not isinstance(target, ast.Attribute):
            raise Unread("an assignment")
        owner = self.value(target.value, scope)
        if not isinstance(owner, Module):
            raise Unread("an assignment")
        if isinstance(value, Module):
            owner.children[target.attr] = value
        else:
            owner.kept[target.attr] = value

    def _expression(self, node: ast.expr, scope: Scope) -> None:
        if isinstance(node, ast.Constant):
            return
        if self._is_append(node, scope):
            return
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_super(node.func.value):
            self._super(node, scope)
            return
        self.value(node, scope)

    def _is_append(self, node: ast.expr, scope: Scope) -> bool:
        """Append to a list of modules, if the expression does so; return whether it does."""
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "append"):
            return False
        owner = node.func.value
        if not (isinstance(owner, ast.Name) and isinstance(items := scope.get(owner.id), tuple)):
            return False
        scope[owner.id] = (*items, self.value(node.args[0], scope))
        return True

    def _super(self, node: ast.Call, scope: Scope) -> None:
        """Run `super().__init__()` with the submodules of an `nn.ModuleList`."""
        args: list[Any] = []
        for each in node.args:
            args += self.value(each.value, scope) if isinstance(each, ast.Starred) else [self.value(each, scope)]
        made = scope["self"]
        if any(isinstance(each, Module) for each in args):
            raise WrongModule(self.where, "a list of submodules", "submodules")
        made.children.update(_container("nn.ModuleList", args, node.lineno).children)

    def _loop(self, node: ast.For, scope: Scope) -> None:
        """Run a loop over numbers, or read what another visits: its body initialises weights, which has no sizes."""
        found = node.iter
        if isinstance(found, ast.Call) and dotted_name(found.func) == "range":
            for number in self.value(found, scope):
                self._assign(node.target, number, scope)
                self.run(node.body, scope)
            return
        if not (isinstance(found, ast.Call) and isinstance(found.func, ast.Attribute)):
            raise Unread("a loop")
        if found.func.attr not in ("modules", "named_parameters", "parameters"):
            raise Unread("a loop")
        if not isinstance(self.value(found.func.value, scope), Module):
            raise Unread("a loop")

    def member(self, module: Module, name: str) -> Any:
        if name in module.children:
            return module.children[name]
        if name in module.kept:
            return module.kept[name]
        if name in module.anchors:
            return module.anchors[name]
        layer = module.layer
        if layer is not None:
            sizes = dict((*layer.parameters, *layer.buffers)).get(name)
            if sizes is not None:
                return Parameter(sizes, module.device)
            if name in ("weight", "bias"):
                return None
            if any(key.startswith(f"{name}.") for key, _ in layer.parameters):
                rest = tuple((key.removeprefix(f"{name}."), sizes) for key, sizes in layer.parameters)
                return Module("", module.line, Layer((), rest), device=module.device)
        if not module.is_known:
            raise Unread(f"the attribute {name}")
        raise WrongModule(self.where, f"an attribute of {module.kind or 'a layer'}", f"`{name}`")

    def within(self, module: Module, dotted: str) -> Any:
        """Return the part of a module that `get_submodule` or `get_parameter` returns."""
        found: Any = module
        for name in dotted.split("."):
            if not isinstance(found, Module):
                raise WrongModule(self.where, "a path in the module", f"`{dotted}`")
            found = self.member(found, name)
        return found


def _rule(name: str, args: tuple[Any, ...], named: Mapping[str, Any]) -> Layer | None:
    """Return the layer of a class that is not generated; None if it is unknown."""
    activation = of_module(name, args, named)
    if activation is not None:
        return Layer((activation,), in_place=is_in_place(named))
    if name == "PerTower":
        module, towers = args
        return Layer((("to_samples", towers), *(steps_of(module) or ()), ("to_towers", towers)))
    rule = layers.PLAIN.get(name) or support_layers.RULES.get(name)
    if rule is not None:
        return rule(*args, **named)
    if name[-1:] == "d" and name[-2:-1].isdigit() and name[:-2] in layers.BY_AXES:
        return layers.BY_AXES[name[:-2]](int(name[-2]), *args, **named)
    return None


def _container(name: str, args: list[Any], line: int) -> Module:
    made = Module(name, line)
    if len(args) == 1 and not isinstance(args[0], Module):
        given = args[0]
        made.children = dict(given) if isinstance(given, dict) else {str(n): each for n, each in enumerate(given)}
    else:
        made.children = {str(number): each for number, each in enumerate(args)}
    if not all(isinstance(each, Module) for each in made.children.values()):
        raise Unread(f"an item of {name}")
    return made


def _copied(module: Module, line: int, made: dict[int, Module]) -> Module:
    """Return a copy of a module and of all modules in it; `made` has the copies by the identities of the modules."""
    copy = made[id(module)] = Module(
        module.kind, line, module.layer, {}, module.given, module.kept, module.anchors, module.device, (),
        module.is_known,
    )  # fmt: skip
    children = copy.children
    for name, child in module.children.items():
        children[name] = made.get(id(child)) or _copied(child, child.line, made)
    return copy


def _reads_self(node: ast.expr) -> bool:
    return any(isinstance(each, ast.Name) and each.id == "self" for each in ast.walk(node))


def _is_super(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and dotted_name(node.func) == "super"


def steps_of(module: Module) -> tuple[Step, ...] | None:
    """Return what a module without `forward` computes, one after the other; None if a part is unknown."""
    if module.layer is not None:
        return module.layer.steps
    if module.kind != "nn.Sequential":
        return None
    parts = [steps_of(each) for each in module.children.values()]
    return None if any(each is None for each in parts) else tuple(step for each in parts for step in each or ())


def with_paths(module: Module, path: Path = ()) -> None:
    """Set the path of a module and of all modules in it."""
    module.path = path
    for name, child in module.children.items():
        with_paths(child, (*path, name))


def require_tensors(values: list[Any], where: Place | str) -> list[Tensor]:
    """Return values that must be tensors.

    Raises:
        WrongModule: One is not.
    """
    for each in values:
        if not isinstance(each, Tensor):
            raise WrongModule(where, "a tensor", repr(each))
    return values
