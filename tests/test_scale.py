"""The work of commands grows linearly with the net: the test counts calls of functions, so the machine is no matter."""

from collections.abc import Callable
from cProfile import Profile
from pstats import Stats

import pytest
from nets import graph_of

from archdsl.diagram.drawing import diagram
from archdsl.diagram.render.dot import to_dot
from archdsl.emit.generate import generate
from archdsl.report.rows import report


def flat(count: int) -> str:
    return "".join(f"  c{n}: conv(4, 3, padding = 1) -> b{n}: batchnorm -> relu\n" for n in range(count))


def identities(count: int) -> str:
    return "  identity\n" * count


def residuals(count: int) -> str:
    return "".join(f"  residual {{ c{n}: conv(4, 1) }} project {{ p{n}: conv(4, 1) }}\n" for n in range(count))


def waiting(count: int) -> str:
    """Steps that are all read at the end."""
    labels = "; ".join(f"@c{n}" for n in range(count))
    return "".join(f"  c{n}: conv(4, 1)\n" for n in range(count)) + f"  concat {{ {labels} }}\n"


def variants(count: int) -> str:
    """Submodules of one name with different contents, and a number for each."""
    parts = (f"  g{n}: {{ m: {{ add {{ identity; conv({n % 3 + 4}, 1) -> conv(4, 1) }} }} }}\n" for n in range(count))
    return "".join(parts)


def numbered(count: int) -> str:
    return "  a: [\n" + "    conv(4, 1)\n    residual { conv(4, 1) }\n" * count + "  ]\n"


def placed(count: int) -> str:
    steps = (f"  on gpu{n % 2} {{ c{n}: conv(4, 1) -> relu }}\n" for n in range(count))
    return "".join(steps)


def calls(work: Callable[[], object]) -> int:
    """Return the number of calls that a function makes."""
    profile = Profile()
    profile.runcall(work)
    return int(Stats(profile).total_calls)  # type: ignore[attr-defined]


def net(body: str) -> str:
    devices = "  devices gpu0, gpu1\n" if " on gpu" in body else ""
    return f"model M {{\n{devices}  input x: 4x6x6\n{body}}}\n"


def towers(count: int) -> str:
    return f"  group t{{0..{count - 1}}} {{ conv(4, 1) -> relu }} -> concat\n"


FORMS = (flat, identities, residuals, waiting, variants, numbered, placed, towers)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
@pytest.mark.parametrize("work", [generate, report], ids=["build", "summary"])
def test_calls_grow_linearly(form: Callable[[int], str], work: Callable[..., object]) -> None:
    first, small, large = (graph_of(net(form(count))) for count in (3, 100, 200))
    # The first call imports modules.
    work(first)
    once, twice = calls(lambda: work(small)), calls(lambda: work(large))
    assert twice < 2.1 * once


def test_calls_of_draw_grow_linearly_with_towers() -> None:
    small, large = (graph_of(net(towers(count))) for count in (40, 80))
    to_dot(diagram(small))
    once, twice = calls(lambda: to_dot(diagram(small))), calls(lambda: to_dot(diagram(large)))
    assert twice < 2.1 * once
