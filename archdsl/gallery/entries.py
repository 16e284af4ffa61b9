"""The nets of the gallery as data: title, paper, inputs and counts."""

import re
from collections.abc import Collection
from dataclasses import asdict, dataclass

from archdsl.driver import compile_source
from archdsl.ir.graph import CheckedGraph
from archdsl.syntax.loader import gallery, gallery_models, read

_SENTENCES = re.compile(r"(?<=\.)\s+(?=[A-Z])")
_PAPER = re.compile(r"([^:\d]+): (.+), ((?:19|20)\d\d)\b")


@dataclass(frozen=True, slots=True)
class Paper:
    """The paper of a net, from a sentence `authors: title, year.` of its documentation."""

    authors: str
    title: str
    year: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A net of the gallery; the first sentence of its documentation is the title."""

    name: str
    family: str
    title: str
    paper: Paper | None
    inputs: tuple[str, ...]
    params: int
    macs: int

    def as_data(self) -> dict[str, object]:
        """Return the entry as plain data."""
        paper = None if self.paper is None else asdict(self.paper)
        data: dict[str, object] = {"name": self.name, "family": self.family, "title": self.title, "paper": paper}
        return data | {"inputs": list(self.inputs), "parameters": self.params, "macs": self.macs}


def graphs(names: Collection[str] = ()) -> dict[str, CheckedGraph]:
    """Return the nets with these names and families, by default all that build without arguments, in file order."""
    known = gallery_models()
    wanted = {known[name][0] if name in known else name for name in names}
    found = {}
    for family in gallery():
        if names and family not in wanted:
            continue
        for graph in compile_source(read(family), every=True).models:
            name = graph.name.lower()
            if not names or name in names or family in names:
                found[name] = graph
    return found


def entries(names: Collection[str] = ()) -> list[Entry]:
    """Return the entries of the nets with these names and families, by default of all."""
    return [_entry(name, graph) for name, graph in graphs(names).items()]


def _entry(name: str, graph: CheckedGraph) -> Entry:
    sentences = _SENTENCES.split(" ".join(graph.doc))
    inputs = tuple(str(given.shape) for given in graph.inputs)
    family = graph.source.name.removesuffix(".arch")
    return Entry(name, family, sentences[0].removesuffix("."), _paper(sentences), inputs, graph.params, graph.macs)


def _paper(sentences: list[str]) -> Paper | None:
    for sentence in sentences:
        found = _PAPER.match(sentence)
        if found:
            return Paper(found.group(1), found.group(2), int(found.group(3)))
    return None
