"""Calls near the examples of operators: other values of each argument, other sizes, other numbers of axes.

All that PyTorch knows is compared with PyTorch. The code of an operator and its words in drawings, formulas, warnings
and errors are in `tests/operators/`, one file for each operator. Variants have one line for each kind of words.
`pytest --regen` writes these files.
"""

import inspect
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from difflib import unified_diff
from functools import cache
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import pytest
import torch
from operator_code import (
    OPERATORS,
    Function,
    constructor,
    flops,
    module_of,
    namespace,
    node_of,
    said_bytes,
    samples_of,
    saved_bytes,
)
from torch import Tensor, nn

from archdsl.base.pyexpr import Call, Ref, with_inputs
from archdsl.base.pyprint import flat
from archdsl.base.role import Role
from archdsl.base.shape import Shape
from archdsl.ir.graph import Node
from archdsl.ops import all_ops
from archdsl.ops.argument_types import (
    Bitmaps,
    Choice,
    Chosen,
    IndexTable,
    Number,
    PaddingKind,
    PerAxis,
    Truth,
    WholeNumber,
    Word,
    is_int,
    shown,
)
from archdsl.ops.base import ForwardOnly, Functional, Op, Submodule
from archdsl.ops.declared import Argument
from archdsl.ops.reasons import Reason, ShapeError

KEPT = Path(__file__).parent / "operators"
NUMBER = re.compile(r"\d+(\.\d+)?(e-?\d+)?")


@dataclass(frozen=True)
class Variant:
    """A step that differs from an example in one argument or in its inputs.

    Attributes:
        example: The call of the example and its inputs.
        difference: The difference from the example; empty for the example itself.
        step: The example as a step of a graph, with the inputs of the variant.
        change: An argument with its value, if that is the difference.
    """

    example: str
    difference: str
    step: Node
    change: tuple[Argument, object] | None = None

    def __str__(self) -> str:
        return f"{self.example}, {self.difference}"

    def made(self) -> Node:
        """Return the step with the change; raise `ShapeError` if the argument or the operator refuses it."""
        op = self.step.op
        if self.change is not None:
            argument, value = self.change
            op = op.changed(**{argument.name: argument.kind.convert(argument.name, value)})
        return replace(self.step, op=op, shape=op.result(self.step.inputs).plain())


@cache
def variants(op: type[Op]) -> tuple[Variant, ...]:
    """Return the examples of an operator, each followed by its variants."""
    return tuple(varied(op))


def varied(op: type[Op]) -> Iterator[Variant]:
    used: set[object] = set()
    for example in op.examples:
        node = node_of(example)
        title = f"{example.call} on {shapes(node.inputs)}"
        # A value is tried once for each choice of the words and truth values.
        modes = tuple(str(value) for value in node.op.values.values() if isinstance(value, Chosen | bool))
        yield Variant(title, "", node)
        for argument in op.arguments.values():
            numbers = {v for name, v in node.op.values.items() if name != argument.name and isinstance(v, int | float)}
            peers = [v for v in sorted(numbers) if not isinstance(v, bool)]
            for value in values(argument, node.op.values[argument.name], node.input, peers):
                difference = f"{argument.name} = {shown(value)}"
                if (difference, modes) in used:
                    continue
                used.add((difference, modes))
                yield Variant(title, difference, node, (argument, value))
        if (node.input.rank, modes) in used:
            continue
        used.add((node.input.rank, modes))
        for inputs in others(node.inputs):
            yield Variant(title, f"on {shapes(inputs)}", replace(node, inputs=inputs))


def shapes(inputs: tuple[Shape, ...]) -> str:
    return " and ".join(map(str, inputs))


