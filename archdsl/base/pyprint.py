"""The text of Python expressions, laid out as `ruff format` lays it out: quotes, parentheses and long lines."""

import re
from typing import TypeAlias, assert_never

from archdsl.base.pyexpr import (
    Attribute,
    Call,
    ClassRef,
    Composite,
    Conditional,
    Expr,
    Infix,
    InputRef,
    Item,
    Mapping,
    Method,
    Not,
    Numbered,
    OnlyIf,
    Prefix,
    Ref,
    Repeat,
    Sequence,
    Spread,
    Text,
    ValueRef,
)
from archdsl.base.pynumbers import arithmetic
from archdsl.base.symbolic import TracedFloat, TracedInt, WrittenFloat, has_trace

WIDTH = 88
INDENT = 4
_Bracketed: TypeAlias = Call | Method | Sequence | Mapping
_Composite: TypeAlias = (
    Attribute | Item | Infix | Prefix | Not | Spread | Conditional | Repeat | Numbered | Text | _Bracketed
)
_COMPARISONS = ("is", "is not", "in", "not in", "==", "!=", "<", "<=", ">", ">=")
_PRECEDENCE = {
    "or": 1, "and": 2, **dict.fromkeys(_COMPARISONS, 4), "|": 5, "+": 6, "-": 6, "*": 7, "//": 7, "/": 7, "%": 7,
    "**": 9,
}  # fmt: skip
_CONDITIONAL = 0
_NEGATION = 3
_PREFIX = 8
_ATOM = 10


def quoted(text: str) -> str:
    """Return a Python string literal, in double quotes."""
    body = repr("'" + text)[2:-1] if '"' not in text else repr(text)[1:-1].replace('"', '\\"').replace("\\'", "'")
    return f'"{body}"'


def flat(expr: Expr) -> str:
    """Return an expression on one line; raise TypeError if it still contains an open reference."""
    if isinstance(expr, Composite):
        try:
            return expr.kept_text
        except AttributeError:
            if isinstance(expr, OnlyIf):
                raise TypeError(f"{expr} has no name yet") from None
            text = _composite(expr)
            object.__setattr__(expr, "kept_text", text)
            return text
    match expr:
        case Ref():
            return expr.name
        case TracedInt() | TracedFloat():
            return flat(arithmetic(expr.trace))
        case WrittenFloat() if has_trace(expr):
            return flat(arithmetic(expr.trace))
        case str():
            return quoted(expr)
        case None | bool() | int() | float():
            return repr(expr)
        case tuple():
            return flat(Sequence(expr, "("))
        case InputRef() | ValueRef() | ClassRef():
            raise TypeError(f"{expr} has no name yet")
        case _:
            assert_never(expr)


def _composite(expr: _Composite) -> str:
    match expr:
        case Attribute():
            return f"{_operand(expr.owner, _ATOM)}.{expr.name}"
        case Item():
            index = flat(expr.index)
            is_list = isinstance(expr.index, tuple) and len(expr.index) > 1
            return f"{_operand(expr.owner, _ATOM)}[{index[1:-1] if is_list else index}]"
        case Infix():
            return _power(expr) if expr.symbol == "**" else _infix(expr)
        case Prefix():
            return f"{expr.symbol}{_operand(expr.operand, _PREFIX)}"
        case Spread():
            return f"*{flat(expr.items)}"
        case Not():
            return f"not {_operand(expr.test, _NEGATION)}"
        case Conditional():
            return " ".join(_conditional_operands(expr))
        case Repeat():
            loop = f"{flat(expr.item)} for {expr.variable} in range({expr.count})"
            return loop if expr.bare else f"*({loop})"
        case Numbered():
            return f'f"{expr.before}{{{flat(expr.number)}}}{expr.after}"'
        case Text():
            return _literal(_pieces(expr))
        case Call() | Method() | Sequence() | Mapping():
            opening, items, closing = _enclosed(expr)
            return opening + ", ".join(items) + closing
        case _:
            assert_never(expr)


def _infix(expr: Infix) -> str:
    level = _PRECEDENCE[expr.symbol]
    return f"{_operand(expr.left, level)} {expr.symbol} {_operand(expr.right, level + 1)}"


def _power(expr: Infix) -> str:
    """Return a power; there are no spaces around the operator between names and numbers."""
    level = _PRECEDENCE[expr.symbol]
    left, right = _operand(expr.left, level + 1), _operand(expr.right, _PREFIX)
    is_simple = all(re.fullmatch(r"-?([\w.]+|[\d.]+e-\d+)", each) for each in (left, right))
    return f"{left}**{right}" if is_simple else f"{left} ** {right}"


