"""The documentation of generated code: docstrings with shapes and sources, and comments with shapes."""

from itertools import groupby, repeat
from pathlib import PureWindowsPath
from textwrap import wrap

from archdsl.base.pyexpr import Expr, Infix, Ref, structure, walk
from archdsl.base.pyprint import WIDTH, flat
from archdsl.base.shape import Shape
from archdsl.base.symbolic import TracedInt
from archdsl.emit.class_draft import ClassDraft, ForwardStep
from archdsl.emit.classes import Class
from archdsl.ir.graph import CountedGraph, Parameter, dotted
from archdsl.ops.argument_types import shown

_USES = 4
_LETTERS = {2: ("C", "L"), 3: ("C", "H", "W"), 4: ("C", "D", "H", "W")}


def title(graph: CountedGraph, *, doing: str = "") -> str:
    """Return the first line of the docstring of a module, or of a script with a verb in `doing`."""
    return _escaped(f"{doing}{graph.name}, made by archdsl from {_basename(graph.source.name)}.")


def of_class(found: Class, root: CountedGraph | None) -> list[str]:
    """Return the lines of a class's docstring; `root` is the graph if it is the class of the model."""
    draft = found.representative
    container, use = draft.container, draft.container.use
    if root:
        doc, span, about = root.doc, root.span, f"The architecture {root.name}."
    elif use:
        doc, span, about = use.doc, use.span, f"The block {use.block}."
    else:
        about = f"The submodule {container.path[-1]}."
        doc, span = (), container.span
    source = f"{_basename(span.source.name)}, line {span.line}"
    parts = [*_paragraphs(doc if any(doc) else (about,)), [f"Source: {source}."]]
    if found.forms > 1:
        parts.append(_wrapped(f"One of {found.forms} variants of the block, for {_uses(found)}."))
    fixed = _fixed(root, draft) if root else ""
    if fixed:
        parts.append(_wrapped(f"Built for {fixed}."))
    if not container.inline:
        parts.append(["Shapes:", *(f"    {line}" for shape in _shapes(found) for line in _hung(shape))])
    text = "\n\n".join("\n".join(part) for part in parts)
    first, *rest = _escaped(text).split("\n")
    return [first, *(f"    {line}" if line else "" for line in rest)]


def _uses(found: Class) -> str:
    """Return the paths of the submodules of a class; of many, the first ones."""
    paths = [dotted(member.container.path) for member in found.members]
    more = len(paths) - _USES
    if more > 1:
        return f"{', '.join(paths[:_USES])} and {more} more"
    return paths[0] if len(paths) == 1 else f"{', '.join(paths[:-1])} and {paths[-1]}"


def _fixed(root: CountedGraph, draft: ClassDraft) -> str:
    params: list[Parameter] = [p for p in root.parameters if p.used]
    closed = [p for p in params if p.name in draft.scope.fixed or p.name not in draft.scope.values]
    return ", ".join(f"{p.name} = {shown(p.value)}" for p in closed)


def _shapes(found: Class) -> list[str]:
    draft = found.representative
    given = [[member.shape_of(member.arguments[number][1]) for member in found.members] for number in _numbers(draft)]
    said = [
        f"{name}: {_batched(_sizes(found.members, shapes, None))}"
        for (name, _), shapes in zip(draft.arguments, given, strict=True)
    ]
    if len(draft.outputs) > 1:
        named = [(each.name, [draft.scope.expression(size) for size in each.shape.dims]) for each in draft.outputs]
        return [*said, *(f"{name}: {_batched(sizes)}" for name, sizes in named)]
    results = [member.shape_of(member.results()[0]) for member in found.members]
    return [*said, f"returns: {_batched(_sizes(found.members, results, given[0] if given else None, loosely=True))}"]


def _numbers(draft: ClassDraft) -> range:
    return range(len(draft.arguments))


def shape_of_input(found: Class) -> str:
    """Return the shape of the first argument, as comments show it."""
    if not found.representative.arguments:
        return ""
    return _joined(_sizes(found.members, _inputs(found.members), None))


def _inputs(members: list[ClassDraft]) -> list[Shape]:
    return [member.shape_of(member.arguments[0][1]) for member in members]