def values(argument: Argument, given: Any, x: Shape, peers: list[int | float]) -> list[object]:
    """Return values of an argument for an input, some of which are refused; `peers` are values of other arguments."""
    side, axes = x.dims[-1], x.rank - 1
    found: list[object] = [] if argument.required or argument.default is None else [argument.default]
    match argument.kind:
        case Truth():
            found += [True, False]
        case Choice(choices=choices):
            found += [*(Word(word) for word in choices), Word("other"), choices[-1], None]
        case Number(low=low, high=high, above=above):
            ends = [end for end in (low, high, above) if end is not None]
            found += [0.3, 3.0, -0.5, *ends, *(end + 0.5 for end in ends), *peers]
        case WholeNumber(low=low):
            number = given if is_int(given) else 2
            found += [more for peer in peers if is_int(peer) for more in (peer, peer + 1)]
            found += [
                1,
                2,
                3,
                number + 1,
                *((side - 1, side, side + 1) if side < 100 else ()),
                *([low - 1] if low is not None else []),
            ]
            if isinstance(argument.kind, PerAxis):
                found += [(2, 3, 1, 2, 1)[:count] for count in (axes, axes + 1, axes + 2) if count > 0]
            if isinstance(argument.kind, PaddingKind):
                found += [Word(word) for word in argument.kind.words]
        case IndexTable() | Bitmaps() if given is not None:
            found += [given[:-1], (*given, given[0])]
            if isinstance(argument.kind, IndexTable):
                rows = [(-1,), (x.channels,), (0, 0), ()]
                found += [(row, *given[1:]) for row in rows] + [(tuple(range(x.channels)),) * len(given)]
    return [value for n, value in enumerate(found) if value not in found[:n] and value != given]


def others(inputs: tuple[Shape, ...]) -> Iterator[tuple[Shape, ...]]:
    """Yield inputs with other sizes and other numbers of axes."""
    dims = inputs[0].dims
    changed = [(*dims[:-1], dims[-1] + 1), (dims[0] + 1, *dims[1:]), (2 * dims[0], *dims[1:]), (1, *dims[1:])]
    changed += [(dims[0], *(1 for _ in dims[1:])), (*dims[:-1], 1), dims[:-1], (*dims, 3), (*dims, 3, 2), (dims[0],)]
    for sizes in dict.fromkeys(changed):
        if sizes and sizes != dims:
            yield (Shape(sizes), *inputs[1:])
            if len(inputs) > 1:
                yield (*inputs[:-1], Shape(sizes))
                yield (Shape(sizes),) * len(inputs)


# Words


@dataclass
class Account:
    """The words about an example and its variants.

    Attributes:
        example: The call of the example and its inputs.
        known: The lines of all examples of the operator, with 0 for each number.
        lines: The lines that differ from the known ones in more than their numbers.
        refused: The values that are refused, by argument and code; without those that a line is about.
    """

    example: str
    known: set[str]
    lines: list[str] = field(default_factory=list)
    refused: dict[str, list[str]] = field(default_factory=dict)

    def add(self, variant: Variant) -> None:
        """Add the new lines of a variant, or its error."""
        try:
            step = variant.made()
        except ShapeError as error:
            self._refuse(variant, error.reason)
            return
        op, x, shape = step.op, step.input, step.shape
        sums = op.sums(x, shape)
        lines = [drawn(op, x), *code_of(step), *sums.shape, sums.params, sums.macs, sums.why]
        lines += [f"warns: {said(reason)}" for reason in op.advice(x)]
        lines += [f"may lack: {name} = {value}" for name, value in op.alternatives()]
        lines = [line for line in lines if line]
        new = self._new(lines)
        if not variant.difference:
            new = lines
        if variant.change is None:
            new += self._new(roles_of(step))
        if new:
            self.lines += [f"  {variant.difference or 'itself'}: {shape}", *(f"    {line}" for line in new)]

    def _refuse(self, variant: Variant, reason: Reason) -> None:
        offered = reason.argument_to_add()
        add = f"; adds {' = '.join(offered)}" if offered else ""
        about = " (shape)" if reason.about_stream else ""
        line = f"{reason.code.id} at {reason.at}{about}: {said(reason)}{add}"
        if new := self._new([line]):
            self.lines += [f"  {variant.difference}: {new[0]}"]
        else:
            name, _, value = variant.difference.partition(" ")
            self.refused.setdefault(f"{reason.code.id} for {name}", []).append(value.removeprefix("= "))

    def _new(self, lines: Iterable[str]) -> list[str]:
        found = {NUMBER.sub("0", line): line for line in lines}
        new = [line for kind, line in found.items() if kind not in self.known]
        self.known.update(found)
        return new

    def written(self) -> Iterator[str]:
        """Yield the lines, and the values of each argument that are refused."""
        if self.lines or self.refused:
            yield self.example
            yield from self.lines
            yield from (f"  {words}: {', '.join(values)}" for words, values in self.refused.items())


