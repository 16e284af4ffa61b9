"""Drawings of random programs: every depth and style is drawn, and edges lead between boxes that are connected."""

from collections import defaultdict
from collections.abc import Iterator
from random import Random

import pytest
from program_outcome import compiled
from programs import draw

from archdsl.diagram import Detail, Diagram, diagram, to_dot
from archdsl.diagram.model.compare import compared
from archdsl.diagram.spec import Form
from archdsl.ir.graph import CheckedGraph, Container, Node, Path, dotted
from archdsl.ops.base import Trait
from archdsl.passes.assign import placed
from archdsl.views.arrange import scene
from archdsl.views.latex import to_latex
from archdsl.views.markdown import to_markdown
from archdsl.views.table import stage_table
from archdsl.views.volumes import NotToScale, figure
from archdsl.views.volumes_svg import to_svg
from archdsl.views.volumes_tikz import to_tikz

SHORT, LONG, CHUNKS = range(12), range(12, 3_000), 20
_ENDS = (Form.TERMINAL, Form.STUB)


def test_random_programs_are_drawn() -> None:
    for seed in SHORT:
        _draw_all(seed)


@pytest.mark.long
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_more_random_programs_are_drawn(chunk: int) -> None:
    for seed in LONG[chunk::CHUNKS]:
        _draw_all(seed)


def _draw_all(seed: int) -> None:
    program = draw(seed)
    result = compiled(program.text)
    if not result.ok:
        return
    graph = result.models[0]
    try:
        for drawing in _drawings(graph, seed):
            to_dot(drawing)
        _write_views(graph)
    except Exception as error:
        raise AssertionError(str(program)) from error


def _drawings(graph: CheckedGraph, seed: int) -> Iterator[Diagram]:
    deepest = _depth(graph.root)
    inner = [dotted(each.path) for each in _containers(graph.root)]
    on_devices = _placed(graph, Random(seed))
    for depth in range(deepest + 1):
        drawing = diagram(graph, detail=Detail(depth=depth, fold=False), columns=1)
        assert _connections(drawing) == _expected_connections(graph, drawing), f"depth {depth}"
        yield drawing
        yield diagram(graph, detail=Detail(depth=depth))
        yield diagram(on_devices, detail=Detail(depth=depth))
    for name in inner[:3]:
        yield diagram(graph, detail=Detail(only=name))
        yield diagram(graph, detail=Detail(depth=deepest, collapse=(name,)))
    yield diagram(graph, direction="LR")
    yield compared(graph, on_devices)


def _write_views(graph: CheckedGraph) -> None:
    table = stage_table((graph,))
    assert to_markdown(table) and to_latex(table)
    try:
        picture = scene(figure(graph))
    except NotToScale:
        return
    assert to_svg(picture) and to_tikz(picture)


def _placed(graph: CheckedGraph, random: Random) -> CheckedGraph:
    devices: dict[Path, str] = {}
    for node in graph.nodes:
        devices[node.path] = devices[node.weights] if node.weights else random.choice(("gpu0", "gpu1", "gpu2"))
    return placed(graph, {dotted(path): device for path, device in devices.items()})


def _depth(container: Container) -> int:
    return 1 + max((_depth(child) for child in container.children if isinstance(child, Container)), default=0)


def _containers(container: Container) -> Iterator[Container]:
    for child in container.children:
        if isinstance(child, Container):
            yield child
            yield from _containers(child)


def _connections(drawing: Diagram) -> set[tuple[str, str]]:
    """Return the pairs of boxes that edges connect, directly or through forks."""
    forks = {box.id for box in drawing.boxes if box.form is Form.FORK}
    into = defaultdict(list)
    for edge in drawing.edges:
        into[edge.target].append(edge.source)

    def starts(box: str) -> Iterator[str]:
        for source in into[box]:
            yield from starts(source) if source in forks else (source,)

    return {(start, box) for box in into if box not in forks for start in starts(box)}


def _expected_connections(graph: CheckedGraph, drawing: Diagram) -> set[tuple[str, str]]:
    """Return the pairs of boxes between which the graph moves a value. Each leaves the last operator of its box."""
    ends: dict[str, Path] = {}
    owners: dict[Path, str] = {given.path: f"input-{given.name}" for given in graph.inputs}
    for box in drawing.boxes:
        if box.form is Form.BLOCK:
            inside = [node for node in graph.nodes if box.id == "whole-model" or _is_within(node, box.id)]
            owners |= {node.path: box.id for node in inside}
        elif box.form not in (*_ENDS, Form.FORK):
            named = {fact.partition(": ")[0] for fact in box.does}
            inside = [node for node in graph.nodes if dotted(node.path) in named]
            owners |= {node.path: box.id for node in inside}
            ends[box.id] = inside[-1].path
    nodes = {node.path: node for node in graph.nodes}

    def origin(value: Path) -> Path:
        while value not in owners:
            assert Trait.PASSES_ON in nodes[value].op.traits
            value = nodes[value].sources[0]
        return value

    reads = [(origin(source), owners[node.path]) for node in graph.nodes if node.path in owners
             for source in node.sources]  # fmt: skip
    for number, output in enumerate(graph.outputs):
        reads.append((origin(output.path), f"output-of-{output.name}" if number else "output-stream"))
    found = {(value, reader) for value, reader in reads if owners[value] != reader}
    assert all(ends.get(owners[value], value) == value for value, _ in found), "a value leaves the middle of a box"
    return {(owners[value], reader) for value, reader in found}


def _is_within(node: Node, container: str) -> bool:
    return dotted(node.path).startswith(f"{container}.")
