"""Translates a statement of Python into a chain: `x = F.relu(conv(x))` and `self.fc = nn.Linear(512, 10)`."""

import ast
import re
import warnings
from collections.abc import Sequence

from archdsl.foreign.rewrite import Argument, as_layers_of, plain_value, rewritten
from archdsl.foreign.table import Form, find_layers, merges, operators

_LONGEST = 600
_MODULES = frozenset({"nn", "F", "torch", "tf", "keras", "layers", "jax", "jnp", "flax", "linen", "lax", "K", "np"})
# Names that hold the stream in programs, rather than a result to keep.
_STREAM = frozenset(
    {"x", "out", "output", "y", "h", "z", "net", "inputs", "hidden", "feat", "features", "input", "logits"}
)
# Tensors of these have the channels last; the axes of PyTorch's functions begin with the batch and the channels.
_CHANNELS_LAST = frozenset({"tf", "keras", "layers", "jax", "jnp", "flax", "linen", "lax", "K"})
_AXES = re.compile(r"[\[(]?(-?\d+(?:, ?-?\d+)*),?[\])]?").fullmatch
# Without the sizes of the tensor, their meaning is unknown.
_OF_BATCHES = frozenset(["view", "reshape", "permute", "mean", "sum", "size", "transpose", "squeeze", "unsqueeze"])
_WITHOUT_EFFECT = frozenset(["contiguous", "clone", "detach", "cuda", "cpu", "to"])
_SWITCHES = frozenset({"training", "inplace", "name", "is_training", "train"})
_BATCH = re.compile(r"-1|.*(?:size|shape|batch|bs|len)\b.*|[BbNn]").fullmatch
_ARROW = re.compile(r"\s*->\s*")
_LABEL = re.compile(r"[A-Za-z_]\w*:\s*").match
_IS_CALL = re.compile(r"[\w.]+\(.*\)", re.DOTALL).fullmatch
_NUMBER = re.compile(r"-?\d+").fullmatch


class _Unknown(Exception):
    """The statement has no counterpart."""


