"""The parts of elaboration: scopes, settings, and the structure of the package."""

import random
import re
from pathlib import Path

import grimp
import pytest
from programs import draw

from archdsl.base.guards import Guard, recording
from archdsl.base.pyprint import flat
from archdsl.base.source import Source, Span
from archdsl.base.symbolic import TracedInt
from archdsl.driver import compile_source
from archdsl.elaborate.cursor import Cursor
from archdsl.elaborate.scopes import Scope
from archdsl.elaborate.settings import SettingError, setting_value
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