def shape_after(found: Class, step: ForwardStep) -> str:
    """Return the shape of a step's result; empty if it differs too much between the uses of the class."""
    place = _alike(found.representative, step).index(step)
    members = [member for member in found.members if len(_alike(member, step)) > place]
    shapes = [_alike(member, step)[place].shape for member in members]
    return _joined(_sizes(members, shapes, _inputs(members) if found.representative.arguments else None))


def _alike(draft: ClassDraft, step: ForwardStep) -> list[ForwardStep]:
    """Return the steps of a draft that are optional if and only if this one is. Drafts of a class have the same."""
    return [each for each in draft.steps if each.optional == step.optional]


def _sizes(
    drafts: list[ClassDraft], shapes: list[Shape], given: list[Shape] | None, *, loosely: bool = False
) -> list[Expr]:
    """Return the sizes that a shape has in all uses of a class, with letters for sizes that differ.

    Args:
        drafts: The uses.
        shapes: The shape in each use.
        given: The shape of the input in each use; sizes in proportion to it are written `H / 2`.
        loosely: Whether to write `...` or `H'` where neither sizes nor proportions agree; else the result is empty.
    """
    rank = shapes[0].rank
    if any(shape.rank != rank for shape in shapes):
        return [Ref("...")] if loosely else []
    sizes: list[Expr] = []
    for axis in range(rank):
        found = {structure(size): size for size in map(_size, drafts, shapes, repeat(axis))}
        if len(found) == 1:
            sizes += found.values()
            continue
        letter = _LETTERS.get(rank, ("F",) * rank)[axis]
        ratio = _ratio(shapes, given, axis) if given else 1
        if ratio is None and not loosely:
            return []
        sizes.append(Ref(letter) if ratio == 1 else Infix(Ref(letter), "/", ratio) if ratio else Ref(f"{letter}'"))
    return sizes


def _ratio(shapes: list[Shape], given: list[Shape], axis: int) -> int | None:
    """Return the factor by which an axis shrinks, if it is the same in all uses."""
    found: set[int | None] = set()
    for shape, before in zip(shapes, given, strict=True):
        if shape.rank != before.rank:
            return None
        whole, rest = divmod(int(before.dims[axis]), int(shape.dims[axis]))
        found.add(None if rest else whole)
    return found.pop() if len(found) == 1 else None


def _size(draft: ClassDraft, shape: Shape, axis: int) -> Expr:
    """Return a size as the class computes it. In a block, the result of a window formula is shown as a number."""
    size = draft.scope.expression(shape.dims[axis])
    return int(shape.dims[axis]) if axis and draft.container.use and _computes(size, "//") else size


def _computes(size: Expr, *operators: str) -> bool:
    """Return whether a size is computed with one of these operators."""
    return any(isinstance(part, Infix) and part.symbol in operators for part in walk(size))


def _joined(sizes: list[Expr]) -> str:
    """Return a shape for a comment: `6x28x28`, or `2 * width x 8 x 8` if it has parameters."""
    if all(isinstance(size, int) and not isinstance(size, TracedInt) for size in sizes):
        return "x".join(map(flat, sizes))
    return " x ".join(f"({flat(size)})" if _computes(size, "+", "-") else flat(size) for size in sizes)


def _batched(sizes: list[Expr]) -> str:
    return f"({', '.join(['N', *map(flat, sizes)])})"


def _paragraphs(doc: tuple[str, ...]) -> list[list[str]]:
    """Return the paragraphs of the author's documentation, which empty lines separate."""
    texts = [" ".join(lines) for is_text, lines in groupby(doc, key=bool) if is_text]
    return [_wrapped(text, first=number == 0) for number, text in enumerate(texts)]


def _wrapped(text: str, *, first: bool = False) -> list[str]:
    offset = 3 if first else 0
    found = wrap(" " * offset + text, WIDTH - 4, break_long_words=False, drop_whitespace=True) or [text]
    found[0] = found[0].strip()
    return found


def _hung(shape: str) -> list[str]:
    """Return the lines of a shape; all but the first are indented."""
    return wrap(shape, WIDTH - 8, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def _escaped(text: str) -> str:
    """Return text that cannot end or break a docstring, whatever the author wrote."""
    visible = "".join(char if char.isprintable() or char == "\n" else " " for char in text)
    return visible.replace("\\", "\\\\").replace('"', '\\"') if '"""' in visible else visible.replace("\\", "\\\\")


def _basename(name: str) -> str:
    # The separators of Windows are those of all systems.
    return PureWindowsPath(name).name