def said(reason: Reason) -> str:
    """Return the message of a reason with its help."""
    return "; ".join(filter(None, (reason.label(), reason.help())))


def drawn(op: Op, x: Shape) -> str:
    """Return the words in drawings and tables."""
    drawing = op.drawing(x)
    return " | ".join(filter(None, (drawing.title, drawing.entry, drawing.stride and f"/ {drawing.stride}")))


def code_of(step: Node) -> list[str]:
    """Return the constructor and the function of a step."""
    emission = step.emission
    made = constructor(emission)
    calls = [made] if made else []
    if not isinstance(emission, Submodule):
        calls.append(with_inputs(emission.function, tuple(Ref(f"x{n}") for n in range(len(step.inputs)))))
    in_place = [] if isinstance(emission, Submodule) or not takes_place(emission) else ["in place"]
    return ["  ".join([*map(flat, calls), *in_place])]


def takes_place(emission: Functional | ForwardOnly) -> bool:
    """Return whether there is a form that overwrites the input, or adds to it."""
    return emission.in_place if isinstance(emission, Functional) else emission.adds_in_place


def roles_of(step: Node) -> Iterator[str]:
    """Yield what the inputs become if they are sequences or maps, with warnings; the first may have another role."""
    for first, second in product((Role.MAP, Role.CHANNELS_LAST, Role.SEQUENCE), repeat=2):
        roles = (first, *(second for _ in step.inputs[1:]))
        is_new = first is second or len(roles) > 1
        if is_new and all(role.fits(x.rank) for role, x in zip(roles, step.inputs, strict=True)):
            given = " and ".join(role.described() for role in dict.fromkeys(roles))
            reason = step.op.role_advice(roles, step.inputs, ())
            warning = f"; warns: {said(reason)}" if reason else ""
            yield f"{given}: {step.op.role(roles, step.inputs, step.shape).described()}{warning}"


def account(op: type[Op]) -> Iterator[str]:
    """Yield the words of an operator about itself, its examples and their variants."""
    names = [*op.arguments]
    names.insert(op.positional, "*")
    yield f"{op.name}({', '.join(names)}) {', '.join(sorted(str(trait.name) for trait in op.traits))}".rstrip()
    known: set[str] = set()
    found: list[Account] = []
    for variant in variants(op):
        if not variant.difference:
            found.append(Account(variant.example, known))
        found[-1].add(variant)
    for each in found:
        yield from each.written()


@pytest.mark.parametrize("op", OPERATORS)
def test_operators_say_what_is_kept(op: type[Op], *, regen: bool) -> None:
    found = "\n".join(account(op)) + "\n"
    kept = KEPT / f"{op.name}.txt"
    if regen:
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(found, encoding="utf-8")
        return
    if not kept.exists():
        pytest.skip("a new operator: the test of all files asks for it")
    expected = kept.read_text(encoding="utf-8")
    lines = unified_diff(expected.splitlines(), found.splitlines(), f"{kept.name} (kept)", "now", lineterm="")
    assert found == expected, "\n".join([*lines, "`pytest --regen` accepts this"])


def test_every_operator_has_a_file(*, regen: bool) -> None:
    names = {op.name for op in all_ops()}
    if regen:
        for path in KEPT.glob("*.txt"):
            if path.stem not in names:
                path.unlink()
    assert {path.stem for path in KEPT.glob("*.txt")} == names, "`pytest --regen tests/test_operator_variants.py -n 0`"


# Numbers


def accepted(op: type[Op]) -> Iterator[tuple[Variant, Node]]:
    """Yield the variants of an operator that fit, with their steps."""
    for variant in variants(op):
        with suppress(ShapeError):
            yield variant, variant.made()