def _operand(expr: Expr, level: int) -> str:
    """Return an operand on one line, in parentheses if it binds less tightly than `level`."""
    text = flat(expr)
    return f"({text})" if _level(expr) < level else text


def _level(expr: Expr) -> int:
    if has_trace(expr):
        expr = arithmetic(expr.trace)
    if isinstance(expr, Conditional):
        return _CONDITIONAL
    if isinstance(expr, Not):
        return _NEGATION
    if isinstance(expr, Prefix) or (type(expr) in (int, float) and str(expr).startswith("-")):
        return _PREFIX
    return _PRECEDENCE[expr.symbol] if isinstance(expr, Infix) else _ATOM


def _enclosed(expr: _Bracketed) -> tuple[str, list[str], str]:
    """Return the opening, the items and the closing of an expression in brackets."""
    items = [f"{prefix}{flat(item)}" for prefix, item in _items(expr)]
    match expr:
        case Call():
            head = expr.function if isinstance(expr.function, str) else _operand(expr.function, _ATOM)
            return f"{head}(", items, ")"
        case Method():
            return f"{_operand(expr.owner, _ATOM)}.{expr.name}(", items, ")"
        case Mapping():
            return "{", items, "}"
        case Sequence():
            if expr.bracket == "(":
                return "(", items, ",)" if len(items) == 1 else ")"
            return "[", items, "]"
        case _:
            assert_never(expr)


def lines(expr: Expr, *, prefix: str, indent: int, suffix: str = "") -> list[str]:
    """Return `prefix` and the expression, broken as `ruff format` breaks it, at `indent` columns."""
    pad = " " * indent
    text = f"{pad}{prefix}{flat(expr)}{suffix}"
    if len(text) <= WIDTH and not _explodes(expr):
        return [text]
    if has_trace(expr):
        expr = arithmetic(expr.trace)
    if isinstance(expr, Conditional | Infix):
        return _operand_lines(expr, prefix, indent, suffix)
    if isinstance(expr, Repeat):
        return _repeat_lines(expr, indent, suffix)
    if isinstance(expr, tuple):
        expr = Sequence(expr, "(")
    if not isinstance(expr, Call | Method | Sequence | Mapping):
        return [text]
    opening, items, closing = _enclosed(expr)
    together = f"{pad}{' ' * INDENT}{', '.join(items)}"
    head, foot = f"{pad}{prefix}{opening}", f"{pad}{closing.lstrip(',')}{suffix}"
    if len(together) <= WIDTH and not isinstance(expr, Sequence | Mapping) and not _explodes(expr):
        return [head, together, foot]
    if isinstance(expr, Call) and len(items) == 1 and expr.args and isinstance(expr.args[0], Text):
        return [head, *_text_lines(expr.args[0], indent + INDENT), foot]
    body = [line for item in _items(expr) for line in _item(item, indent + INDENT)]
    return [head, *body, foot]


def _pieces(expr: Text) -> list[str]:
    """Return the words of a text, each with the space behind it; values are in braces."""
    # Words of the language in a text are in single quotes, because the text is in double ones.
    words = (each.replace('"', "'") if isinstance(each, str) else f"{{{flat(each)}=}}" for each in expr.pieces)
    shown = "".join(words)
    return re.findall(r"\S+ ?", shown)


def _literal(words: list[str]) -> str:
    """Return words as a string literal: an f-string if there are values among them."""
    text = "".join(words)
    return f'{"f" if "{" in text else ""}"{text}"'


def _text_lines(expr: Text, indent: int) -> list[str]:
    """Return a text as several literals, which Python joins."""
    rows: list[list[str]] = [[]]
    for word in _pieces(expr):
        if rows[-1] and indent + len(_literal([*rows[-1], word])) > WIDTH:
            rows.append([])
        rows[-1].append(word)
    return [" " * indent + _literal(row) for row in rows]


def _operand_lines(expr: Infix | Conditional, prefix: str, indent: int, suffix: str) -> list[str]:
    """Return a line for every operand, each after its operator; an operand after a prefix is in parentheses."""
    if prefix:
        return _in_parentheses(expr, prefix, indent, suffix)
    return _rows(expr, "", indent, suffix)


