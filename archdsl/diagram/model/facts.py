"""Texts of boxes and clusters: titles, small lines, and the facts in tooltips."""

from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise

from archdsl.diagram import wording
from archdsl.diagram.model.content import broken, content, same_content
from archdsl.diagram.model.fuse_boxes import OperatorGroup
from archdsl.diagram.model.matching import BEFORE
from archdsl.diagram.model.outline import Item, nodes_of
from archdsl.ir.graph import CheckedGraph, Container, Node, Path, dotted, only_in_training
from archdsl.report.receptive_fields import ReceptiveField
from archdsl.report.receptive_fields import receptive_fields as fields_of


def name(path: Path) -> str:
    """Return the last name of a path, with the names before it up to one that is not a number: `layer1.0`.

    A removed step of a comparison has the name that it had in the old model.
    """
    start = next((i for i in range(len(path) - 1, 0, -1) if not path[i].isdigit()), 0)
    return dotted(tuple(part.removesuffix(BEFORE) for part in path[start:]))


def block_title(container: Container) -> str:
    """Return the title of a closed submodule: its name, and the block that it or all its children are uses of."""
    title, block = name(container.path), _block(container)
    return title if block is None or block.lower() in title.lower() else f"{title}  {block}"


def block_kind(container: Container) -> str:
    """Return the block that a closed submodule or all its children are uses of; its name if there is none."""
    return _block(container) or (name(container.path) if container.path else "")


def repeats(container: Container) -> int:
    """Return the length of a submodule that is a chain of uses of one block, equal except for the first; else 1."""
    return len(container.children) if container.use is None and _block(container) else 1


def _block(container: Container) -> str | None:
    """Return the name of the block that a submodule, or each of its equal children, is a use of."""
    if not container.path:
        return None
    if container.use:
        return container.use.block
    blocks = _blocks(container)
    if len(set(map(_named, blocks))) != 1:
        return None
    *others, last = blocks
    return _named(last) if all(same_content(each, last) for each in others) else None


def _blocks(container: Container) -> tuple[Container, ...]:
    """Return the children of a submodule that is a chain of uses of blocks; nothing for other submodules."""
    blocks = tuple(child for child in container.children if isinstance(child, Container) and child.use)
    in_a_row = all(after.source == before.output for before, after in pairwise(blocks))
    return blocks if len(blocks) == len(container.children) and in_a_row else ()


def block_lines(container: Container, size: str, *, copies: bool) -> tuple[str, ...]:
    """Return the small lines of a closed submodule: its layers, then its size.

    Args:
        container: The submodule.
        size: Its number of parameters and multiply-accumulates as text.
        copies: Whether the box stands for several equal submodules.
    """
    lines, remark, counted = content(container), "", "each" if copies else ""
    dropping: tuple[str, ...] = ()
    if repeats(container) > 1:
        first, *_ = blocks = _blocks(container)
        same = next(block for block in blocks if len(nodes_of(block)) == len(nodes_of(blocks[-1])))
        lines, counted = content(blocks[-1]), counted or "in all"
        remark, dropping = _difference(first, blocks[-1]), rates(same, blocks[-1])
    elif container.use is None and len(blocks := _blocks(container)) > 1:
        lines = _runs(blocks) or lines
    sizes = " · ".join(filter(None, (f"{size} {counted}".strip() if size else "", remark)))
    return (*lines, *filter(None, (sizes, " · ".join(dropping))))


def _runs(blocks: tuple[Container, ...]) -> tuple[str, ...]:
    """Describe a chain of different blocks: the layers of two kinds of blocks, only the channels of more."""
    runs: list[list[Container]] = []
    for block in blocks:
        if runs and _named(runs[-1][-1]) == _named(block) and same_content(runs[-1][-1], block):
            runs[-1].append(block)
        else:
            runs.append([block])
    counts = [f" ×{len(run)}" if len(run) > 1 else "" for run in runs]
    if len(runs) == 2:
        texts = [
            broken(f"{_named(run[-1])}{count}: {' '.join(content(run[-1]))}")
            for run, count in zip(runs, counts, strict=True)
        ]
        if all(texts):
            return (*texts[0], *texts[1])
    names = (f"{_named(run[-1])} {int(run[-1].shape.channels)}" for run in runs)
    return broken(" → ".join(f"{name}{count}" for name, count in zip(names, counts, strict=True)))