def fused(op: type[Op]) -> Iterator[tuple[str, Node]]:
    """Yield the steps that can replace two copies of each example."""
    for example in op.examples:
        step = node_of(example)
        wide = tuple(Shape((2 * x.channels, *x.map)) for x in step.inputs)
        fusion = step.op.fusion(2, step.inputs)
        for fused, inputs in ((fusion.parallel, wide), (fusion.shared_input, step.inputs)):
            if fused is not None:
                shape = fused.result(inputs).plain()
                yield f"2 x {example.call}", replace(step, op=fused, inputs=inputs, shape=shape)


def built(step: Node) -> tuple[nn.Module, list[Tensor]]:
    """Return the module of a step and samples; on the device without data if the step is large."""
    volume = max(*(x.volume for x in step.inputs), step.shape.volume)
    if step.op.params(step.input) < 1e6 and volume < 1e4:
        return module_of(step), samples_of(step)
    with torch.device("meta"):
        kind = None if step.op.indices() is None else torch.int64
        return module_of(step), [torch.empty((2, *x.dims), dtype=kind) for x in step.inputs]


FORMULA = re.compile(r"^([\d\s()+*/.,-]+) = ([\d.]+)(, rounded (up|down) to (\d+))?")


@pytest.mark.parametrize("op", OPERATORS)
def test_variants_are_what_pytorch_does(op: type[Op]) -> None:
    for variant, step in (*accepted(op), *fused(op)):
        x, shape = step.input, step.shape
        module, samples = built(step)
        state = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
        parameters = {name: tuple(weight.shape) for name, weight in module.named_parameters()}
        if isinstance(step.emission, Functional):
            torch.testing.assert_close(Function(step).eval()(*samples), module(*samples), equal_nan=True)
        with torch.backends.mkldnn.flags(enabled=False):
            result, saved = saved_bytes(module, samples)
        assert tuple(result.shape) == (2, *shape.dims), variant
        assert dict(step.op.parameter_sizes(x)) == parameters, variant
        assert {**dict(step.op.buffer_sizes(x)), **parameters} == state, variant
        assert step.op.params(x) == sum(map(prod, parameters.values())), variant
        assert result.is_meta or said_bytes(step.op, step.inputs, shape, samples) == saved, variant
        if type(step.op).macs is not Op.macs:
            assert step.op.macs(x, shape) == operations(module, samples), variant


def operations(module: nn.Module, samples: list[Tensor]) -> int:
    """Return the multiply-accumulates for one sample: two for each that PyTorch counts."""
    if isinstance(module, nn.RNNBase):
        # PyTorch counts them slowly. Each step multiplies a vector by each matrix.
        return samples[0].shape[1] * sum(weight.numel() for weight in module.parameters() if weight.dim() == 2)
    return flops(module, samples) // (2 * len(samples[0]))


@pytest.mark.parametrize("op", OPERATORS)
def test_formulas_give_the_numbers_of_the_variants(op: type[Op]) -> None:
    for variant, step in accepted(op):
        sums = step.op.sums(step.input, step.shape)
        assert not sums.params or evaluated(sums.params) == step.op.params(step.input), variant
        assert (evaluated(sums.macs) if sums.macs else 0) == step.op.macs(step.input, step.shape), variant
        for line in sums.shape:
            if formula := FORMULA.match(line):
                result = formula[5] or formula[2]
                assert evaluated(formula[1]) == pytest.approx(float(formula[2]), rel=1e-4), (variant, line)
                assert float(result) in step.shape.dims, (variant, line)


def evaluated(text: str) -> float:
    assert re.fullmatch(r"[\d\s()+*/.-]+", text), text
    return float(eval(text))


# The names of arguments in PyTorch.
NAMES = {
    "axes": ("dim",),
    "axis": ("dim",),
    "count": ("num_embeddings",),
    "factor": ("upscale_factor", "downscale_factor"),
    "groups": ("num_groups",),
    "kernel": ("kernel_size",),
    "layers": ("num_layers",),
    "out": ("out_channels", "out_features"),
    "power": ("norm_type",),
    "projection": ("proj_size",),
    "rate": ("p",),
    "scale": ("scale_factor",),
    "size": ("output_size", "embedding_dim"),
    "slope": ("negative_slope",),
}
# Other arguments of these operators decide whether they have an effect.
CONDITIONAL = {("instancenorm", "momentum"), ("layernorm", "bias"), ("upsample", "align_corners")}


