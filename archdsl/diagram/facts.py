"""What is written on boxes and frames: titles, small lines, and all facts in the tooltips."""

from collections import defaultdict
from collections.abc import Mapping
from itertools import groupby, pairwise

from archdsl.diagram import wording
from archdsl.diagram.absorb import Group
from archdsl.diagram.parts import Item, nodes_of
from archdsl.ir import CheckedGraph, Container, Node, Path, dotted, only_in_training
from archdsl.ops.base import Merge
from archdsl.report.fields import Field, fields
from archdsl.report.formats import field_size, field_stride

# Layers of a closed block that are named one by one; of more only the first and the last.
_NAMED = 4
_WEIGHTY = ("convolution", "linear")


def name(path: Path) -> str:
    """Return the name of a container; a number alone says nothing, so the name before it stands there too."""
    start = next((i for i in range(len(path) - 1, 0, -1) if not path[i].isdigit()), 0)
    return dotted(path[start:])


def block_title(container: Container) -> str:
    """Return the title of a closed submodule: its name, and the block that it is, or that all in it are."""
    title, block = name(container.path), _block(container)
    return title if block is None or block.lower() in title.lower() else f"{title}  {block}"


def repeats(container: Container) -> int:
    """Return how many uses of one block a submodule is a chain of; 1 where it is something else."""
    return len(container.children) if container.use is None and _block(container) else 1


def _block(container: Container) -> str | None:
    if not container.path:
        return None
    if container.use:
        return container.use.block
    uses = {child.use.block if isinstance(child, Container) and child.use else None for child in container.children}
    return next(iter(uses)) if len(uses) == 1 else None


def block_lines(container: Container, size: str, *, each: bool) -> tuple[str, ...]:
    """Return the small lines of a closed submodule: what is in it, and how large it is."""
    words, remark = content(container), ""
    if repeats(container) > 1:
        first, *others = (child for child in container.children if isinstance(child, Container))
        remark = _difference(first, others[-1])
        contents = {content(other) for other in others}
        words = contents.pop() if len(contents) == 1 else _widths(first, *others)
        size = f"{size} in all" if size and not each else size
    sizes = " · ".join(filter(None, (f"{size} each" if each and size else size, remark)))
    return tuple(filter(None, (words, sizes)))


def _widths(*blocks: Container) -> str:
    """Return how many channels come out of blocks that differ in them."""
    channels = [str(int(block.shape.channels)) for block in blocks]
    return f"{', '.join(channels) if len(channels) <= _NAMED else f'{channels[0]} … {channels[-1]}'} channels"


