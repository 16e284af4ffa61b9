"""Random blocks with several different uses: their classes are right for other values of each argument, or refuse."""

import inspect
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
import torch
from test_constructors import REFUSED, class_of, compiled
from test_merge import require_equal

from archdsl.emit.generate import generate

ACTS = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh, "sigmoid": torch.nn.Sigmoid, "silu": torch.nn.SiLU}
VALUES: dict[str, tuple[Any, ...]] = {
    "w": (4, 6, 8), "n": (1, 2, 3), "e": (True, False), "f": (True, False), "rate": (0.0, 0.25, 0.5),
    "mode": ("one", "two"), "Act": tuple(ACTS),
}  # fmt: skip
CHANNELS = (4, 8)
INNER = "block In(w, e = true) { a: conv(w, 1); b: conv(w, 1) if e; tanh }\n"


class Program:
    """A block that was drawn at random, and a net with several uses of it."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.count = 0
        self.params = ["w", *self.random.sample([*VALUES][1:], self.random.randint(1, 4))]
        head = ", ".join(map(self.declared, self.params))
        body = "\n".join(self.line(depth=0) for _ in range(self.random.randint(1, 4)))
        self.block = f"{INNER}block Unit({head}) {{\n  first: conv(w, 1)\n{body}\n}}\n"
        self.uses = [
            {name: self.random.choice(VALUES[name]) for name in self.params} for _ in range(self.random.randint(1, 4))
        ]

    def declared(self, name: str) -> str:
        default = self.random.choice(VALUES[name])
        return f"{name} = {written(default)}" if name != "w" and self.random.random() < 0.4 else name

    @property
    def text(self) -> str:
        calls = " -> ".join(f"u{number}: {call(each)}" for number, each in enumerate(self.uses))
        return f"{self.block}model Net {{\n  input x: 8x6x6\n  {calls}\n}}\n"

    def pick(self, *texts: str) -> str:
        """Return one of the texts whose parameters the block has."""
        known = [each for each in texts if all(name in self.params for name in each.split("|")[0].split())]
        return self.random.choice(known).partition("|")[2]

    def test(self) -> str:
        return self.pick(
            "e|e", "f|f", "e|not e", "e f|e and f", "e f|e or not f", "n|n > 1", "n|n == 2", "|w != channels",
            "|w == channels", "e|e and w == channels", "n f|n > 1 and f", 'mode|mode == "one"', "rate|rate > 0.25",
        )  # fmt: skip

    def width(self) -> str:
        return self.pick("|w", "|channels", "|2 * w", "n|n * w", "e|w if e else channels", "n|w // 2 if n > 1 else w")

    def step(self) -> str:
        self.count += 1
        name = f"s{self.count}: "
        return self.pick(
            f"|{name}conv({self.width()}, 1)", f"|{name}conv(w, 3, padding = half)", f"|{name}batchnorm", "|relu",
            "Act|Act", "Act|[conv(w, 1) -> Act]".replace("[", f"{name}["), "rate|dropout(rate)",
            f"n|{name}conv(w, 2 * n - 1, padding = half)", f"e|{name}conv(w, 1, bias = e)", f"|{name}In(w)",
            f"f|{name}In(w, f)", "|residual { tanh }",
            f"|mul {{ identity; global_avgpool -> {name}conv(channels, 1) }}",
        )  # fmt: skip

    def line(self, depth: int) -> str:
        inner = lambda: self.line(depth + 1)  # noqa: E731
        kind = self.random.choice(("step", "only", "only", "if", "else", "list")) if depth < 2 else "step"
        match kind:
            case "step":
                return f"  {self.step()}"
            case "only":
                return f"  {self.step()} if {self.test()}"
            case "if":
                return f"  if {self.test()} {{\n{inner()}\n{inner()}\n  }}"
            case "else":
                return f"  if {self.test()} {{\n{inner()}\n  }} else {{\n{inner()}\n  }}"
            case _:
                self.count += 1
                items = "\n".join(f"    {self.unlabelled()}" for _ in range(3))
                return f"  l{self.count}: [\n    conv(w, 1)\n{items}\n  ]"

    def unlabelled(self) -> str:
        step = self.pick("|conv(w, 1)", "|relu", "Act|Act", "|[conv(w, 1) -> batchnorm]", "rate|dropout(rate)")
        return f"{step} if {self.test()}" if self.random.random() < 0.6 else step


def written(value: Any) -> str:
    if isinstance(value, str):
        return value if value in ACTS else f'"{value}"'
    return str(value).lower()


def call(arguments: dict[str, Any]) -> str:
    return f"Unit({', '.join(f'{name} = {written(value)}' for name, value in arguments.items())})"


def faults(program: Program) -> Iterator[str]:
    """Yield the arguments that classes accept and for which they are wrong."""
    graph = compiled(program.text)
    if graph is None:
        return
    source = generate(graph)
    net = class_of(source, "Net")()
    channels = 8
    for number, use in enumerate(program.uses):
        made = type(getattr(net, f"u{number}"))
        for given, arguments in changed(program, {"in_channels": channels, **use}):
            yield from fault(program, made, given, arguments)
        channels = net.get_submodule(f"u{number}")(torch.rand(2, channels, 6, 6)).shape[1]


def changed(program: Program, given: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield arguments of a use with another value for each of them."""
    for name, value in given.items():
        others = [each for each in VALUES.get(name, CHANNELS) if each != value or type(each) is not type(value)]
        yield name, {**given, name: program.random.choice(others)}


def fault(program: Program, made: Any, name: str, arguments: dict[str, Any]) -> Iterator[str]:
    taken = inspect.signature(made).parameters
    own = {("act" if each == "Act" else each): value for each, value in arguments.items()}
    if ("act" if name == "Act" else name) not in taken:
        return
    given = {each: ACTS.get(value, value) if each == "act" else value for each, value in own.items() if each in taken}
    x = torch.rand(2, arguments["in_channels"], 6, 6)
    try:
        net = made(**given).eval()
        net(x)
    except REFUSED:
        return
    # What the class does not take has the value of some use.
    left = [each for each in program.params if ("act" if each == "Act" else each) not in taken]
    found = [difference(program, net, x, {**arguments, **{each: use[each] for each in left}}) for use in program.uses]
    if all(found):
        yield f"{program.text}{made.__name__} with {arguments}: {found[0]}"


def difference(program: Program, net: Any, x: torch.Tensor, arguments: dict[str, Any]) -> str:
    """Return how a module differs from the block with some arguments; empty if it does not."""
    block = {each: value for each, value in arguments.items() if each != "in_channels"}
    given_map = f"{arguments['in_channels']}x6x6"
    alone = compiled(f"{program.block}model Probe {{\n input x: {given_map}\n b: {call(block)}\n}}\n")
    if alone is None:
        return "the class accepts it, and the compiler does not"
    try:
        require_equal(net, class_of(generate(alone), "Probe")().eval(), x, "other keys or sizes")
    except (AssertionError, RuntimeError) as error:
        return str(error) or "other results"
    return ""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "seeds",
    [pytest.param(range(12), id="short"), *(
        pytest.param(range(12 + 99 * n, 111 + 99 * n), id=f"{n}", marks=pytest.mark.long) for n in range(10)
    )],
)  # fmt: skip
def test_an_argument_of_a_random_block_is_right_or_refused(seeds: range) -> None:
    torch.set_num_threads(1)
    found = [each for seed in seeds for each in faults(Program(seed))]
    assert not found, "\n\n".join(found[:3])