@pytest.mark.parametrize("op", OPERATORS)
def test_values_arrive_in_the_module(op: type[Op]) -> None:
    for variant, step in accepted(op):
        call = constructor(step.emission)
        if call is None:
            continue
        found = passed(call, namespace(op))
        for name, value in step.op.values.items():
            targets = [each for each in (name, *NAMES.get(name, ())) if each in found]
            if not is_passed(value) or (op.name, name) in CONDITIONAL:
                continue
            if name in ("axis", "axes"):
                value = shifted(value)
            for target in targets:
                # Pools without a stride move by their size.
                arrived = found[target] if found[target] is not None else found.get("kernel_size")
                assert uniform(arrived) == uniform(value), (variant, target)


@pytest.mark.parametrize("op", OPERATORS)
def test_code_leaves_out_values_that_are_defaults(op: type[Op]) -> None:
    names = namespace(op)
    for variant, step in accepted(op):
        module = constructor(step.emission)
        usual = defaults_of(eval(str(module.function), names)) if module else {}
        calls = [module] if isinstance(step.emission, Submodule) else [module, step.emission.function]
        for call in calls:
            if isinstance(call, Call) and not str(call.function).startswith("torch."):
                for name, value in call.named:
                    assert name not in usual or value != usual[name], (str(variant), flat(call))


@pytest.mark.parametrize("op", OPERATORS)
def test_defaults_are_those_of_pytorch(op: type[Op]) -> None:
    for example in op.examples:
        call = constructor(node_of(example).emission)
        usual = defaults_of(eval(str(call.function), namespace(op))) if call else {}
        for argument in op.arguments.values():
            # The axes of PyTorch's functions are those of a batch.
            if argument.required or argument.name == "axis":
                continue
            for name in {argument.name, *NAMES.get(argument.name, ())} & usual.keys():
                assert argument.default == usual[name] or (op.name, argument.name) in CONDITIONAL, argument.name


def defaults_of(kind: type[nn.Module]) -> dict[str, Any]:
    """Return the defaults of the parameters of a class."""
    if issubclass(kind, nn.RNNBase):
        with torch.device("meta"):
            return vars(kind(1, 1))
    parameters = inspect.signature(kind).parameters.values()
    return {each.name: each.default for each in parameters if each.default is not each.empty}


def shifted(axes: Any) -> Any:
    """Return the axes of a batch for those of a sample."""
    return tuple(axis + 1 for axis in axes) if isinstance(axes, tuple) else axes + 1


def is_passed(value: object) -> bool:
    """Return whether PyTorch takes a value as it is, unlike initialisers, `half`, and a size that is computed."""
    numbers = value if isinstance(value, tuple) else (value,)
    return isinstance(value, Chosen) or all(isinstance(each, int | float) and each != -1 for each in numbers)


def passed(call: Call, names: dict[str, Any]) -> dict[str, Any]:
    """Return the values of all parameters of a class."""
    kind = eval(str(call.function), names)
    bound = inspect.signature(kind).bind(*call.args, **dict(call.named))
    bound.apply_defaults()
    if not issubclass(kind, nn.RNNBase):
        return bound.arguments
    with torch.device("meta"):
        return {**bound.arguments, **vars(eval(flat(call), names))}


def uniform(value: object) -> object:
    """Return one number for equal ones."""
    return value[0] if isinstance(value, tuple | list) and len({*value}) == 1 else value


@pytest.mark.parametrize("op", OPERATORS)
def test_an_argument_that_an_error_adds_makes_the_call_fit(op: type[Op]) -> None:
    for variant in variants(op):
        try:
            variant.made()
        except ShapeError as error:
            if offered := error.reason.argument_to_add():
                name, text = offered
                value = tuple(map(int, text.split("x"))) if "x" in text else int(text)
                step = variant.step
                given = {} if variant.change is None else {variant.change[0].name: variant.change[1]}
                given[name] = value
                changed = {each: op.arguments[each].kind.convert(each, value) for each, value in given.items()}
                step.op.changed(**changed).result(step.inputs)
