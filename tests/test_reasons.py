"""What errors and warnings offer holds: the padding, size or divisor that a message names works; the next does not."""

import re
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_ops import make, windows

from archdsl.base.shape import Shape
from archdsl.ops.argument_types import Chosen, Word, shown
from archdsl.ops.base import Op
from archdsl.ops.mismatches import NothingLeft, StreamsDiffer, UnevenParts
from archdsl.ops.reasons import (
    PaddingTooLarge,
    PixelsUnread,
    Reason,
    ShapeError,
    WindowDoesNotFit,
    WrongAxes,
    ZeroWindows,
    near_divisors,
)

SIZES = st.integers(1, 12)


def refusal(op: Op, x: Shape) -> Reason | None:
    """Return why an operator refuses an input; None if it does not."""
    try:
        op.shape(x)
    except ShapeError as error:
        return error.reason
    return None


def number(text: str | None, before: str) -> int:
    """Return the number that follows some words of a message."""
    found = re.search(re.escape(before) + r"(\d+)", text or "")
    assert found, text
    return int(found[1])


@settings(max_examples=200)
@given(windows())
def test_the_padding_that_is_offered_is_the_smallest_that_fits(window: dict[str, Any]) -> None:
    x = Shape.of(2, *window["sizes"])
    options = {key: window[key] for key in ("kernel", "stride", "padding", "dilation")}
    reason = refusal(make("conv", out=1, **options), x)
    if not isinstance(reason, WindowDoesNotFit):
        return
    _, formula, result = re.fullmatch(r"kernel (.*?): (.*) = (-?\d+)", reason.label()).groups()  # type: ignore[union-attr]
    assert eval(formula.replace("/", "//")) == int(result) < 1
    worst = max(range(len(x.map)), key=lambda axis: reason.needed(axis) - reason.padded(axis))
    assert f"({x.map[worst]} + " in formula
    offered = reason.argument_to_add()
    fits = [
        padding
        for padding in range(10)
        if reason.map[worst] + 2 * padding >= reason.needed(worst) and 2 * padding <= reason.needed(worst)
    ]
    # A large window that lacks much is a wrong number, and no lack of padding.
    if reason.needed(worst) > 11 and reason.needed(worst) - reason.padded(worst) > 2:
        fits = []
    assert offered == (("padding", str(fits[0])) if fits else None)
    assert ("padding" in str(reason.help())) == bool(fits)


@settings(max_examples=200)
@given(SIZES, SIZES, SIZES, st.integers(0, 5))
def test_the_size_that_is_offered_leaves_no_pixel_unread(size: int, kernel: int, stride: int, padding: int) -> None:
    conv = make("conv", out=1, kernel=kernel, stride=stride, padding=padding)
    if refusal(conv, Shape.of(1, size)):
        return
    # Every pixel that a window reads, the first one at -padding.
    result = conv.shape(Shape.of(1, size)).dims[1]
    read = {n * stride + k - padding for n in range(result) for k in range(kernel)}
    found = conv.advice(Shape.of(1, size))
    unread = [reason for reason in found if isinstance(reason, PixelsUnread)]
    lost = sum(pixel > max(read) for pixel in range(size))
    is_other = any(not isinstance(reason, PixelsUnread) for reason in found)
    assert is_other or bool(unread) == (lost > 0 and kernel > 1)
    for reason in unread:
        assert reason.unread == lost
        words = f"the last {lost} values are" if lost > 1 else "the last value is"
        formula, _, exact = reason.label().partition(":")[0].partition(" = ")
        assert words in reason.label() and eval(formula) == pytest.approx(float(exact), rel=1e-4)
        fitting = number(reason.help(), "a length of ")
        assert fitting > size and not conv.advice(Shape.of(1, fitting))
        assert all(conv.advice(Shape.of(1, other)) for other in range(size, fitting))
    assert any(isinstance(reason, ZeroWindows) for reason in found) == (padding >= kernel and not 1 < kernel < stride)


@given(SIZES)
def test_the_padding_behind_a_warning_about_zeros_keeps_the_size(kernel: int) -> None:
    for padding in range(kernel, kernel + 2):
        (reason,) = make("conv", out=1, kernel=kernel, padding=padding).advice(Shape.of(1, 20))
        assert isinstance(reason, ZeroWindows) and (reason.extent, reason.padding) == (kernel, padding)
        if kernel % 2:
            better = make("conv", out=1, kernel=kernel, padding=number(reason.help(), "write "))
            assert better.shape(Shape.of(1, 20)).dims == (1, 20)
        else:
            assert reason.help() == "use less padding"


@given(SIZES, st.integers(0, 12))
def test_the_largest_padding_of_a_pool_is_offered(kernel: int, padding: int) -> None:
    reason = refusal(make("maxpool", kernel=kernel, stride=1, padding=padding), Shape.of(1, 20))
    assert isinstance(reason, PaddingTooLarge) == (2 * padding > kernel)
    if reason:
        most = number(reason.help(), "padding = ")
        assert refusal(make("maxpool", kernel=kernel, stride=1, padding=most), Shape.of(1, 20)) is None
        assert refusal(make("maxpool", kernel=kernel, stride=1, padding=most + 1), Shape.of(1, 20))


@given(SIZES, SIZES, st.integers(1, 4), st.integers(0, 12), st.integers(0, 3))
def test_the_largest_padding_of_a_transposed_convolution_is_offered(
    size: int, kernel: int, stride: int, padding: int, output_padding: int
) -> None:
    options = {"out": 1, "kernel": kernel, "stride": stride, "output_padding": output_padding}
    reason = refusal(make("conv_transpose", padding=padding, **options), Shape.of(1, size))
    if isinstance(reason, NothingLeft):
        formula, _, result = reason.label().partition(" becomes ")[2].rpartition(" = ")
        assert eval(formula) == int(result) < 1
        assert f"+ {output_padding}" in formula or not output_padding
        most = number(reason.help(), "padding = ")
        assert refusal(make("conv_transpose", padding=most, **options), Shape.of(1, size)) is None
        assert refusal(make("conv_transpose", padding=most + 1, **options), Shape.of(1, size))


