"""The tables of foreign names, which are read when a message needs them.

`layers.txt` explains its format at its top. A name is looked up as it is written, then without case and underscores.
"""

import re
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent
_PARAM = re.compile(
    r"(?P<kind>[-?+]?)(?P<name>\w+)(?::(?P<mark>[~!#%^@]?)(?P<own>\w+))?(?P<follows>>?)(?P<words>\{[^}]*\})?(?P<required>!?)"
    r"(?:==(?P<only>\S+)|=(?P<default>\S+))?"
)
EVERYDAY = "everyday names"


class Form(Enum):
    """How archdsl expresses a foreign layer."""

    CALL = "the call of an operator"
    MERGE = "an operator with branches in braces"
    TEXT = "a text with places for arguments"
    ACTIVATION = "the activation that is an argument"
    NONE = "not at all"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a foreign layer.

    Attributes:
        name: Its name in the framework.
        own: The argument of archdsl's operator.
        kind: "" for a plain one, "-" for one that is left out, "?" for one that archdsl lacks, "+" for an argument that
            the layer implies, ">" for the activation after the layer.
        mark: How the value changes, as `layers.txt` explains.
        required: Whether the framework requires it.
        only: The only value that can be left out, or None.
        default: The framework's default if archdsl's differs.
        words: Words of the framework with their meaning here.
    """

    name: str
    own: str
    kind: str
    mark: str
    required: bool
    only: str | None
    default: str | None
    words: dict[str, str] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Layer:
    """A line of `layers.txt`; `text` is the advice or the template, `operator` the name of archdsl's operator."""

    framework: str
    names: tuple[str, ...]
    form: Form
    operator: str
    positional: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Words:
    """A line of `words.txt`: foreign names, and the advice or archdsl's spelling."""

    names: tuple[str, ...]
    advice: str

    @property
    def spelling(self) -> str | None:
        """Archdsl's spelling, if the advice is nothing else."""
        found = re.fullmatch(r"`([^`]*)`", self.advice)
        return found.group(1) if found else None


@cache
def layers() -> tuple[Layer, ...]:
    """Return the table of layers and functions."""
    return tuple(_layer(framework, *_columns(line)) for framework, line in _lines("layers.txt"))


@cache
def words() -> dict[str, tuple[Words, ...]]:
    """Return the tables "arguments", "words" and "initialisers"."""
    found: dict[str, list[Words]] = {}
    for section, line in _lines("words.txt"):
        names, _, advice = line.partition("|")
        found.setdefault(section, []).append(Words(tuple(names.split()), advice.strip()))
    return {section: tuple(lines) for section, lines in found.items()}


def find_layers(name: str) -> tuple[Layer, ...]:
    """Return the lines for a layer or function: those with this very name, else those that differ in case and `_`.

    An operator of archdsl comes before the latter: `batch_norm` is `batchnorm`, not the `BatchNorm` of a framework.
    """
    return _index().get(name) or _own().get(_plain(name)) or _index().get(_plain(name), ())


def find_words(section: str, name: str) -> tuple[Words, ...]:
    """Return the lines of a section of `words.txt` with a name."""
    exact = tuple(line for line in words()[section] if name in line.names)
    return exact or tuple(line for line in words()[section] if _plain(name) in map(_plain, line.names))


@cache
def operators() -> frozenset[str]:
    """Return the names of archdsl's operators in the table."""
    return frozenset(layer.operator for layer in layers() if layer.operator)


@cache
def merges() -> frozenset[str]:
    """Return the names of archdsl's merges in the table."""
    return frozenset(layer.operator for layer in layers() if layer.form is Form.MERGE)


def _plain(name: str) -> str:
    return " " + name.replace("_", "").lower()


@cache
def _own() -> dict[str, tuple[Layer, ...]]:
    """Return archdsl's operators in the table, by their names without case and underscores."""
    return {
        _plain(layer.operator): (replace(layer, framework=EVERYDAY, names=(layer.operator,), parameters=(), text=""),)
        for layer in layers()
        if layer.form is Form.CALL
    }


@cache
def _index() -> dict[str, tuple[Layer, ...]]:
    """Return the lines by their names; a key without case and underscores begins with a space."""
    found: dict[str, list[Layer]] = {}
    for layer in layers():
        for name in layer.names:
            found.setdefault(name, []).append(layer)
            if layer not in (near := found.setdefault(_plain(name), [])):
                near.append(layer)
    return {name: tuple(lines) for name, lines in found.items()}


def _lines(name: str) -> list[tuple[str, str]]:
    """Return the lines of a table, each with the title of its section."""
    found: list[tuple[str, str]] = []
    section = ""
    for line in (_FOLDER / name).read_text(encoding="utf-8").split("\n"):
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            found.append((section, line))
    return found


def _columns(line: str) -> tuple[str, str, str]:
    names, head, rest = (column.strip() for column in (line + "|").split("|")[:3])
    return names, head, rest


def _layer(framework: str, names: str, head: str, rest: str) -> Layer:
    form, operator, positional, text = Form.CALL, "", "", ""
    if head == "!":
        form, text, rest = Form.NONE, rest, ""
    elif head == ">":
        form = Form.ACTIVATION
    elif head.startswith("="):
        form, text = Form.TEXT, head[1:].strip()
    elif head.startswith("{"):
        form, operator = Form.MERGE, head.strip("{}")
    else:
        head, _, text = (part.strip() for part in head.partition("->"))
        operator, _, positional = head.partition(" ")
    parameters = tuple(_parameter(each.strip()) for each in rest.split(",") if each.strip())
    return Layer(framework, tuple(names.split()), form, operator, tuple(positional.split()), parameters, text)


def _parameter(text: str) -> Parameter:
    found = _PARAM.fullmatch(text)
    assert found, text
    part = found.groupdict()
    pairs = [pair.partition(":") for pair in (part["words"] or "{}")[1:-1].split(";") if pair]
    return Parameter(
        part["name"],
        part["own"] or part["name"],
        ">" if part["follows"] else part["kind"],
        part["mark"] or "",
        bool(part["required"]),
        part["only"],
        part["default"],
        {word: own for word, _, own in pairs},
    )
