"""Runs `forward` of a generated module on values without numbers."""

import ast
from typing import Any, NamedTuple

from archdsl.ir.graph import Path
from archdsl.readback.activations import is_in_place
from archdsl.readback.construction import Constructor, require_tensors, steps_of
from archdsl.readback.expressions import Partial, Scope
from archdsl.readback.flow import Flow
from archdsl.readback.functions import method_of, step_of
from archdsl.readback.memory import Memory
from archdsl.readback.text import Text
from archdsl.readback.values import Gathered, Module, Parameter, Place, Step, Tensor, Training, Unread, WrongModule

_FILLS = ("torch.empty", "torch.zeros", "torch.ones")


class _Application(NamedTuple):
    """A statement that applies a submodule to variables: `x = self.conv(x)`.

    The names are in nodes, because statements of one form share their tree.
    """

    target: ast.Name
    member: ast.Attribute
    arguments: tuple[str, ...]

    @staticmethod
    def of(node: ast.stmt) -> "_Application | None":
        """Return the application in a statement; None if it has another form."""
        match node:
            case (
                ast.Assign(
                    targets=[ast.Name() as target],
                    value=ast.Call(ast.Attribute(ast.Name("self")) as member, args, []),
                )
                | ast.AnnAssign(
                    target=ast.Name() as target,
                    value=ast.Call(ast.Attribute(ast.Name("self")) as member, args, []),
                )
            ):
                names = tuple(each.id for each in args if isinstance(each, ast.Name))
                return _Application(target, member, names) if len(names) == len(args) else None
            case _:
                return None


def _application(node: ast.stmt) -> _Application | None:
    """Return the application in a statement, which the node keeps: statements run many times."""
    kept = vars(node)
    if "application" not in kept:
        kept["application"] = _Application.of(node)
    found: _Application | None = kept["application"]
    return found