def _in_parentheses(expr: Infix | Conditional, prefix: str, indent: int, suffix: str) -> list[str]:
    pad, inner = " " * indent, " " * (indent + INDENT)
    together = f"{inner}{flat(expr)}"
    rows = [together] if len(together) <= WIDTH else _rows(expr, "", indent + INDENT, "")
    return [f"{pad}{prefix}(", *rows, f"{pad}){suffix}"]


def _rows(expr: Infix | Conditional, before: str, indent: int, suffix: str) -> list[str]:
    """Return a line for every operand of the loosest operators; one that is too long has several.

    Args:
        expr: The expression.
        before: The operator in front of the first operand.
        indent: The columns in front of each line.
        suffix: The text behind the last operand.
    """
    rows: list[str] = []
    operands = _operands(expr)
    for number, (symbol, operand, level) in enumerate(operands):
        head, foot = symbol or before, suffix if number == len(operands) - 1 else ""
        line = f"{' ' * indent}{head}{_operand(operand, level)}{foot}"
        part = arithmetic(operand.trace) if has_trace(operand) else operand
        # The parts of `a if b else c if d else e` have a line each.
        is_chain = isinstance(part, Conditional) and isinstance(expr, Conditional) and _level(part) >= level
        if len(line) <= WIDTH and not is_chain:
            rows.append(line)
        elif not isinstance(part, Infix | Conditional):
            rows += lines(part, prefix=head, indent=indent, suffix=foot)
        elif _level(part) < level:
            rows += _in_parentheses(part, head, indent, foot)
        else:
            rows += _rows(part, head, indent, foot)
    return rows


def _operands(expr: Infix | Conditional) -> list[tuple[str, Expr, int]]:
    """Return the operands of the loosest operators, each with the operator in front of it and its least precedence."""
    if isinstance(expr, Conditional):
        inner = _CONDITIONAL + 1
        return [("", expr.value, inner), ("if ", expr.test, inner), ("else ", expr.otherwise, _CONDITIONAL)]
    level = _PRECEDENCE[expr.symbol]
    if expr.symbol == "**":
        return [("", expr.left, level + 1), ("** ", expr.right, _PREFIX)]
    found: list[tuple[str, Expr, int]] = []
    left: Expr = expr
    while isinstance(left, Infix) and _PRECEDENCE[left.symbol] == level:
        found.insert(0, (f"{left.symbol} ", left.right, level + 1))
        left = left.left
    return [("", left, level), *found]


def _conditional_operands(expr: Conditional) -> list[str]:
    return [symbol + _operand(operand, level) for symbol, operand, level in _operands(expr)]


def _repeat_lines(expr: Repeat, indent: int, suffix: str) -> list[str]:
    """Return a loop over several lines: the item, and below it the range."""
    loop = f"for {expr.variable} in range({expr.count})"
    if expr.bare:
        return [*lines(expr.item, prefix="", indent=indent), f"{' ' * indent}{loop}"]
    pad, inner = " " * indent, " " * (indent + INDENT)
    return [f"{pad}*(", *lines(expr.item, prefix="", indent=indent + INDENT), f"{inner}{loop}", f"{pad}){suffix}"]


def _items(expr: _Bracketed) -> list[tuple[str, Expr]]:
    """Return the items between the brackets, each with the text before it."""
    match expr:
        case Call():
            named = [(f"{name}=", value) for name, value in expr.named]
            return [*(("", arg) for arg in expr.args), *named, *(("**", each) for each in expr.spread)]
        case Method():
            return [("", arg) for arg in expr.args]
        case Sequence():
            return [("", item) for item in expr.items]
        case Mapping():
            return [(f"{flat(key)}: ", value) for key, value in expr.pairs]
        case _:
            assert_never(expr)


def _item(item: tuple[str, Expr], indent: int) -> list[str]:
    if isinstance(item[1], Repeat) and item[1].bare:
        return lines(item[1], prefix="", indent=indent)
    return lines(item[1], prefix=item[0], indent=indent, suffix=",")


def _explodes(expr: Expr) -> bool:
    if not isinstance(expr, Composite):
        return False
    match expr:
        case Sequence():
            return expr.exploded or any(map(_explodes, expr.items))
        case Mapping():
            return expr.exploded or any(_explodes(value) for _, value in expr.pairs)
        case Call():
            return any(map(_explodes, (*expr.args, *(value for _, value in expr.named))))
        case Repeat():
            return _explodes(expr.item)
        case _:
            return False
