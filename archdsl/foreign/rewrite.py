"""Rewrites calls of other frameworks: `Conv2D(64, (3, 3), activation="relu")` becomes `conv(64, 3) -> relu`."""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import NamedTuple, TypeAlias

from archdsl.foreign.table import EVERYDAY, Form, Layer, Parameter, find_layers, find_words, layers, operators

# An argument: its name or None, and its text.
Argument: TypeAlias = tuple[str | None, str]
_LITERALS = {"True": "true", "False": "false", "None": "none"}
_SIZES_OF_INPUT = frozenset({"in_channels", "in_features", "num_features", "input_size", "embed_dim"})
_QUOTED = re.compile(r"""(["'])([^"'\\]*)\1""").fullmatch
_PRODUCT = re.compile(r"[\w\s+*/%()-]+|[\d.eE+-]+").fullmatch
_SIZES = re.compile(r"[(\[]\s*(-?\d+(?:\s*,\s*-?\d+)*)\s*,?\s*[)\]]").fullmatch
_PLACE = re.compile(r"\{(\w+)\}")


class Rewritten(NamedTuple):
    """A call as archdsl writes it, and the framework of its name."""

    text: str
    framework: str


class Advice(NamedTuple):
    """What to say about a foreign name: its origin, an instruction, and archdsl's text if there is one.

    `merge` is the operator of archdsl if the layer has several inputs.
    """

    origin: str
    help: str
    text: str | None
    merge: str | None = None


def advice(name: str, args: Sequence[Argument]) -> Advice | None:
    """Return what to say about a call by a foreign name, or None if the tables do not know the name."""
    found = find_layers(name)
    if not found or (name[0].isupper() and found[0].form is Form.NONE and name not in found[0].names):
        # A name such as `Inception` is rather a block that is not defined.
        return None
    made = rewritten(name, args)
    layer = found[0]
    framework = made.framework if made else layer.framework
    origin = "" if framework == EVERYDAY else f"a name of {framework}"
    if made:
        return Advice(origin, f"write `{made.text}`", made.text)
    match layer.form:
        case Form.NONE:
            help = layer.text
        case Form.MERGE:
            help = f"write `{layer.operator} {{ …; … }}` with its branches in braces"
        case Form.TEXT:
            help = f"write `{_PLACE.sub('…', layer.text)}`"
        case Form.ACTIVATION:
            help = "write the activation itself, such as `relu`"
        case _:
            usage = f"({', '.join(layer.positional)})" if layer.positional else ""
            help = f"write `{layer.operator}{usage}`; `archdsl ops {layer.operator}` lists its arguments"
    return Advice(origin, help, None, layer.operator if layer.form is Form.MERGE else None)


def rewritten(name: str, args: Sequence[Argument]) -> Rewritten | None:
    """Return a call as archdsl writes it, or None if there is no such text."""
    found = find_layers(name)
    for layer in found:
        if layer.positional and not layer.parameters and not args:
            continue
        made = _call(layer, args)
        if made:
            return Rewritten(made, layer.framework)
    unnamed = all(each is None for each, _ in args)
    for layer in found:
        # The author may have taken the name only: `Conv2d(6, 5)`.
        if layer.form is Form.CALL and unnamed and len(args) <= len(layer.positional) and _bound(layer, args) is None:
            values = [plain_value(text) for _, text in args]
            if None not in values and (values or not layer.positional):
                return Rewritten(_shown(layer.operator, [value for value in values if value], []), layer.framework)
    return None


class Elsewhere(NamedTuple):
    """A call with the arguments of another framework, as archdsl writes it.

    `drops_first` says that its first argument is the size of the input, which archdsl takes from the stream.
    """

    text: str
    drops_first: bool


def as_layers_of(operator: str, args: Sequence[Argument]) -> Elsewhere | None:
    """Return the call of an operator of archdsl whose arguments are those of another framework."""
    for layer in layers():
        if layer.form is Form.CALL and layer.operator == operator and layer.parameters and not layer.text:
            made = _call(layer, args)
            if made:
                return Elsewhere(made, layer.parameters[0].name in _SIZES_OF_INPUT and args[0][0] is None)
    return None


