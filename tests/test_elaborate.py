"""The parts of elaboration: scopes, settings, and the structure of the package."""

import random
import re
from pathlib import Path

import grimp
import pytest
from programs import draw

from archdsl.base.guards import Guard, recording
from archdsl.base.pyprint import flat
from archdsl.base.shape import Shape
from archdsl.base.source import Source, Span
from archdsl.base.symbolic import TracedInt
from archdsl.driver import compile_source
from archdsl.elaborate.cursor import Cursor
from archdsl.elaborate.scopes import Scope
from archdsl.elaborate.settings import SettingError, parse_setting, parse_shape, setting_value
from archdsl.elaborate.values import ERROR, fix
from archdsl.python import api

NET = "model Net(width = 4, depths = [1, 2], name = true) {{\n  input x: 3x8x8\n  {}\n}}\n"


def model_scope() -> Scope:
    values = {"width": TracedInt.parameter("width", 4), "depths": [1, 2]}
    return Scope(values, parameters=frozenset(values), untraceable=frozenset({"depths"}))


def test_an_inner_name_hides_a_parameter_and_its_use() -> None:
    outer = model_scope()
    inner = outer.with_values({"width": 9, "depths": 3})
    assert (inner.read("width"), inner.read("depths"), outer.values["depths"]) == (9, 3, [1, 2])
    assert not outer.usage.read
    assert not outer.usage.opaque
    assert outer.read("depths") == [1, 2]
    assert outer.usage.read == outer.usage.opaque.keys() == {"depths"}


def test_structure_fixes_what_a_number_was_computed_from() -> None:
    span = Span(Source("net.arch", "width"), 0, 5)
    number = TracedInt.parameter("width", 4) * 2 + 1
    guards: list[Guard] = []
    fix([number, "word"], span)
    with recording(guards):
        fix([number, "word"], span)
    assert [(flat(left), symbol, right, place) for symbol, ((left, right),), place, *_ in guards] == [
        ("2 * width + 1", "==", 9, span)
    ]


def test_a_failed_cursor_keeps_its_place() -> None:
    failed = Cursor(None, "gpu1", 2).error()
    assert failed == Cursor(ERROR, "gpu1", 2)
    assert failed.failed
    assert failed.shape is None


@pytest.mark.parametrize(
    "value", [object(), {1, 2}, {"a": 1}, [1, object()], (b"x",)], ids=lambda value: type(value).__name__
)
def test_settings_are_values_of_the_language(value: object) -> None:
    with pytest.raises(SettingError, match="`width` cannot be set to an object of type"):
        setting_value("width", value)
    with pytest.raises(SettingError, match="`width` cannot be set"):
        api.compile("net.arch", text=NET.format("c: conv(width, 1)"), width=value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("width", "`width` is not of the form name=value"),
        ("a b=3", "`a b=3` is not of the form name=value"),
        ("width=9223372036854775808", "9223372036854775808 is too large"),
        (f"width={'9' * 5000}", "…9999999999999999999 is too large"),
        (f"pair=3x{'9' * 5000}", "…9999999999999999999 is too large"),
        ("width=-1e400", "`width` cannot be set to -inf: it is not a finite number"),
    ],
)
def test_a_setting_that_has_no_value_is_refused(text: str, message: str) -> None:
    with pytest.raises(SettingError, match=re.escape(message)):
        parse_setting(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3x0x4", "`3x0x4` is not a shape such as 3x320x320 or image=3x320x320"),
        (f"image=3x{'9' * 5000}", "…9999999999999999999 is too large"),
        ("3x4294967296x4294967296", "3x4294967296x4294967296 has more than 2**63 elements"),
    ],
)
def test_a_text_that_is_no_shape_is_refused(text: str, message: str) -> None:
    with pytest.raises(SettingError, match=re.escape(message)):
        parse_shape(text)


def test_settings_have_the_values_that_they_say() -> None:
    given = ["n=1_000", "n=-3", "n=1.5e-3", "n=-2.0", "n=3x1", "n=true", "n=none", 'n="half"', "n=mish"]
    expected = [1000, -3, 0.0015, -2.0, (3, 1), True, None, "half", "mish"]
    assert [parse_setting(text) for text in given] == [("n", value) for value in expected]
    assert setting_value("n", [0.5, (2, None)]) == [0.5, (2, None)]
    assert parse_shape(" image = 3x8x8") == ("image", Shape.of(3, 8, 8))


@pytest.mark.parametrize("count", [1, 3, 14])
def test_an_unknown_setting_leads_to_the_known_ones(count: int) -> None:
    names = [f"{'abcdefghijklmn'[number]}0" for number in range(count)]
    text = f"model Net({', '.join(f'{name} = 2' for name in names)}) {{\n"
    text += "".join(f"  input in_{name}: 4\n" for name in names) + "  linear(a0)\n}\n"
    listed = ", ".join(f"`{name}`" for name in names) if count < 14 else "`a0`, `b0` and 12 others"
    with pytest.raises(SettingError, match=f"no parameter `zebra` to set to 1; there (is|are) {listed}$"):
        compile_source(Source("net.arch", text), settings={"zebra": 1})
    listed = listed.replace("`a0", "`in_a0").replace("`b0", "`in_b0").replace("`c0", "`in_c0")
    with pytest.raises(SettingError, match=f"no input `zebra`; there (is|are) {listed}$"):
        compile_source(Source("net.arch", text), shapes={"zebra": Shape.of(4)})


def test_elaborate_has_no_import_circle_and_the_graph_no_syntax() -> None:
    graph = grimp.build_graph("archdsl", exclude_type_checking_imports=False)
    names = {name for name in graph.modules if name.startswith("archdsl.elaborate.")}
    imported = {name: graph.find_modules_directly_imported_by(name) & names for name in names}
    while leaves := {name for name, others in imported.items() if not others & imported.keys()}:
        imported = {name: others for name, others in imported.items() if name not in leaves}
    assert not imported
    assert not graph.chain_exists("archdsl.ir", "archdsl.syntax", as_packages=True)
    assert not graph.chain_exists("archdsl.check.asserts", "archdsl.elaborate", as_packages=True)


def test_forms_see_an_interface() -> None:
    folder = Path(__file__).parent.parent / "archdsl" / "elaborate"
    importers = {file.name for file in folder.glob("*.py") if "elaborate.steps import" in file.read_text()}
    assert importers == {"model.py"}


# Text that replaces a name or number of a valid program.
DAMAGE = (
    "99", "0", "-1", "1.5", "nope", "true", "none", '"s"', "[1, 2]", "(3, 1)", "{1..0}", "{0..2}", "channels", "tower",
    "@image", "@a{0..1}", "exchange", "share @x", "split(2)", "relu", "* 2", "if tower == 0", "a{1..0}: relu",
    "output z: relu", "for i in [1, 2] { relu }", "if true { relu }", "set conv(bias = false)", "on gpu0 { relu }",
    "group t{0..1} { conv(2, 1) -> exchange }", "residual { conv(4, 1) }",
)  # fmt: skip


@pytest.mark.parametrize("chunk", range(4))
def test_a_damaged_program_gives_a_graph_or_an_error(chunk: int) -> None:
    for seed in range(chunk, 80, 4):
        text, chance = str(draw(seed).text), random.Random(seed)
        places = list(re.finditer(r"@?\w+(\{[^{}\n]*\})?", text))
        for _ in range(4):
            place = chance.choice(places)
            damaged = text[: place.start()] + chance.choice(DAMAGE) + text[place.end() :]
            result = compile_source(Source("damaged.arch", damaged))
            assert result.models or result.is_library or not result.ok, damaged
