"""Compiles the grammar to parser tables with Lark, for `python -m archdsl.dev write`; no other module imports Lark."""

import re
from itertools import chain
from pprint import pformat
from typing import Any

from lark import Lark
from lark.parsers.lalr_analysis import Shift

from archdsl.base.resources import resource

HEADER = '''"""Tables of the parser. Made from grammar/archdsl.lark by `python -m archdsl.dev write`; do not edit."""

# fmt: off
'''


# The start rules: a file, or an expression within a computed label.
STARTS = ("file", "expr")


def grammar_text() -> str:
    """Return the text of the grammar."""
    return resource("grammar", "archdsl.lark").read_text(encoding="utf-8")


def grammar() -> Lark:
    """Return Lark's parser for the grammar; Lark raises if it is not LALR(1) or terminals collide."""
    return Lark(
        grammar_text(), parser="lalr", lexer="contextual", strict=True, start=[*STARTS], propagate_positions=True
    )


def tables() -> str:
    """Return the text of `tables.py`."""
    parser = grammar()
    ignored, keywords, pattern = _lexer(parser)
    # Lark has no public interface to its table; constraints pin its version and tests check the attributes read here.
    table: Any = parser.parser.parser._parse_table
    numbers = {rule: number for number, rule in enumerate(parser.rules)}
    order = _breadth_first(table)
    renumbered = {state: number for number, state in enumerate(order)}
    states = [
        {
            symbol: renumbered[target] if action is Shift else ~numbers[target]
            for symbol, (action, target) in sorted(table.states[state].items())
        }
        for state in order
    ]
    for start in STARTS:
        states[renumbered[table.end_states[start]]]["$END"] = 0
    parts = [
        HEADER,
        f"IGNORED = {ignored!r}\n",
        f"STARTS = { {start: renumbered[table.start_states[start]] for start in STARTS}!r}\n",
        f"KEYWORDS = {keywords!r}\n",
        f"PATTERN = {pattern!r}\n",
        f"RULES: tuple[tuple[str, int, str, tuple[int, ...]], ...] = (\n{_rows(map(_rule, parser.rules))})\n",
        "# Symbols and their actions in turn: constants load faster than dictionaries are built.\n",
        f"STATES: tuple[tuple[str | int, ...], ...] = (\n{_rows(tuple(chain(*row.items())) for row in states)})\n",
    ]
    return "".join(parts)


def _breadth_first(table: Any) -> list[int]:
    """Return the states in an order that does not depend on their numbers in Lark."""
    order = [table.start_states[start] for start in STARTS]
    for state in order:
        targets = (target for _, (action, target) in sorted(table.states[state].items()) if action is Shift)
        order.extend(target for target in dict.fromkeys(targets) if target not in order)
    return order


def _rows(rows: Any) -> str:
    return "".join(f"    {pformat(row, width=10_000, compact=True)},\n" for row in rows)


def _rule(rule: Any) -> tuple[str, int, str, tuple[int, ...]]:
    origin = str(rule.origin.name)
    keep = tuple(index for index, symbol in enumerate(rule.expansion) if not (symbol.is_term and symbol.filter_out))
    if origin.startswith("_"):
        make = ""
    elif rule.alias is None and rule.options.expand1 and len(keep) == 1:
        make = "?"
    else:
        make = rule.alias or origin
    return origin, len(rule.expansion), make, keep


def _lexer(parser: Lark) -> tuple[tuple[str, ...], dict[str, str], str]:
    ignored = tuple(sorted(parser.ignore_tokens))
    keywords: dict[str, str] = {}
    regexes: list[tuple[str, str]] = []
    signs: list[tuple[str, str]] = []
    for terminal in parser.terminals:
        text = terminal.pattern.to_regexp()
        if terminal.pattern.type == "str" and re.fullmatch(r"\w+", terminal.pattern.value):
            keywords[terminal.pattern.value] = terminal.name
        elif terminal.pattern.type == "str" or terminal.name in ("COMPARE", "DIVIDE"):
            signs.append((terminal.name, text))
        else:
            regexes.append((terminal.name, text))
    # Longer signs first; the alternatives of COMPARE and DIVIDE hold none that another sign begins with.
    signs.sort(key=lambda sign: (sign[0] not in ("COMPARE", "DIVIDE"), -len(sign[1]), sign[0]))
    pattern = "|".join(f"(?P<{name}>{_grouped(text)})" for name, text in [*regexes, *signs])
    return ignored, dict(sorted(keywords.items())), pattern


def _grouped(text: str) -> str:
    """Return a pattern without capturing groups, so that the last group of a match is the terminal."""
    return re.sub(r"(?<!\\)\((?!\?)", "(?:", text)