class Own(NamedTuple):
    """An argument as archdsl writes it: its name and value, or an instruction if it has none."""

    name: str
    value: str
    advice: str

    @property
    def text(self) -> str:
        """The argument as it is written in a call, or "" if archdsl has none."""
        return f"{self.name} = {self.value}" if self.name else ""


def own_argument(operator: str, known: Sequence[str], name: str, value: str) -> Own | None:
    """Return what archdsl calls an argument of another framework, or None if the tables do not know it.

    Args:
        operator: The name of archdsl's operator.
        known: The names of its arguments.
        name: The foreign name.
        value: The text of the value.
    """
    for layer in layers():
        for each in layer.parameters if layer.operator == operator else ():
            if each.name == name and each.own in known and each.kind == "":
                made = _value(each, value)
                if made == "":
                    return Own("", "", f"remove it: this is archdsl's default for `{each.own}`")
                if made is not None:
                    return Own(each.own, made, "")
    found = find_words("arguments", name)
    for line in found:
        if line.spelling in known:
            # PyTorch's `dim` counts the batch.
            axis = _without_batch(value) if name in ("dim", "dims") and str(line.spelling).startswith("ax") else None
            return Own(str(line.spelling), axis or plain_value(value) or value, "")
    advised = [line.advice for line in found if line.spelling is None]
    return Own("", "", advised[0]) if advised else None


def follows(name: str, value: str) -> str | None:
    """Return the activation that an argument such as `activation = "relu"` asks for, "" for none at all."""
    is_activation = any(each.startswith("activation") for line in find_words("arguments", name) for each in line.names)
    return activation(value) if is_activation else None


def activation(text: str) -> str | None:
    """Return the operator of an activation: `relu` for `"relu"`, `tf.nn.relu` and `nn.ReLU()`; "" for none at all."""
    name = text.strip().removesuffix("()")
    quoted = _QUOTED(name)
    name = (quoted.group(2) if quoted else name).rpartition(".")[2]
    if name in ("None", "linear", "none"):
        return ""
    if name in operators():
        return name
    made = rewritten(name, [])
    return made.text if made else None


def initialiser(text: str) -> str | None:
    """Return the initialiser that a word or class of another framework stands for."""
    quoted = _QUOTED(text.strip())
    name = quoted.group(2) if quoted else text.strip().removesuffix("()").rpartition(".")[2]
    found = find_words("initialisers", name)
    if found:
        return found[0].spelling
    return name if re.fullmatch(r"zeros|ones|orthogonal", name) else None


def _call(layer: Layer, args: Sequence[Argument]) -> str | None:
    """Return the call if the arguments fit the signature of a layer, else None."""
    if layer.form in (Form.NONE, Form.MERGE):
        return None
    given = _bound(layer, args)
    if given is None:
        return None
    values: dict[str, str] = {}
    after = []
    for each in layer.parameters:
        text = given.get(each.name, each.default)
        if each.kind == "+":
            values[each.own] = str(each.default)
        elif text is None:
            continue
        elif each.kind == ">":
            follows = activation(text)
            if follows is None:
                return None
            after += [follows] if follows else []
        elif each.kind == "-":
            if each.only is not None and plain_value(text) not in map(plain_value, each.only.split("/")):
                return None
        else:
            value = _value(each, text)
            if value is None or (each.required and value in _LITERALS.values()):
                return None
            if value:
                values[each.own] = value
    return _text(layer, given, values, after)


def _text(layer: Layer, given: dict[str, str], values: dict[str, str], after: list[str]) -> str | None:
    """Return the text of a call from its arguments, as the framework and as archdsl write them."""
    if layer.form is Form.ACTIVATION:
        return after[0] if after else None
    filled = _filled(layer, given)
    if filled is None or layer.form is Form.TEXT:
        return filled
    bare = []
    for name in layer.positional:
        if name not in values:
            break
        bare.append(values.pop(name))
    parts = [_shown(layer.operator, bare, list(values.items())), filled, *after]
    return " -> ".join(part for part in parts if part)


