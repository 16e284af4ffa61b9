"""Random arguments for every operator of the table, such that most of them fit the stream."""

import math
from collections.abc import Callable, Mapping
from hashlib import blake2b
from random import Random

from program_parts import Call, Dims, State, Wrong

from archdsl.ops import all_ops
from archdsl.ops.argument_types import (
    Bitmaps,
    Choice,
    IndexTable,
    Number,
    PaddingKind,
    PerAxis,
    Sizes,
    Truth,
    WholeNumber,
)  # fmt: skip
from archdsl.ops.base import Argument, Merge, Op

SINGLE = tuple(op for op in all_ops() if not issubclass(op, Merge))
SMALL = (1, 2, 2, 3, 3, 4, 4, 6, 8)
# What leaves no map behind comes seldom, else every program would soon be a vector.
RARE = {
    "flatten",
    "reshape",
    "mean",
    "sum",
    "global_avgpool",
    "global_maxpool",
    "rbf",
    "tokens",
    "patches",
    "embedding",
}
OFTEN = {"conv": 5, "linear": 3, "relu": 3, "batchnorm": 3, "maxpool": 2, "dropout": 2, "identity": 2}
WEIGHTS = {op.name: 0.3 if op.name in RARE else OFTEN.get(op.name, 1) for op in SINGLE}


def divisors(number: int) -> list[int]:
    return [each for each in range(1, number + 1) if number % each == 0]


