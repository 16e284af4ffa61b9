"""The text of a DOT graph: statements with their attributes, quoted as Graphviz reads them."""

import re
from collections.abc import Mapping
from functools import lru_cache

_IDENTIFIER = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*|-?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)")
_KEYWORDS = frozenset({"node", "edge", "graph", "digraph", "subgraph", "strict"})
# Most values are words of the theme and the layout, and repeat.
_WORDS = 1_000


class Literal(str):
    """A text that Graphviz shows as it is; any other value is an HTML-like label if it is in angle brackets."""

    __slots__ = ()


def literal(text: str) -> Literal:
    """Escape a text that Graphviz must not interpret, such as a name with backslashes."""
    return Literal(text.replace("\\", "\\\\"))


class Statements:
    """The statements of a graph or subgraph, each on a line of its own."""

    def __init__(self, indentation: str = "\t") -> None:
        self.lines: list[str] = []
        self.indentation = indentation

    def defaults(self, kind: str, attributes: Mapping[str, str]) -> None:
        """Add the attributes of a graph, or the default attributes of all nodes or edges."""
        self.lines.append(f"{self.indentation}{kind} [{_listed(attributes)}]\n")

    def own(self, attributes: Mapping[str, str]) -> None:
        """Add the attributes of the subgraph itself."""
        self.lines.append(f"{self.indentation}{_listed(attributes)}\n")

    def node(self, name: str, attributes: Mapping[str, str] | None = None) -> None:
        """Add a node."""
        words = f" [{_labelled(attributes)}]" if attributes else ""
        self.lines.append(f"{self.indentation}{_quoted(name)}{words}\n")

    def edge(self, source: str, target: str, attributes: Mapping[str, str]) -> None:
        """Add an edge."""
        self.lines.append(f"{self.indentation}{_quoted(source)} -> {_quoted(target)} [{_labelled(attributes)}]\n")

    def subgraph(self, name: str | None = None) -> "Statements":
        """Return statements for a subgraph; `add` enters it when it is complete."""
        inner = Statements(self.indentation + "\t")
        inner.lines.append(f"{self.indentation}{'' if name is None else f'subgraph {_quoted(name)} '}{{\n")
        return inner

    def add(self, inner: "Statements") -> None:
        """Add a subgraph."""
        self.lines += inner.lines
        self.lines.append(f"{self.indentation}}}\n")

    def digraph(self, name: str) -> str:
        """Return the text of the directed graph with these statements."""
        return f"digraph {_quoted(name)} {{\n{''.join(self.lines)}}}\n"


def _listed(attributes: Mapping[str, str]) -> str:
    return " ".join([f"{name}={_quoted(attributes[name])}" for name in sorted(attributes)])


def _labelled(attributes: Mapping[str, str]) -> str:
    """Return the attributes of a node or edge, its label first."""
    words = [f"{name}={_quoted(attributes[name])}" for name in sorted(attributes) if name != "label"]
    return " ".join([f"label={_quoted(attributes['label'])}", *words] if "label" in attributes else words)


def _quoted(text: str) -> str:
    if type(text) is Literal:
        # A text with a space is no identifier; most are tooltips.
        if " " not in text and _IDENTIFIER.fullmatch(text) and text.lower() not in _KEYWORDS:
            return text
        return '"' + text.replace('"', '\\"') + '"' if '"' in text else f'"{text}"'
    return text if text[:1] == "<" and text[-1:] == ">" else _word(text)


@lru_cache(_WORDS)
def _word(text: str) -> str:
    """Quote a word of the theme or the layout, which has neither quotes nor backslashes."""
    assert '"' not in text
    assert "\\" not in text
    return text if _IDENTIFIER.fullmatch(text) and text.lower() not in _KEYWORDS else f'"{text}"'