def translated(text: str) -> str | None:
    """Return a statement of Python as archdsl writes it; "" if it has to go, None if there is no such text."""
    if len(text) > _LONGEST:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(text.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if len(body) != 1:
        return None
    try:
        made = _Statement(text.strip()).translated(body[0])
    except (_Unknown, RecursionError):
        return None
    return made if made.isprintable() else None


def translated_chain(text: str) -> str | None:
    """Return a chain of archdsl whose steps are written in Python as archdsl writes it, or None.

    `c1: nn.Conv2d(3, 64, 3) -> nn.ReLU()` becomes `c1: conv(64, 3) -> relu`.
    """
    parts = []
    found = False
    for part in _ARROW.split(text):
        label = _LABEL(part.strip())
        step = part.strip()[label.end() :] if label else part.strip()
        made = translated(step) if _IS_CALL(step) else step
        if not made:
            return None
        found = found or made != step
        # A reference takes no label: it comes before the step that has it.
        source, arrow, rest = made.partition(" -> ") if label and made.startswith("@") else ("", "", made)
        parts.append(source + arrow + (label.group() if label else "") + rest)
    return " -> ".join(parts) if found else None


class _Statement:
    """A statement of Python; `text` is its source, `stream` the names that hold the stream."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.stream = set(_STREAM)

    def translated(self, statement: ast.stmt) -> str:
        """Return the statement as archdsl writes it. Raises `_Unknown` if it has no counterpart."""
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target, is_own = _target(statement.targets[0])
            return self.assignment(target, statement.value, keeps=is_own or target not in _STREAM)
        if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Add | ast.Mult):
            return f"{_merge_of(statement.op)} {{ identity; {self.branch(statement.value)} }}"
        if isinstance(statement, ast.Return) and statement.value is not None:
            return " -> ".join(self.steps(statement.value))
        if isinstance(statement, ast.Expr):
            return " -> ".join(self.steps(statement.value))
        raise _Unknown

    def assignment(self, target: str, value: ast.expr, *, keeps: bool) -> str:
        """Return an assignment: a labelled step if it keeps a result or a layer, else a chain."""
        if isinstance(value, ast.Call) and _last(value.func) == "Sequential":
            return f"{target}: [{' -> '.join(self.layer(value))}]"
        if isinstance(value, ast.Call) and _last(value.func) in ("Input", "InputLayer"):
            return self.input(target, value)
        if not keeps:
            return " -> ".join(self.steps(value))
        steps = self.steps(value)
        if not steps or steps[-1].startswith("@"):
            raise _Unknown
        at = 0 if _is_layer(value) else len(steps) - 1
        steps[at] = f"{target}: {steps[at]}"
        return " -> ".join(steps)

    def input(self, target: str, call: ast.Call) -> str:
        """Return the input that `keras.Input(shape = (224, 224, 3))` declares, with the channels first."""
        given = next((each.value for each in call.keywords if each.arg in ("shape", "input_shape")), None)
        given = given or (call.args[0] if call.args else None)
        try:
            sizes = ast.literal_eval(given) if given is not None else ()
        except ValueError:
            raise _Unknown from None
        if not sizes or not isinstance(sizes, tuple) or not all(isinstance(size, int) and size > 0 for size in sizes):
            raise _Unknown
        if len(sizes) == 3 and sizes[2] < sizes[0]:
            sizes = (sizes[2], *sizes[:2])
        return f"input {'image' if target in _STREAM else target}: {'x'.join(map(str, sizes))}"

    def steps(self, node: ast.expr) -> list[str]:
        """Return the steps that compute an expression from the stream."""
        if isinstance(node, ast.Name):
            return [] if node.id in self.stream else [f"@{node.id}"]
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mult):
            return [self.merged(_merge_of(node.op), [node.left, node.right])]
        if not isinstance(node, ast.Call):
            raise _Unknown
        if isinstance(node.func, ast.Call):
            return self.applied(node.func, node.args)
        if _is_layer(node):
            return self.layer(node)
        return self.function(node)

    def applied(self, layer: ast.Call, args: Sequence[ast.expr]) -> list[str]:
        """Return the steps of `Layer(…)(x)`."""
        if len(args) != 1:
            raise _Unknown
        merge = _merge(_last(layer.func))
        if merge and isinstance(args[0], ast.List | ast.Tuple):
            return [self.merged(merge, args[0].elts, self.axis(layer, (), merge))]
        step = self.layer(layer) if _is_layer(layer) else [self.step(_last(layer.func), layer.args, layer.keywords)]
        return [*self.steps(args[0]), *step]

    def layer(self, call: ast.Call) -> list[str]:
        """Return the step that a constructor such as `nn.Conv2d(3, 64, 3)` stands for."""
        name = _last(call.func)
        if name == "Sequential":
            items = call.args
            if len(items) == 1 and isinstance(items[0], ast.List | ast.Tuple):
                items = items[0].elts
            if not items:
                raise _Unknown
            return [step for each in items for step in self.steps(each)]
        if name in ("Bidirectional", "TimeDistributed") and len(call.args) == 1 and isinstance(call.args[0], ast.Call):
            inner = self.layer(call.args[0])
            if name == "TimeDistributed":
                return inner
            if len(inner) != 1 or not inner[0].endswith(")"):
                raise _Unknown
            return [f"{inner[0][:-1]}, bidirectional = true)"]
        return [self.step(name, call.args, call.keywords)]

    def function(self, call: ast.Call) -> list[str]:
        """Return the steps of a call of a function or a method."""
        name, args = _last(call.func), [*call.args]
        owner = call.func.value if isinstance(call.func, ast.Attribute) else None
        is_method = owner is not None and _root(owner) not in _MODULES
        owned = owner.id if isinstance(owner, ast.Name) else ""
        if owned in ("model", "net") and len(args) == 1 and isinstance(args[0], ast.Call):
            return self.layer(args[0])
        if owned in ("self", "model", "super"):
            raise _Unknown
        merge = _merge(name)
        if merge:
            parts = args[0].elts if args and isinstance(args[0], ast.List | ast.Tuple) else args
            parts = [owner, *parts] if is_method and owner is not None else [*parts]
            return [self.merged(merge, parts, self.axis(call, args, merge))]
        if owner is not None and _root(owner) in _CHANNELS_LAST and name in _OF_BATCHES:
            raise _Unknown
        if is_method and owner is not None:
            return [*self.steps(owner), *self.reshaped(name, args, call.keywords)]
        if args and (owner is not None or self.is_tensor(args[0])):
            return [*self.steps(args[0]), *self.reshaped(name, args[1:], call.keywords)]
        return [self.step(name, args, call.keywords)]

    def is_tensor(self, node: ast.expr) -> bool:
        """Return whether an argument of a plain function is a tensor: a stream or the result of a layer."""
        if isinstance(node, ast.Name):
            return node.id in self.stream
        return isinstance(node, ast.Call) and (isinstance(node.func, ast.Call) or bool(find_layers(_last(node.func))))

    def reshaped(self, name: str, args: list[ast.expr], keywords: list[ast.keyword]) -> list[str]:
        """Return the steps of a function whose sizes or axes count the batch, and of all others."""
        texts = [self.source(each) for each in args]
        if len(args) == 1 and isinstance(args[0], ast.Tuple | ast.List):
            texts = [self.source(each) for each in args[0].elts]
        if name in ("view", "reshape") and len(texts) > 1 and not keywords and _BATCH(texts[0]):
            if len(texts) == 2:
                return ["flatten"]
            if all(map(_NUMBER, texts[1:])):
                sizes = texts[1:]
                is_open = any(size.startswith("-") for size in sizes)
                return [f"reshape(({', '.join(sizes)}))" if is_open else f"reshape({'x'.join(sizes)})"]
        if name == "permute" and texts and texts[0] == "0" and all(map(str.isdigit, texts)):
            return [f"permute({'x'.join(str(int(axis) - 1) for axis in texts[1:])})"]
        if name == "mean":
            return [self.mean(", ".join(texts), keywords)]
        if name in _OF_BATCHES:
            raise _Unknown
        if name in _WITHOUT_EFFECT:
            return []
        return [self.step(name, args, keywords)]

    def mean(self, axes: str, keywords: Sequence[ast.keyword]) -> str:
        """Return the mean over axes of PyTorch. Raises `_Unknown` if they are negative, or include the batch."""
        given = {each.arg: self.source(each.value) for each in keywords}
        found = _AXES(axes or given.pop("dim", "") or given.pop("axis", ""))
        keeps = given.pop("keepdim", "False")
        if not found or given or keeps not in ("True", "False"):
            raise _Unknown
        numbers = sorted(map(int, found.group(1).split(",")))
        if numbers[0] < 1 and numbers != [-2, -1]:
            raise _Unknown
        # Of a map, these are all axes but the channels.
        over = [] if numbers in ([2, 3], [-2, -1]) else ["x".join(str(number - 1) for number in numbers)]
        over += ["keepdim = true"] if keeps == "True" else []
        return f"mean({', '.join(over)})" if over else "mean"

    def step(self, name: str, args: Sequence[ast.expr], keywords: Sequence[ast.keyword]) -> str:
        """Return one step by the name of its layer or function."""
        given: list[Argument] = [(None, self.source(each)) for each in args]
        given += [(each.arg or "**", self.source(each.value)) for each in keywords if each.arg not in _SWITCHES]
        if name in operators() and _is_ambiguous(given):
            raise _Unknown
        made = rewritten(name, given)
        if made:
            return made.text
        elsewhere = as_layers_of(name, given) if name in operators() and given else None
        if elsewhere:
            return elsewhere.text
        if name not in operators():
            raise _Unknown
        values = [(argument, plain_value(text)) for argument, text in given]
        if any(value is None for _, value in values):
            raise _Unknown
        shown = ", ".join(f"{argument} = {value}" if argument else str(value) for argument, value in values)
        return f"{name}({shown})" if shown else name

    # merges

    def merged(self, merge: str, parts: Sequence[ast.expr], axis: str = "") -> str:
        """Return a merge with its branches."""
        if len(parts) < 2:
            raise _Unknown
        branches = [self.branch(each) for each in parts]
        if branches.count("identity") > 1:
            raise _Unknown
        return f"{merge}{axis} {{ {'; '.join(branches)} }}"

    def branch(self, node: ast.expr) -> str:
        """Return one branch: `identity` for the stream, `@name` for another tensor."""
        if isinstance(node, ast.Name):
            return "identity" if node.id == "x" else f"@{node.id}"
        return " -> ".join(self.steps(node)) or "identity"

    def axis(self, call: ast.Call, args: Sequence[ast.expr], merge: str) -> str:
        """Return the axis of a merge, which does not count the batch here. Raises `_Unknown` if it may be another."""
        if merge not in ("concat", "stack"):
            return ""
        named = {each.arg: each.value for each in call.keywords}
        given = named.get("dim", named.get("axis"))
        is_list = bool(args) and isinstance(args[0], ast.List | ast.Tuple)
        if given is None and len(args) == 2 and is_list:
            given = args[1]
        text = self.source(given) if given is not None else ""
        if "dim" in named or _last(call.func) == "cat" or _root(call.func) == "torch":
            # The axis that is the last one depends on the tensor; the default is the batch.
            if text not in ("1", "2", "3"):
                raise _Unknown
            return "" if text == "1" else f"(axis = {int(text) - 1})"
        is_default = not text and not (is_list and _root(call.func) in ("np", "jnp"))
        if is_default or text in ("-1", "3"):
            return ""
        raise _Unknown

    def source(self, node: ast.expr) -> str:
        """Return the source of an expression."""
        return ast.get_source_segment(self.text, node) or ""


def _is_ambiguous(args: Sequence[Argument]) -> bool:
    """Return whether arguments of archdsl's own operator ask for `same` padding, which frameworks read differently."""
    return any(text.strip("'\"").lower() == "same" for _, text in args)


def _target(node: ast.expr) -> tuple[str, bool]:
    """Return the name that is assigned to, and whether it is an attribute of the module."""
    if isinstance(node, ast.Name):
        return node.id, False
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        return node.attr, True
    raise _Unknown


def _merge(name: str) -> str:
    """Return archdsl's merge with a name of archdsl or another framework, or ""."""
    if name in merges():
        return name
    return next((layer.operator for layer in find_layers(name) if layer.form is Form.MERGE), "")


def _merge_of(sign: ast.operator) -> str:
    """Return the merge that a sign between two tensors stands for."""
    name = "Add" if isinstance(sign, ast.Add) else "Multiply"
    return find_layers(name)[0].operator


def _last(node: ast.expr) -> str:
    """Return the last name of a dotted one."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _is_layer(node: ast.expr) -> bool:
    """Return whether an expression is the constructor of a layer, by its capital."""
    return isinstance(node, ast.Call) and _last(node.func)[:1].isupper()
