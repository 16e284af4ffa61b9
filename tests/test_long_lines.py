"""Long expressions in generated code: within 88 columns, broken as `ruff format` breaks them."""

import ast
import random
from pathlib import Path

from tools import RUFF_FORMAT, assert_passes

from archdsl.base.pyexpr import Call, Conditional, Expr, Infix, Ref
from archdsl.base.pyprint import WIDTH, flat, lines
from archdsl.base.symbolic import TracedInt

NAMES = ("n", "width", "in_channels", "a_long_name_of_a_parameter")


def drawn(choose: random.Random, depth: int) -> Expr:
    """Return a random expression."""
    kind = choose.random()
    if depth == 0 or kind < 0.2:
        leaves: list[Expr] = [*map(Ref, NAMES), 3, 1_234_567]
        return choose.choice(leaves)
    inner = [drawn(choose, depth - 1) for _ in range(3)]
    if kind < 0.75:
        return Infix(inner[0], choose.choice(["+", "-", "*", "//", "%"]), inner[1])
    if kind < 0.85:
        return Call("math.ceil", tuple(inner[: choose.choice((1, 2))]))
    if kind < 0.9:
        return Conditional(inner[0], Infix(inner[1], "==", 3), inner[2])
    return Infix(inner[0], "**", 2)


def test_long_arguments_are_broken_as_ruff_breaks_them(tmp_path: Path) -> None:
    made: list[str] = []
    for seed in range(300):
        choose = random.Random(seed)
        first, second = drawn(choose, choose.choice((2, 3, 4, 5))), drawn(choose, 3)
        call = Call("nn.Conv2d", (Ref("width"), first, 3), (("stride", second),), (Ref("factory"),))
        text = lines(call, prefix="", indent=0)
        assert ast.dump(ast.parse("\n".join(text))) == ast.dump(ast.parse(flat(call)))
        made += text
    assert max(map(len, made)) <= WIDTH
    (tmp_path / "made.py").write_text("\n".join(made) + "\n")
    assert_passes(tmp_path, *RUFF_FORMAT, ".")


def test_values_of_statements_are_within_the_columns() -> None:
    for seed in range(300):
        choose = random.Random(seed)
        value = drawn(choose, choose.choice((3, 4, 5)))
        for prefix in ("self.name = ", "return "):
            text = lines(value, prefix=prefix, indent=8)
            assert max(map(len, text)) <= WIDTH
            broken = "\n".join(text).strip().removeprefix(prefix)
            assert ast.dump(ast.parse(broken)) == ast.dump(ast.parse(flat(value)))


def test_a_traced_sum_in_a_product_is_broken_too() -> None:
    kernel, stride, dilation = (TracedInt.parameter(f"{name}_of_the_convolution", 1) for name in ("k", "s", "d"))
    value = (kernel * kernel * 123_456_789 + stride * 123_456_789 + dilation + 1) // kernel
    assert lines(Call("nn.Linear", (value, 10)), prefix="self.fc = ", indent=8) == [
        "        self.fc = nn.Linear(",
        "            (",
        "                123456789 * k_of_the_convolution * k_of_the_convolution",
        "                + d_of_the_convolution",
        "                + 123456789 * s_of_the_convolution",
        "                + 1",
        "            )",
        "            // k_of_the_convolution,",
        "            10,",
        "        )",
    ]
