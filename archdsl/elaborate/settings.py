"""Settings: values of parameters and shapes of inputs from outside, such as `--set classes=10`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite, prod

from archdsl.base.printable import shortened
from archdsl.base.shape import Shape
from archdsl.elaborate.suggestions import suggestion
from archdsl.elaborate.values import Value
from archdsl.ops.argument_types import shown
from archdsl.ops.initialisers import Initialiser
from archdsl.syntax import ast

_SHOWN = 40
_WORDS: dict[str, Value] = {"true": True, "false": False, "none": None}
_NUMBER = re.compile(r"-?\d[\d_]*")
_REAL = re.compile(r"-?\d[\d_]*(\.\d[\d_]*)?([eE][+-]?\d+)?")


class SettingError(ValueError):
    """A setting that the model cannot take; the text says why."""


def parse_setting(text: str) -> tuple[str, Value]:
    """Return the name and value of `name=value`.

    The value is a number, a truth value, `none`, sizes such as `3x1`, or a string.

    Raises SettingError where the text has another form.
    """
    name, equals, value = text.partition("=")
    name, value = name.strip(), value.strip()
    if not equals or not name.isidentifier():
        raise SettingError(f"`{text}` is not of the form name=value")
    return name, _value(name, value)


def _value(name: str, text: str) -> Value:
    if text in _WORDS:
        return _WORDS[text]
    if _NUMBER.fullmatch(text):
        return _integer(text)
    if _REAL.fullmatch(text):
        return _finite(name, float(text.replace("_", "")))
    if re.fullmatch(r"\d+(x\d+)+", text):
        return tuple(map(_integer, text.split("x")))
    return text.strip('"')


def _integer(text: str) -> int:
    """Return an integer, which must not be beyond 2**63. Python does not read one of more than 4,300 digits."""
    digits = text.replace("_", "")
    if len(digits) > 20 or abs(int(digits)) >= 2**63:
        raise SettingError(f"{shortened(text, _SHOWN)} is too large")
    return int(digits)


def _finite(name: str, value: float) -> float:
    """Return a number, which must not be infinite or NaN."""
    if not isfinite(value):
        raise SettingError(f"`{name}` cannot be set to {value}: it is not a finite number")
    return value


def setting_value(name: str, value: object) -> Value:
    """Return an object from outside as a value of the language.

    Raises SettingError where the language has no such values.
    """
    if isinstance(value, list):
        return [setting_value(name, item) for item in value]
    if isinstance(value, tuple):
        return tuple(setting_value(name, item) for item in value)
    if isinstance(value, float):
        return _finite(name, value)
    if isinstance(value, Initialiser):
        for part in value.held():
            setting_value(name, part)
    if isinstance(value, int) and abs(value) >= 2**63:
        raise SettingError(f"`{name}` cannot be set to an integer beyond 2**63")
    if value is None or isinstance(value, bool | int | str | Initialiser):
        return value
    raise SettingError(f"`{name}` cannot be set to an object of type {type(value).__name__}")


def parse_shape(text: str) -> tuple[str | None, Shape]:
    """Return the input and the shape of `3x320x320` or `image=3x320x320`; the first input has no name.

    Raises SettingError where the text has another form.
    """
    name, equals, sizes = text.rpartition("=")
    name = name.strip()
    if not re.fullmatch(r"[1-9]\d*(x[1-9]\d*)*", sizes.strip()) or (equals and not name.isidentifier()):
        raise SettingError(f"`{text}` is not a shape such as 3x320x320 or image=3x320x320")
    dims = tuple(map(_integer, sizes.strip().split("x")))
    if prod(dims) >= 2**63:
        raise SettingError(f"{sizes} has more than 2**63 elements")
    return name or None, Shape(dims)


def require_inputs(model: str, inputs: Sequence[str], given: Iterable[str | None]) -> None:
    """Raise SettingError where a shape is given to an input that the model does not have."""
    for name in given:
        if name is not None and name not in inputs:
            raise SettingError(f"{model} has no input `{name}`; {_known(name, inputs)}")


def _known(name: str, names: Sequence[str]) -> str:
    """Return the most similar of some names, or the first ones."""
    return suggestion(name, list(names)) or f"there are `{names[0]}`, `{names[1]}` and {len(names) - 2} others"


def require_parameters(model: str, params: Sequence[ast.Parameter], settings: Mapping[str, object]) -> None:
    """Raise SettingError where a setting names a parameter that the model does not have."""
    known = [param.name.text for param in params]
    for name, value in settings.items():
        if name not in known:
            hint = _known(name, known) if known else f"{model} has no parameters"
            raise SettingError(f"{model} has no parameter `{name}` to set to {shown(value)}; {hint}")