def _named(block: Container) -> str:
    assert block.use
    return block.use.block


def _difference(first: Container, last: Container) -> str:
    """Return the difference between the first block of a chain and the others: its stride or projection."""
    before, after = (tuple(map(int, shape.map)) for shape in (first.input, first.shape))
    smaller = [b // a for b, a in zip(before, after, strict=False) if a and b > a]
    if smaller and first.input.rank == first.shape.rank and last.input.map == last.shape.map:
        return f"first block /{max(smaller)}"
    projects = any(node.optional for node in first.nodes()) or any(map(_is_projection, first.children))
    return "first block projects" if projects and not any(map(_is_projection, last.children)) else ""


def _is_projection(child: Node | Container) -> bool:
    return child.optional


def rates(item: Item, last: Item) -> tuple[str, ...]:
    """Return the range of drop rates over equal submodules, from those of the first to those of the last."""
    pairs = zip(nodes_of(item), nodes_of(last), strict=True)
    drawings = ((one.answers.drawing, other.answers.drawing) for one, other in pairs if one.op.is_random)
    found = (f"{one.title.lower()} to {other.size}" for one, other in drawings if one != other)
    return tuple(dict.fromkeys(found))


def each_of(details: tuple[str, ...]) -> tuple[str, ...]:
    """Return the sizes of one of several copies as texts that say so."""
    return (*details[:-1], f"{details[-1]} each") if details else ()


def does(item: Item) -> tuple[str, ...]:
    """Return the facts of operators in a box, or of a submodule: calls, shapes, counts and devices."""
    nodes = nodes_of(item)
    params, macs = sum(node.params for node in nodes), sum(node.macs for node in nodes)
    if isinstance(item, OperatorGroup):
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
    answers = node.answers
    if not hasattr(answers, "words"):
        answers.words = " with ".join(filter(None, (wording.called(node.op), wording.defaults(node.op))))
    return answers.words


def tooltip(item: Item, fields: Mapping[Path, str], facts: tuple[str, ...]) -> str:
    """Return the tooltip of a box or cluster: its facts from `does`, receptive field, source line and documentation."""
    if isinstance(item, OperatorGroup):
        last, span, doc = item.nodes[-1].path, item.node.span, wording.documentation(item.node.op)
    else:
        last, span, doc = item.output, item.span, " ".join(item.use.doc) if item.use else ""
    field = f"receptive field {fields[last]}" if last in fields else ""
    return " | ".join(filter(None, (*facts, field, wording.place(span), doc)))


def receptive_fields(graph: CheckedGraph) -> dict[Path, str]:
    """Return the receptive field and stride of each operator as text, for each input that it depends on."""
    found: dict[Path, list[str]] = defaultdict(list)
    for given in graph.inputs:
        name = given.name if len(graph.inputs) > 1 else ""
        words: dict[int, str] = {}
        for path, field in fields_of(graph, given).items():
            # Equal steps share their fields.
            text = words.get(id(field)) or words.setdefault(id(field), _field(field, name))
            if text:
                found[path].append(text)
    return {path: "; ".join(words) for path, words in found.items() if words}


def _field(field: ReceptiveField, name: str) -> str:
    if field.everything:
        return f"all of {name}" if name else "the whole input"
    size, stride = (words.replace("x", "×") for words in (field.size_text, field.stride_text))
    return f"{size}{f' of {name}' if name else ''}{f', stride {stride}' if stride else ''}" if size else ""


def _arguments(container: Container) -> str:
    assert container.use
    return container.use.text


def exact(params: int, macs: int) -> tuple[str, str]:
    """Return both counts with all digits."""
    return wording.exact(params, "parameter"), wording.exact(macs, "MAC")


def training_params(graph: CheckedGraph) -> int:
    """Return the number of parameters that only training needs, such as those of auxiliary heads."""
    aside = only_in_training(graph.graph)
    return sum(node.params for node in graph.nodes if node.path in aside)


def parameters(graph: CheckedGraph) -> str:
    """Return the number of parameters for inference, and in brackets the number in training if it differs."""
    training = training_params(graph)
    more = f" ({wording.short(graph.params)} in training)" if training else ""
    return f"{wording.short(graph.params - training)} parameters{more}"