@given(st.integers(1, 40), st.integers(2, 9))
def test_sizes_that_split_are_offered(channels: int, parts: int) -> None:
    reason = UnevenParts("parts", channels, parts, "parts")
    offered = list(map(int, re.findall(r"\d+", str(reason.help()))))
    nearest = [n for n in range(1, channels + parts) if n % parts == 0 and abs(n - channels) < parts]
    if channels % parts:
        assert offered == nearest


@given(st.integers(1, 1100), st.integers(1, 1100))
def test_the_nearest_divisors_are_offered(count: int, wanted: int) -> None:
    offered = list(map(int, near_divisors(count, wanted).split(", ")))
    others = [n for n in range(1, min(count, 1024) + 1) if count % n == 0 and n not in offered]
    assert offered == sorted(offered) and all(count % n == 0 for n in offered)
    assert len(offered) == 3 or not others
    assert all(max(abs(n - wanted) for n in offered) <= abs(other - wanted) for other in others)


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ((6,), "a map of 6"), ((6, 5), "a 6x5 map"), ((8, 4), "an 8x4 map"), ((80, 4), "an 80x4 map"),
        ((11, 4), "an 11x4 map"), ((18, 4), "an 18x4 map"), ((4, 11), "a 4x11 map"), ((12, 8), "a 12x8 map"),
        ((19, 18), "a 19x18 map"), ((7, 8, 9), "a 7x8x9 map"),
    ],
)  # fmt: skip
def test_a_map_has_its_article(sizes: tuple[int, ...], words: str) -> None:
    ones = (1,) * len(sizes)
    zeros = (0,) * len(sizes)
    reason = WindowDoesNotFit(sizes, tuple(size + 1 for size in sizes), ones, zeros, zeros, ones)
    assert f" on {words}: " in reason.label()


@pytest.mark.parametrize(
    ("given", "wanted", "words"),
    [(1, 2, "1 value, but the map has 2 axes"), (3, 1, "3 values, but the map has 1 axis"), (2, 3, "2 values, but")],
)
def test_numbers_of_values_and_axes_are_counted(given: int, wanted: int, words: str) -> None:
    assert words in WrongAxes("stride", given, wanted).label()


def differing(*dims: tuple[int, ...], free: int | None = None, stretches: bool = False) -> str:
    return StreamsDiffer("add", tuple(map(Shape, dims)), free, stretches).label()


def test_the_axes_that_differ_are_named() -> None:
    assert differing((4,), (5,)) == "the number of features differs: 4 and 5"
    assert differing((4, 6), (5, 6)) == "the number of channels or steps differs: 4x6 and 5x6"
    assert differing((4, 6), (4, 7)) == "the length or number of features differs: 4x6 and 4x7"
    assert differing((4, 6, 6), (4, 7, 8)) == "the height and width differ: 4x6x6 and 4x7x8"
    assert differing((4, 6, 6), (4, 7, 8), free=1) == "the width differs: 4x6x6 and 4x7x8"
    assert differing((4, 2, 6, 6), (4, 2, 6, 7)) == "the axis 3 differs: 4x2x6x6 and 4x2x6x7"
    assert differing((4, 1, 6), (5, 3, 6), stretches=True) == "the number of channels differs: 4x1x6 and 5x3x6"
    assert differing((4, 1, 6), (5, 3, 6)) == "the number of channels and height differ: 4x1x6 and 5x3x6"
    assert "not 1 and 2" in differing((4,), (4, 6), (3,))


@pytest.mark.parametrize("rank", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("channels", [1, 8])
def test_the_upsample_that_is_offered_makes_shapes_equal(rank: int, channels: int) -> None:
    largest = Shape((8, 4, 6, 5, 7)[:rank])
    for ones in product((False, True), repeat=rank - 1):
        narrow = Shape((channels, *(1 if one else size for one, size in zip(ones, largest.map, strict=True))))
        text = StreamsDiffer("add", (narrow, largest)).help() or ""
        found = re.search(r"write `upsample\(([\dx]+)\)` at the end of the branch that gives (\S+)", text)
        assert bool(found) == (channels == 8 and any(ones) and rank <= 4), text
        if found:
            scale = tuple(map(int, found[1].split("x")))
            made = make("upsample", scale=scale if len(scale) > 1 else scale[0])
            assert found[2] == str(narrow) and made.result((narrow,)) == largest


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "none"), (True, "true"), (False, "false"), (Word("half"), "`half`"), ("a", '"a"'), (Chosen("a"), "a"),
        ('a"b', '"a\\"b"'), ([], "[]"), ([1, 2], "[1, 2]"), (list(range(9)), "[0, 1, 2, 3, 4, 5, 6, 7, …]"),
        (list(range(8)), "[0, 1, 2, 3, 4, 5, 6, 7]"), ((3, 1), "3x1"), ((), "()"), (("a", 1), '("a", 1)'), (0.5, "0.5"),
        (tuple(range(9)), "0x1x2x3x4x5x6x7"), (("a",) * 9, '("a", "a", "a", "a", "a", "a", "a", "a")'),
        ("x" * 58, f'"{58 * "x"}"'), ("x" * 59, f'"{56 * "x"}…'),
    ],
)  # fmt: skip
def test_values_are_shown_as_in_nets(value: object, words: str) -> None:
    assert shown(value) == words
