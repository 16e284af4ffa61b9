"""Forms that lead several streams: merges, residuals, groups, and the placement on devices."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from archdsl.diag import codes
from archdsl.diag.model import Label
from archdsl.elaborate import control
from archdsl.elaborate.arguments import Bound
from archdsl.elaborate.ast_queries import labels
from archdsl.elaborate.naming import child_name
from archdsl.elaborate.scopes import Children, Defaults, Names, Site
from archdsl.elaborate.streams import Bundle, Tensor
from archdsl.elaborate.suggestions import suggestion
from archdsl.elaborate.values import HOLE
from archdsl.ir.graph import ChildNaming, Container
from archdsl.ops.argument_types import is_int, shown
from archdsl.ops.base import Merge
from archdsl.ops.merge import Add, Concat
from archdsl.ops.rearrange import Slice
from archdsl.syntax import ast

if TYPE_CHECKING:
    from archdsl.elaborate.steps import Made, Steps


def merge(steps: "Steps", unit: ast.Merge, label: ast.Name | None, site: Site) -> "Made":
    """Return the branches of a merge, all fed with the current stream, and the node that joins them."""
    bound = steps.binder.bind(unit.call, site.defaults)
    name = child_name(steps.problems, label, unit.call.name.text, site.children, counts=False)
    if bound is not None and not isinstance(bound.op, Merge):
        known = "`concat`, `add`, `mul` and `stack`"
        label_ = f"`{bound.op.name}` takes one stream, and no branches"
        steps.problems.report(codes.EMPTY_MERGE, unit.call.span, label_, help=f"branches go into {known}")
        bound = None
    start = steps.single(unit.call.span)
    made, ends = _branches(steps, unit.body, site.inner(), start)
    if bound is None or start is None or any(end is None for end in ends):
        steps.names.hole = True
        return []
    if not ends:
        help = "write each branch as a statement of its own"
        steps.problems.report(codes.EMPTY_MERGE, unit.call.span, "there is no branch", help=help)
        steps.names.hole = True
        return []
    tensors = tuple(end for end in ends if end is not None)
    return [*made, *steps.place(bound, (*site.path, name), tensors, labelled=True)]


def _branches(
    steps: "Steps", body: tuple[ast.Statement, ...], site: Site, start: Tensor | None
) -> "tuple[Made, list[Tensor | None]]":
    """Return what the branches make, and where each ends; a branch that its condition leaves out has no end."""
    made: Made = []
    ends: list[Tensor | None] = []
    before, steps.names.children = steps.names.children, site.children
    for number, statement in enumerate(body):
        # Conditions and counts see what comes in, not where the branch before ends.
        steps.names.stream = start
        if isinstance(statement, ast.For | ast.If):
            for taken in control.bodies(steps, statement):
                more, found = _branches(steps, taken, site.inner(), start)
                made, ends = made + more, ends + found
        elif isinstance(statement, ast.Chain):
            if _is_left_out(steps, statement):
                continue
            steps.names.stream, steps.names.hole = start, start is None
            made += steps.chain(statement, site)
            ends.append(steps.single(statement.span))
        else:
            made += steps.statement(statement, site, body[number + 1 :])
    steps.names.children = before
    return made, ends


def _is_left_out(steps: "Steps", chain: ast.Chain) -> bool:
    only = chain.steps[0]
    return len(chain.steps) == 1 and only.condition is not None and steps.evaluator.truth(only.condition) is False


def residual(steps: "Steps", unit: ast.Residual, label: ast.Name | None, site: Site) -> "Made":
    """Return the body, the projection where shapes differ, and their sum."""
    name = child_name(steps.problems, label, Add.name, site.children, counts=False)
    if not unit.body:
        span = replace(unit.span, end=unit.span.start + len("residual"))
        help = "write the steps that the stream is added to, or leave it out"
        steps.problems.report(codes.EMPTY_MERGE, span, "there is nothing in its body", help=help)
        steps.names.hole = True
    start = steps.single(unit.span)
    made = steps.body(unit.body, site.inner())
    end = steps.single(unit.span)
    if start is None or end is None:
        return []
    shortcut = start
    if not steps.same(start.shape, end.shape):
        if unit.project is None:
            _report_residual(steps, unit, start, end)
            return []
        steps.names.stream = start
        projection = steps.body(unit.project, site.inner())
        found = steps.single(unit.span)
        if found is None:
            return []
        made += [replace(each, optional=True) for each in projection]
        shortcut = found
        if not steps.same(shortcut.shape, end.shape):
            _report_projection(steps, unit, shortcut, end)
            return []
    call = ast.Call(ast.Name(Add.name, unit.span), (), unit.span)
    bound = Bound(Add(), call, {}, {})
    return [*made, *steps.place(bound, (*site.path, name), (shortcut, end), labelled=True)]


def _report_residual(steps: "Steps", unit: ast.Residual, start: Tensor, end: Tensor) -> None:
    label = f"{start.shape} goes in, and {end.shape} comes out"
    span = replace(unit.span, end=unit.span.start + len("residual"))
    help = "make the shapes equal, or add `project { … }` for where they differ: `project { conv(…, 1) }`"
    secondary = _where(steps, end, "the body ends here")
    steps.problems.report(codes.RESIDUAL_DIFFERS, span, label, secondary=secondary, help=help)
    steps.names.hole = True


def _report_projection(steps: "Steps", unit: ast.Residual, shortcut: Tensor, end: Tensor) -> None:
    label = f"the projection gives {shortcut.shape}, and the body gives {end.shape}"
    span = replace(unit.span, end=unit.span.start + len("residual"))
    secondary = (*_where(steps, end, "the body ends here"), *_where(steps, shortcut, "the projection ends here"))
    help = "give both the same number of channels and the same stride"
    steps.problems.report(codes.RESIDUAL_DIFFERS, span, label, secondary=secondary, help=help)
    steps.names.hole = True


def _where(steps: "Steps", tensor: Tensor, text: str) -> tuple[Label, ...]:
    node = steps.nodes.get(tensor.source)
    return (Label(node.span, text),) if node else ()


def on(steps: "Steps", unit: ast.On, site: Site) -> "Made":
    """Return the steps of `on device { … }`, placed there."""
    device = _devices(steps, unit.place)
    if device is None:
        steps.names.hole = True
    before, steps.names.device = steps.names.device, device[0] if device else None
    made = steps.body(unit.body, site.inner())
    steps.names.device = before
    return made


def _devices(steps: "Steps", place: ast.Label) -> list[str] | None:
    """Return the devices that a place names, or None after reporting that there is none of this name."""
    names = steps.evaluator.label_texts(place)
    unknown = next((name for name in names or () if name not in steps.devices), None)
    if names is None or unknown is not None:
        if unknown is not None:
            help = suggestion(unknown, steps.devices) or f"declare it at the top of the model: `devices {unknown}`"
            steps.problems.report(codes.NO_SUCH_DEVICE, place.span, f"`{unknown}` is not declared", help=help)
        return None
    return names


@dataclass(slots=True)
class _Lane:
    """One of the streams of a group, with the names and the place that its steps have."""

    names: Names
    site: Site
    entry: Tensor
    made: "Made" = field(default_factory=list)


def lanes(steps: "Steps", unit: ast.Lanes, site: Site) -> "Made":
    """Return the towers of a group, each step taken in all of them before the next one is."""
    towers = steps.evaluator.label_texts(unit.name)
    places = _devices(steps, unit.place) if unit.place else []
    if towers is None or places is None or steps.names.hole or steps.names.stream is None:
        steps.names.hole = True
        return []
    entries = _entries(steps, unit, len(towers))
    if entries is None or not _fits_places(steps, unit, len(towers), places):
        steps.names.hole = True
        return []
    made = [
        _lane(steps, unit, site, ast.Name(tower, unit.name.span), number, entry, places)
        for number, (tower, entry) in enumerate(zip(towers, entries, strict=True))
    ]
    # Lanes on several devices take their steps in turns, so that all devices have work.
    inline = _run(steps, unit.body, made) or len(set(places)) > 1
    ends = []
    for lane in made:
        end = lane.names.stream
        if lane.names.hole or not isinstance(end, Tensor):
            steps.names.hole = True
            return []
        ends.append(end)
    steps.names.stream = Bundle(tuple(ends))
    return [
        Container(
            lane.site.path, ChildNaming.NAMED, tuple(lane.made), unit.span, lane.entry.source, lane.entry.shape,
            end.source, end.shape, inline=inline, tower=lane.names.tower,
        )
        for lane, end in zip(made, ends, strict=True)
        if lane.made
    ]  # fmt: skip


def _entries(steps: "Steps", unit: ast.Lanes, count: int) -> tuple[Tensor, ...] | None:
    """Return the stream that each lane begins with: the lanes that flow already, else the same stream for all."""
    stream = steps.names.stream
    if isinstance(stream, Tensor):
        return (stream,) * count
    assert isinstance(stream, Bundle)
    if len(stream.lanes) == count:
        return stream.lanes
    label = f"{len(stream.lanes)} streams come in, and there are {count} names"
    steps.problems.report(codes.SEVERAL_STREAMS, unit.name.span, label, help="give as many names as streams")
    return None


def _fits_places(steps: "Steps", unit: ast.Lanes, count: int, places: list[str]) -> bool:
    if not places or len(places) == count or len(places) == 1:
        return True
    assert unit.place is not None
    label = f"{len(places)} devices for {count} streams"
    steps.problems.report(codes.NO_SUCH_DEVICE, unit.place.span, label, help="give one device, or one for each stream")
    return False


def _lane(
    steps: "Steps", unit: ast.Lanes, site: Site, tower: ast.Name, number: int, entry: Tensor, places: list[str]
) -> _Lane:
    path = (*site.path, child_name(steps.problems, tower, tower.text, site.children, counts=False))
    outer = steps.names
    children = Children(numbered=False, labels=labels(unit.body, outer.blocks), outer=site.children)
    names = replace(outer, values={**outer.values, "tower": number}, stream=entry, children=children)
    names.tower = number
    if places:
        names.device = places[number % len(places)]
    return _Lane(names, Site(path, children, Defaults(site.defaults)), entry)


def _run(steps: "Steps", body: tuple[ast.Statement, ...], lanes: list[_Lane]) -> bool:
    """Unfold the statements in all lanes side by side; return whether they exchanged their streams."""
    exchanged = False
    for number, statement in enumerate(body):
        if isinstance(statement, ast.Chain) and _mentions_exchange(statement):
            for step in statement.steps:
                if _is_exchange(steps, step):
                    _exchange(steps, step, lanes)
                    exchanged = True
                else:
                    _each(steps, lanes, (ast.Chain((step,), step.span),), ())
        elif isinstance(statement, ast.For) and _mentions_exchange(statement):
            with steps.within(lanes[0].names):
                for _ in control.rounds(steps, statement):
                    for lane in lanes[1:]:
                        lane.names.values.update({n.text: lanes[0].names.values[n.text] for n in statement.names})
                    exchanged = _run(steps, statement.body, lanes) or exchanged
        else:
            _each(steps, lanes, (statement,), body[number + 1 :])
    return exchanged


def _mentions_exchange(statement: ast.Chain | ast.For) -> bool:
    chains: Iterable[ast.Statement] = statement.body if isinstance(statement, ast.For) else (statement,)
    for chain in chains:
        if isinstance(chain, ast.For) and _mentions_exchange(chain):
            return True
        if isinstance(chain, ast.Chain) and any(
            isinstance(step.unit, ast.Call) and step.unit.name.text == "exchange" for step in chain.steps
        ):
            return True
    return False


def _is_exchange(steps: "Steps", step: ast.Step) -> bool:
    unit = step.unit
    return isinstance(unit, ast.Call) and unit.name.text == "exchange" and steps.callee(unit.name) is None


def _each(
    steps: "Steps", lanes: list[_Lane], statements: tuple[ast.Statement, ...], below: tuple[ast.Statement, ...]
) -> None:
    for lane in lanes:
        with steps.within(lane.names):
            for statement in statements:
                lane.made += steps.statement(statement, lane.site, below)


def _exchange(steps: "Steps", step: ast.Step, lanes: list[_Lane]) -> None:
    """Let each lane go on with the maps of all."""
    streams = [lane.names.stream for lane in lanes]
    if any(lane.names.hole or not isinstance(lane.names.stream, Tensor) for lane in lanes):
        for lane in lanes:
            lane.names.hole = True
        return
    assert isinstance(step.unit, ast.Call)
    bound = Bound(Concat(), step.unit, {}, {})
    for lane in lanes:
        name = lane.site.children.free_name("exchange")
        with steps.within(lane.names):
            inputs = tuple(stream for stream in streams if isinstance(stream, Tensor))
            lane.made += steps.place(bound, (*lane.site.path, name), inputs, labelled=True)


def special(steps: "Steps", call: ast.Call, label: ast.Name | None, site: Site) -> "Made":
    """Return what `exchange` or `split` makes where it stands outside of the statements of a group."""
    if call.name.text == "exchange":
        help = "it lets the streams of a `group` see each other, and is a step of the group's own chains"
        steps.problems.report(codes.MISPLACED, call.span, "no group around this step", help=help)
        steps.names.hole = True
        return []
    return _split(steps, call, label, site)


def _split(steps: "Steps", call: ast.Call, label: ast.Name | None, site: Site) -> "Made":
    """Cut the channels into a bundle of equal parts."""
    count = steps.evaluator.structural(call.args[0].value) if len(call.args) == 1 else None
    stream = steps.single(call.span)
    if not is_int(count) or count < 2:  # type: ignore[operator]
        if count is not HOLE:
            given = "" if count is None else f", not {shown(count)}"
            text = f"`split` takes the number of parts, at least 2{given}"
            steps.problems.report(codes.WRONG_VALUE, call.span, text, help="write `split(2)`")
        steps.names.hole = True
        return []
    assert isinstance(count, int)
    if stream is None:
        return []
    channels = stream.shape.channels
    if channels % count:
        text = f"{int(channels)} channels do not split into {count} equal parts"
        steps.problems.report(codes.NOT_DIVISIBLE, call.span, text)
        steps.names.hole = True
        return []
    size = channels // count
    made: Made = []
    parts = []
    for number in range(count):
        bound = Bound(Slice(start=number * size, stop=(number + 1) * size), call, {}, {})
        name = child_name(steps.problems, label if number == 0 else None, "split", site.children)
        steps.names.stream = stream
        made += steps.place(bound, (*site.path, name), (stream,), labelled=True)
        if isinstance(steps.names.stream, Tensor):
            parts.append(steps.names.stream)
    steps.names.stream = Bundle(tuple(parts))
    return made