class Reader(Constructor):
    """Reads a module: its construction, then its `forward`.

    Attributes:
        flow: The values of the graph; set before `forward` runs.
        leaves: The paths of the modules that are steps of the graph.
        unchecked: What could not be compared, in words.
    """

    def __init__(self, text: Text, processes: int = 0) -> None:
        super().__init__(text)
        self.flow: Flow | None = None
        self.leaves: frozenset[Path] = frozenset()
        self.training = Training()
        self.unchecked: list[str] = []
        self._processes = processes
        self._memory = Memory()
        # The steps are kept, so that their identity stays their own.
        self._known_kinds: dict[int, tuple[tuple[str, ...], tuple[Step, ...] | None]] = {}

    def applied(self, module: Module, args: list[Any]) -> Any:
        # Classes of the module may take None for a tensor.
        inputs = require_tensors([each for each in args if each is not None], self.where)
        assert self.flow is not None
        self._memory.require(inputs, self.where)
        if module.kind == "nn.Identity":
            return self.flow.passed(module.path, inputs[0])
        if module.path in self.leaves:
            layer = module.layer
            steps = steps_of(module)
            made = self.flow.called(module.path, steps, inputs, self.where)
            if layer is not None and layer.in_place:
                return self._memory.overwritten(made, inputs[0])
            return self._memory.result(made, self._kinds(steps), inputs)
        definition = self.definition(module.kind)
        method = definition.methods.get("forward") if definition else None
        if method is not None:
            assert definition is not None
            before = self.where
            scope = self._bound(method.args, [module, *args], {}, definition.name)
            self.where = Place(f"{definition.name}.forward")
            found = self.result(method.statements(), scope)
            self.where = before
            return found
        if module.kind != "nn.Sequential":
            raise WrongModule(self.where, "a module that can be called", module.kind)
        value: Any = inputs[0]
        for child in module.children.values():
            value = self.applied(child, [value])
        return value

    def _kinds(self, steps: tuple[Step, ...] | None) -> tuple[str, ...]:
        """Return the kinds of the steps of a module; equal layers share their steps."""
        known = self._known_kinds.get(id(steps))
        if known is None:
            kinds = tuple(step[0] for step in steps or (("unknown",),))
            known = self._known_kinds[id(steps)] = kinds, steps
        return known[0]

    def statement(self, node: ast.stmt, scope: Scope) -> None:
        flow = self.flow
        if flow is None:
            super().statement(node, scope)
            return
        self.where.line = node.lineno
        try:
            if not self._applies(node, scope):
                super().statement(node, scope)
        except (WrongModule, Unread) as error:
            if not self._bind_unknown(flow, node, scope):
                raise error

    def _applies(self, node: ast.stmt, scope: Scope) -> bool:
        """Run a statement if it only applies a submodule to variables, and return whether it does."""
        application = _application(node)
        if application is None:
            return False
        module = scope["self"].children.get(application.member.attr)
        try:
            args = [scope[name] for name in application.arguments]
        except KeyError:
            return False
        if module is None:
            return False
        scope[application.target.id] = self.applied(module, args)
        return True

    def _bind_unknown(self, flow: Flow, node: ast.stmt, scope: Scope) -> bool:
        """Give the variable of a statement the value of an unknown operator that reads the same tensors, if any."""
        if not flow.unknown or not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            return False
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        names = [each.id for each in ast.walk(node.value) if isinstance(each, ast.Name)]
        read = tuple(scope[name].number for name in names if isinstance(scope.get(name), Tensor))
        found = flow.unknown.get(read)
        if found is None or not isinstance(target, ast.Name):
            return False
        self.unchecked.append(f"the operator {found[1].op.name}")
        scope[target.id] = flow.unchecked(found[0])
        return True

    def function(self, name: str, args: list[Any], named: dict[str, Any], node: ast.Call) -> Any:
        if name == "partial":
            return Partial(args[0], tuple(args[1:]), named)
        if name == "OrderedDict":
            return dict(*args, **named)
        if name == "factories":
            return {each: {"device": each, "dtype": None} for each in args[1]}
        if name in _FILLS:
            return Parameter(tuple(each for each in args if isinstance(each, int)), named.get("device"))
        if name.startswith("nn.init.") or name == "start_parts":
            return self._initialise(name, args)
        if name == "isinstance":
            raise Unread("isinstance")
        definition = self.text.classes.get(name)
        if definition is not None and definition.base == "NamedTuple":
            if len(args) != len(definition.fields):
                raise WrongModule(self.where, f"{len(definition.fields)} outputs of {name}", str(len(args)))
            return tuple(args)
        if self.flow is None or (definition is not None and not args):
            return self.construct(name, args, named, node.lineno)
        return self._computed(name, args, named)

    def _initialise(self, name: str, args: list[Any]) -> None:
        target = args[1] if name == "start_parts" else args[0]
        if not isinstance(target, Parameter):
            raise WrongModule(self.where, "a parameter to initialise", repr(target))

    def _computed(self, name: str, args: list[Any], named: dict[str, Any]) -> Any:
        if name == "move":
            return self._apply(("move", _device_of(args[1])), [args[0]])
        if name == "gathered":
            return Gathered(require_tensors(args[:1], self.where)[0])
        if name in ("torch.cat", "torch.stack"):
            return self._joined_tensors(name, args[0], args[1] if len(args) > 1 else named.get("dim", 0))
        if not args:
            raise Unread(name)
        (x,), rest = require_tensors(args[:1], self.where), tuple(args[1:])
        try:
            step = step_of(name, rest, named)
        except (TypeError, ValueError) as error:
            raise WrongModule(self.where, f"arguments that {name} takes", str(error)) from None
        if step is None:
            raise Unread(name)
        made = self._apply(step, [x])
        return self._memory.overwritten(made, x) if is_in_place(named) else made

    def _joined_tensors(self, name: str, parts: Any, axis: int) -> Any:
        if isinstance(parts, Gathered):
            if name == "torch.stack":
                return Gathered(parts.part, is_stacked=True)
            return self._apply(("exchange", "cat", axis, self._processes), [parts.part])
        inputs = require_tensors(list(parts), self.where)
        return self._apply((name.removeprefix("torch."), axis), inputs)

    def method(self, owner: Any, name: str, args: list[Any], named: dict[str, Any], node: ast.Call) -> Any:
        if isinstance(owner, Module):
            return self._method_of_module(owner, name, args, named)
        if isinstance(owner, Gathered) and owner.is_stacked and name == "sum" and args == [0]:
            return self._apply(("exchange", "sum", 0, self._processes), [owner.part])
        if not isinstance(owner, Tensor):
            raise WrongModule(self.where, f"a tensor with `{name}`", repr(owner))
        if name == "contiguous":
            return owner
        try:
            step = method_of(name, owner, tuple(args)) if not named else None
        except (TypeError, ValueError, IndexError) as error:
            raise WrongModule(self.where, f"arguments that {name} takes", str(error)) from None
        if step is None:
            raise Unread(f"the method {name}")
        return self._apply(step, [owner])

    def _method_of_module(self, owner: Module, name: str, args: list[Any], named: dict[str, Any]) -> Any:
        if name == "register_buffer":
            owner.anchors[args[0]] = args[1]
            if named.get("persistent", True):
                raise WrongModule(self.where, "a buffer that is not in the state_dict", f"`{args[0]}`")
            return None
        if name in ("get_submodule", "get_parameter"):
            return self.within(owner, args[0])
        raise WrongModule(self.where, f"a submodule or method of {owner.kind}", f"`{name}`")

    def merged(self, symbol: type[ast.operator], operands: list[Any]) -> Any:
        kinds = {ast.Add: "add", ast.Mult: "mul"}
        tensors = [each for each in operands if isinstance(each, Tensor)]
        if symbol is ast.Mult and len(operands) == 2 and len(tensors) == 1 and isinstance(operands[1], int | float):
            return self._apply(("times", operands[1]), tensors)
        if symbol not in kinds or len(tensors) < len(operands):
            raise WrongModule(self.where, "a sum or product of tensors", f"{symbol.__name__} with a number")
        return self._apply((kinds[symbol],), tensors)

    def added(self, target: Any, value: Any) -> Any:
        x, y = require_tensors([target, value], self.where)
        return self._memory.overwritten(self._apply(("add",), [x, y]), x)

    def member(self, module: Module, name: str) -> Any:
        if name == "training" and name not in module.children:
            return self.training
        return super().member(module, name)

    def _apply(self, step: Step, inputs: list[Tensor]) -> Tensor:
        assert self.flow is not None
        given = require_tensors(inputs, self.where)
        self._memory.require(given, self.where)
        return self._memory.result(self.flow.computed(step, given, self.where), step[:1], given)

    def start(self) -> list[Tensor]:
        """Return the arguments of the model's `forward`, each in memory of its own."""
        assert self.flow is not None
        return [self._memory.new(each) for each in self.flow.start()]


def _device_of(target: Any) -> str | None:
    """Return the device of a parameter or of the first parameter of a module."""
    if isinstance(target, Parameter):
        return target.device
    if not isinstance(target, Module):
        return None
    if target.layer is not None and target.layer.parameters:
        return target.device
    return next((found for found in map(_device_of, target.children.values()) if found is not None), None)
