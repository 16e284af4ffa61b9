"""Which part of a file each `##` line documents."""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple, TypeAlias

from archdsl.base.source import Source, Span
from archdsl.syntax import ast

_EMPTY_LINE = re.compile(r"\n[ \t\f\r]*\n")


class Doc(NamedTuple):
    """The text of a `##` line."""

    text: str
    span: Span


Child: TypeAlias = Doc | ast.Item


def documented(source: Source, children: list[Child]) -> Iterable[ast.Item]:
    """Yield the items of a file, the definitions with their documentation.

    Lines directly above a definition document it. Lines at the head of the file, above an empty line, a `set` or an
    import, document the file: they are the documentation of each model that has none and that is written with braces.
    """
    count = _lines_about_the_file(source, children)
    about = _texts(children[:count])
    doc: list[Child] = []
    for child in children[count:]:
        if isinstance(child, Doc):
            doc.append(child)
            continue
        # Before a `set` or an import, `##` is an ordinary comment.
        yield _with_doc(child, _texts(doc), about) if isinstance(child, ast.Definition) else child
        doc = []


def _lines_about_the_file(source: Source, children: list[Child]) -> int:
    """Return the number of `##` lines at the head of a file that document the file."""
    for number, child in enumerate(children):
        if not isinstance(child, Doc):
            return 0 if isinstance(child, ast.Definition) else number
        end = children[number + 1].span.start if number + 1 < len(children) else child.span.end
        if _EMPTY_LINE.search(source.text, child.span.end, end):
            return number + 1
    return len(children)


def _texts(lines: Iterable[Child]) -> tuple[str, ...]:
    return tuple(line.text for line in lines if isinstance(line, Doc))


def _with_doc(definition: ast.Definition, doc: tuple[str, ...], about: tuple[str, ...]) -> ast.Definition:
    # A model that is written with `=` has the documentation of its base.
    is_open = definition.kind == "model" and not definition.is_inline and not any(doc)
    return replace(definition, doc=about if is_open else doc)
