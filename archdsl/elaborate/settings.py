"""Values of parameters that come from outside: `--set classes=10`."""

import re
from collections.abc import Mapping, Sequence

from archdsl.elaborate.suggestions import suggestion
from archdsl.ops.kinds import shown
from archdsl.syntax import ast

_WORDS: dict[str, object] = {"true": True, "false": False, "none": None}
_NUMBER = re.compile(r"-?\d[\d_]*")
_REAL = re.compile(r"-?\d[\d_]*(\.\d[\d_]*)?([eE][+-]?\d+)?")


class SettingError(ValueError):
    """A setting that the model cannot take; the text says why."""


def parse_setting(text: str) -> tuple[str, object]:
    """Return name and value of `name=value`; the value is a number, a truth value, `none`, sizes `3x1` or a string."""
    name, equals, value = text.partition("=")
    name, value = name.strip(), value.strip()
    if not equals or not name.isidentifier():
        raise SettingError(f"`{text}` is not of the form name=value")
    return name, _value(value)


def _value(text: str) -> object:
    if text in _WORDS:
        return _WORDS[text]
    digits = text.replace("_", "")
    if _NUMBER.fullmatch(text):
        if len(digits) > 20 or abs(int(digits)) >= 2**63:
            raise SettingError(f"{text} is too large a number")
        return int(digits)
    if _REAL.fullmatch(text):
        return float(digits)
    if re.fullmatch(r"\d+(x\d+)+", text):
        return tuple(int(part) for part in text.split("x"))
    return text.strip('"')


def require_parameters(model: str, params: Sequence[ast.Parameter], settings: Mapping[str, object]) -> None:
    """Raise where a setting names a parameter that the model does not have."""
    known = [param.name.text for param in params]
    for name, value in settings.items():
        if name not in known:
            hint = suggestion(name, known) or f"{model} has no parameters"
            raise SettingError(f"{model} has no parameter `{name}` to set to {shown(value)}; {hint}")