def _difference(first: Container, last: Container) -> str:
    """Return how the first block of a chain differs from the others, in a few words."""
    before, after = (tuple(map(int, shape.map)) for shape in (first.input, first.shape))
    smaller = [b // a for b, a in zip(before, after, strict=False) if a and b > a]
    if smaller and first.input.rank == first.shape.rank and last.input.map == last.shape.map:
        return f"first block /{max(smaller)}"
    projects = any(node.optional for node in first.nodes()) or any(map(_is_projection, first.children))
    return "first block projects" if projects and not any(map(_is_projection, last.children)) else ""


def _is_projection(child: Node | Container) -> bool:
    return child.optional


def content(container: Container) -> str:
    """Return what a submodule consists of: the channels that it puts together, or its layers of weights."""
    last = container.children[-1]
    if isinstance(last, Node) and isinstance(last.op, Merge) and last.op.free_axis == 0 and len(last.inputs) > 2:
        channels = " + ".join(str(int(shape.channels)) for shape in last.inputs)
        return f"{channels} = {int(last.shape.channels)}"
    layers = [node for node in _main(container) if node.op.family in _WEIGHTY]
    gates = [node for node in layers if is_gate(node, container)]
    if len(gates) == len(layers):
        gates = []
    layers = [node for node in layers if node not in gates]
    if len(layers) > _NAMED:
        return _blocks(container) or f"{len(layers)} layers of weights"
    titles = [node.op.title(node.input) for node in layers]
    words = {title.partition(" ")[0] for title in titles}
    if len(words) == 1 and len(titles) > 1:
        titles = [title.partition(" ")[2] for title in titles]
    known = {node.path: node for node in container.nodes()}
    signs = ["", *(" → " if _leads(one, other, known) else " + " for one, other in pairwise(layers))]
    text = "".join(sign + title for sign, title in zip(signs, titles, strict=False))
    return f"{text}, gate of {int(gates[0].shape.channels)}" if gates else text


def _blocks(container: Container) -> str:
    """Return the blocks that a submodule is a chain of, equal neighbours once; empty where it is none, or long."""
    uses = [child.use.block if isinstance(child, Container) and child.use else None for child in container.children]
    runs = [(block, len(list(run))) for block, run in groupby(uses)]
    if None in uses or len(runs) > _NAMED:
        return ""
    return " → ".join(f"{block} ×{count}" if count > 1 else f"{block}" for block, count in runs)


def is_gate(node: Node, container: Container) -> bool:
    """Whether a layer weighs means over the whole map, within a submodule that works on maps."""
    sides, around = (tuple(map(int, shape.map)) for shape in (node.input, container.input))
    return bool(around) and max(around) > 1 and bool(sides) and max(sides) == 1 == max(map(int, node.shape.map))


def _leads(one: Node, other: Node, known: dict[Path, Node]) -> bool:
    """Whether what comes out of a layer goes into another, through whatever steps."""
    waiting, seen = [other], {other.path}
    while waiting:
        for source in waiting.pop().sources:
            if source == one.path:
                return True
            if source in known and source not in seen:
                seen.add(source)
                waiting.append(known[source])
    return False


def _main(container: Container) -> list[Node]:
    """Return the operators of a submodule that are no projections of a shortcut."""
    found: list[Node] = []
    for child in container.children:
        if not child.optional:
            found += [child] if isinstance(child, Node) else _main(child)
    return found


def does(item: Item) -> tuple[str, ...]:
    """Return what operators in a box, or a submodule, do: calls, shapes, counts and devices."""
    nodes = nodes_of(item)
    params, macs = sum(node.params for node in nodes), sum(node.macs for node in nodes)
    if isinstance(item, Group):
        what = [f"{dotted(node.path)}: {_call(node)}" for node in nodes]
        incoming, shape = " and ".join(map(wording.sizes, item.node.inputs)), item.shape
    else:
        block = f"{item.use.block}({_arguments(item)})" if item.use else ""
        what = [": ".join(filter(None, (dotted(item.path), block)))]
        incoming, shape = wording.sizes(item.input), item.shape
    devices = sorted({node.device for node in nodes if node.device})
    on = [f"on {', '.join(devices)}"] if devices else []
    return (*what, f"{incoming} → {wording.sizes(shape)}", *exact(params, macs), *on)


def _call(node: Node) -> str:
    return " with ".join(filter(None, (wording.called(node.op), wording.defaults(node.op))))


def tooltip(item: Item, seen: Mapping[Path, str]) -> str:
    """Return all facts about operators in a box, or about a submodule; `seen` are the receptive fields of operators."""
    if isinstance(item, Group):
        last, span, doc = item.nodes[-1].path, item.node.span, wording.documentation(item.node.op)
    else:
        last, span, doc = item.output, item.span, " ".join(item.use.doc) if item.use else ""
    field = f"receptive field {seen[last]}" if last in seen else ""
    return " | ".join(filter(None, (*does(item), field, wording.place(span), doc)))


def receptive_fields(graph: CheckedGraph) -> dict[Path, str]:
    """Return in words what operators see of the inputs, and how far apart what neighbouring units see is."""
    found: dict[Path, list[str]] = defaultdict(list)
    for given in graph.inputs:
        name = given.name if len(graph.inputs) > 1 else ""
        for path, field in fields(graph, given).items():
            found[path] += filter(None, [_field(field, name)])
    return {path: "; ".join(words) for path, words in found.items() if words}


def _field(field: Field, name: str) -> str:
    if field.everything:
        return f"all of {name}" if name else "the whole input"
    size, stride = (words.replace("x", "×") for words in (field_size(field), field_stride(field)))
    return f"{size}{f' of {name}' if name else ''}, {stride} apart" if size else ""


def _arguments(container: Container) -> str:
    assert container.use
    return ", ".join(f"{argument.name} = {argument.value}" for argument in container.use.arguments)


def exact(params: int, macs: int) -> tuple[str, str]:
    """Return both counts with all their digits."""
    return wording.exact(params, "parameter"), wording.exact(macs, "MAC")


def training_params(graph: CheckedGraph) -> int:
    """Return the number of parameters that only the training needs, such as those of auxiliary heads."""
    aside = only_in_training(graph.graph)
    return sum(node.params for node in graph.nodes if node.path in aside)


def parameters(graph: CheckedGraph) -> str:
    """Return how many parameters a model has, in a few words; those that only the training needs stand apart."""
    training = training_params(graph)
    more = f" ({wording.short(graph.params)} in training)" if training else ""
    return f"{wording.short(graph.params - training)} parameters{more}"