def _filled(layer: Layer, given: dict[str, str]) -> str | None:
    """Return the template of a layer with its values, or None if one is missing."""
    defaults = {each.name: each.default for each in layer.parameters if each.default is not None}
    values = {name: plain_value(text) for name, text in {**defaults, **given}.items()}
    if any(values.get(place) is None for place in _PLACE.findall(layer.text)):
        return None
    return _PLACE.sub(lambda place: str(values[place.group(1)]), layer.text)


def _shown(operator: str, bare: list[str], named: list[tuple[str, str]]) -> str:
    args = ", ".join([*bare, *(f"{name} = {value}" for name, value in named)])
    return f"{operator}({args})" if args else operator


def _bound(layer: Layer, args: Sequence[Argument]) -> dict[str, str] | None:
    """Return the arguments by the names of the parameters; None if they do not fit."""
    parameters = [each for each in layer.parameters if each.kind != "+"]
    by_name = {each.name: each for each in parameters}
    given: dict[str, str] = {}
    # Nobody gives the name of a layer by position.
    for (name, text), parameter in _paired(args, [each for each in parameters if each.name != "name"]):
        wanted = parameter.name if parameter else name
        if wanted is None or wanted not in by_name or wanted in given or by_name[wanted].kind == "?":
            return None
        given[wanted] = text
    # By name, the size of the input can be left out: archdsl does not need it.
    named = bool(args) and all(name is not None for name, _ in args)
    if any(each.required and each.name not in given and not (named and each.kind == "-") for each in parameters):
        return None
    return given


def _paired(args: Sequence[Argument], parameters: Sequence[Parameter]) -> Iterator[tuple[Argument, Parameter | None]]:
    for number, arg in enumerate(args):
        positional = arg[0] is None and number < len(parameters)
        yield arg, parameters[number] if positional else None


def _value(parameter: Parameter, text: str) -> str | None:
    """Return a value as archdsl writes it; "" for one that is left out, None for one that archdsl lacks."""
    word = _QUOTED(text.strip())
    name = word.group(2) if word else text.strip()
    if parameter.words and name.lower() in parameter.words:
        return parameter.words[name.lower()]
    if word and parameter.mark != "@":
        return None
    match parameter.mark:
        case "@":
            return initialiser(text)
        case "~":
            return _complement(text)
        case "!":
            return {"True": "", "False": "true", "true": "", "false": "true"}.get(text.strip())
        case "#":
            return _without_batch(text)
        case "%":
            sizes = _SIZES(text.strip())
            count = len(sizes.group(1).split(",")) if sizes else 1
            return str(count) if count > 1 else ""
        case "^":
            return text.strip() if text.strip().isdigit() else None
        case _:
            return plain_value(text, keep=parameter.own == "sizes")


def plain_value(text: str, *, keep: bool = False) -> str | None:
    """Return a number, truth value or tuple as archdsl writes it; equal sizes are one number, unless `keep`."""
    text = " ".join(text.split())
    if text in _LITERALS:
        return _LITERALS[text]
    sizes = _SIZES(text)
    if sizes:
        numbers = [number.strip() for number in sizes.group(1).split(",")]
        if any(number.startswith("-") for number in numbers):
            return f"({', '.join(numbers)})"
        return numbers[0] if len(set(numbers)) == 1 and (not keep or len(numbers) == 1) else "x".join(numbers)
    return text if _PRODUCT(text) or text.startswith("@") else None


def _complement(text: str) -> str | None:
    try:
        return f"{1 - Decimal(text.strip()):f}"
    except InvalidOperation:
        return None


def _without_batch(text: str) -> str | None:
    """Return an axis without the batch: 1 is 0; negative ones stay."""
    number = text.strip()
    if re.fullmatch(r"-[1-9]", number):
        return number
    return str(int(number) - 1) if re.fullmatch(r"[1-9]", number) else None