def numbers(state: State) -> dict[str, int]:
    """Return expressions that are integers here."""
    known = {name: value for name, value in state.values.items() if type(value) is int}
    if isinstance(state.stream, tuple):
        sizes = {"channels": state.stream[0]}
        sizes |= {"width": state.stream[-1]} if len(state.stream) > 1 else {}
        sizes |= {"height": state.stream[-2]} if len(state.stream) > 2 else {}
        known |= {name: size for name, size in sizes.items() if name not in state.values}
    found = dict(known)
    for name, value in known.items():
        found |= {
            f"2 * {name}": 2 * value,
            f"{name} + 1": value + 1,
            f"{name} // 2": value // 2,
            f"{name} % 3": value % 3,
        }
        found |= {f"({name} + 3) // 2": (value + 3) // 2, f"max({name}, 3)": max(value, 3), f"{name} ** 2": value**2}
        found |= {f"{value + 2} - {name}": 2, f"({name} if {name} > 2 else 2)": max(value, 2)}
        if value % 2 == 0:
            found[f"{name} / 2"] = value // 2
    lists = {name: value for name, value in state.values.items() if isinstance(value, list) and value}
    found |= {f"{name}[0]": value[0] for name, value in lists.items() if type(value[0]) is int}
    found |= {f"len({name})": len(value) for name, value in lists.items()}
    return found


def number_text(random: Random, state: State, value: int) -> str:
    """Return an expression that has a value, a computed one if there is one."""
    same = [text for text, found in numbers(state).items() if found == value]
    return random.choice(same) if same and random.random() < 0.6 else str(value)


def some_number(random: Random, state: State, low: int, high: int) -> str:
    """Return an expression whose value lies within bounds, often one of a parameter."""
    known = [text for text, value in numbers(state).items() if low <= value <= high]
    if known and random.random() < 0.5:
        return random.choice(known)
    return number_text(random, state, random.choice([each for each in SMALL if low <= each <= high] or [low]))


def real(random: Random, kind: Number, state: State) -> str:
    known = [name for name, value in state.values.items() if type(value) is float]
    if known and random.random() < 0.4:
        return random.choice(known)
    choices = [0.0, 0.1, 0.25, 0.5, 1.0] if kind.high is not None else [1e-5, 0.001, 0.5, 1, 2.0, 3]
    choices += [-1.5, -0.1] if kind.low is None and kind.above is None else []
    return repr(random.choice(choices))


def per_axis(random: Random, state: State, axes: int, low: int, high: int) -> str:
    if random.random() < 0.7 or axes < 1:
        return some_number(random, state, low, high)
    values = [random.randint(low, high) for _ in range(axes)]
    if axes > 1 and random.random() < 0.6:
        return "x".join(map(str, values))
    return f"({', '.join(number_text(random, state, value) for value in values)}{',' * (axes == 1)})"


def sizes(random: Random, volume: int) -> str:
    found = [volume]
    while random.random() < 0.6 and len(found) < 3:
        first = random.choice(divisors(found[-1]))
        found[-1:] = [first, found[-1] // first]
    if len(found) == 1:
        return str(volume)
    if random.random() < 0.3:
        found[random.randrange(len(found))] = -1
        return f"({', '.join(map(str, found))})"
    return "x".join(map(str, found))


def _order(random: Random, rank: int) -> list[int]:
    """Return an order of axes, but not that of a map with its channels last, whose words are not read by position."""
    order = random.sample(range(rank), rank)
    return order[::-1] if rank > 2 and order == [*range(1, rank), 0] else order


def named(name: str, random: Random, dims: Dims, state: State) -> str | None:
    """Return the argument of this name, where its name says what fits."""
    rank, channels, last = len(dims), dims[0], dims[-1]
    makers: Mapping[str, Callable[[], str]] = {
        "groups": lambda: number_text(random, state, random.choice(divisors(channels))),
        "heads": lambda: number_text(random, state, random.choice(divisors(last))),
        "kv_heads": lambda: "none",
        "num_parameters": lambda: random.choice(["1", number_text(random, state, channels)]),
        "axes": lambda: str(random.randint(1, rank)),
        "axis": lambda: str(random.randrange(rank)),
        "start": lambda: some_number(random, state, 0, 2),
        "stop": lambda: random.choice(["none", number_text(random, state, channels)]),
        "count": lambda: some_number(random, state, 3, 9),
        "layers": lambda: str(random.randint(1, 2)),
        "factor": lambda: str(random.choice([1, 2, 2, 3])),
        "order": lambda: "x".join(map(str, _order(random, rank))),
        "lower": lambda: random.choice(["0.1", "0.2"]),
        "upper": lambda: random.choice(["0.3", "0.5"]),
        "min_val": lambda: random.choice(["-1.0", "-2"]),
        "max_val": lambda: random.choice(["0.5", "1.0"]),
        "eps": lambda: random.choice(["1e-3", "0.01"]),
        "threshold": lambda: random.choice(["0.1", "-0.5"]),
        "alpha": lambda: random.choice(["0.5", "1.5"]),
        "power": lambda: random.choice(["2", "1", "2.0", "4"]),
        "output_padding": lambda: "0",
        "projection": lambda: random.choice(["0", "1"]),
        "padding_idx": lambda: random.choice(["none", "0"]),
    }
    return makers[name]() if name in makers else None


def reduced(random: Random, rank: int) -> str:
    """Return axes for a reduction."""
    axes = sorted(random.sample(range(rank), random.randint(1, max(1, rank - 1))))
    return "x".join(map(str, axes))


def argument_text(op: type[Op], argument: Argument, random: Random, dims: Dims, state: State) -> str | None:
    """Return an argument of an operator, as it is written; None where nothing of its kind is drawn yet."""
    kind, axes = argument.kind, max(len(dims) - 1, 1)
    if isinstance(kind, Choice):
        return random.choice(kind.choices)
    if argument.name == "axes" and isinstance(kind, PerAxis):
        return reduced(random, len(dims))
    by_name = named(argument.name, random, dims, state)
    match kind:
        case _ if by_name is not None:
            return by_name
        case Truth():
            return random.choice(["true", "false"])
        case Number():
            return real(random, kind, state)
        case Sizes():
            return sizes(random, math.prod(dims))
        case PaddingKind():
            words = [word for word in kind.words if word != "same"]
            return random.choice(words) if random.random() < 0.5 else per_axis(random, state, axes, 0, 1)
        case PerAxis():
            return per_axis(random, state, axes, min(kind.low or 0, 1), 3)
        case IndexTable():
            rows = [
                sorted(random.sample(range(dims[0]), random.randint(1, dims[0]))) for _ in range(random.randint(1, 4))
            ]
            return str(rows)
        case Bitmaps():
            return (
                "["
                + ", ".join(f'"{"".join(random.choices("#.", k=dims[0]))}"' for _ in range(random.randint(1, 4)))
                + "]"
            )
        case WholeNumber():
            return some_number(random, state, kind.low or 0, 8)
    assert not argument.required, f"{op.name} has an argument of an unknown kind: {argument.name}"
    return None


def draw_call(op: type[Op], random: Random, state: State) -> Call:
    """Return a call of an operator: required arguments, and some of the others."""
    dims = state.stream if isinstance(state.stream, tuple) else state.stream[0]
    args: list[tuple[str | None, str]] = []
    all_positional = True
    for number, argument in enumerate(op.arguments.values()):
        if not argument.required and random.random() < 0.7:
            all_positional = False
            continue
        text = argument_text(op, argument, random, dims, state)
        if text is None:
            all_positional = False
            continue
        by_position = all_positional and number < op.positional and random.random() < 0.9
        all_positional = by_position
        args.append((None if by_position else argument.name, text))
    table = next((text for name, text in args if name == "connect" and text != "none"), None)
    if table:
        args[0] = (args[0][0], str(table.count("[") - 1))
        args = [(name, text) for name, text in args if name != "groups"]
    if random.random() < 0.1:
        args = [(name or list(op.arguments)[number], text) for number, (name, text) in enumerate(args)]
        random.shuffle(args)
    return Call(op.name, args)


def chosen(random: Random) -> type[Op]:
    """Return an operator, each with the probability of its weight.

    Each operator draws a time from its name and a common number, and the first one is returned. So a new operator in
    the table changes only those choices that it wins, and most programs stay as they are.
    """
    common = random.getrandbits(64)

    def time(op: type[Op]) -> float:
        digest = blake2b(f"{common} {op.name}".encode(), digest_size=8).digest()
        return -math.log((int.from_bytes(digest) + 1) / 2**64) / WEIGHTS[op.name]

    return min(SINGLE, key=time)


def draw_operator(random: Random, state: State) -> Call:
    """Return a call that fits the stream."""
    for _ in range(30):
        op = chosen(random)
        if op.name == "embedding":
            continue
        call = draw_call(op, random, state)
        try:
            call.flow(state.copy(), None)
        except Wrong:
            continue
        return call
    return Call("identity")
