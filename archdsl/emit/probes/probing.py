"""Adds probes to the classes of a model, where the classes then take what the blocks take."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from archdsl.base.pyexpr import Expr, structure
from archdsl.base.records import record
from archdsl.emit.class_draft import ClassDraft
from archdsl.emit.class_parameters import class_parameters
from archdsl.emit.classes import Class
from archdsl.emit.dataflow import Dataflow
from archdsl.emit.drafter import Drafter
from archdsl.emit.grouping import Rejected
from archdsl.emit.probes.search import untaken
from archdsl.ir.graph import Container, Graph
from archdsl.passes.lowering import LoweredGraph, lowered_part

# Returns the class of each draft, by number; it changes the drafts.
Settle = Callable[[list[ClassDraft]], dict[int, Class]]
# Probes that do not fit are left out, at most so many times; then all are.
_ROUNDS = 4


@record(frozen=True, slots=True)
class Settled:
    """The drafts of a module, their classes by number, and the graphs of the probes among them."""

    drafts: list[ClassDraft]
    by_draft: dict[int, Class]
    probes: tuple[LoweredGraph, ...] = ()


def may_probe(graph: LoweredGraph, drafts: Iterable[ClassDraft]) -> bool:
    """Return whether blocks of a model may have sides that no use takes; those on several devices keep their forms."""
    uses = (each.container.use for each in drafts)
    return not graph.devices and not graph.fused and any(use and use.tests for use in uses)


def with_probes(drafts: list[ClassDraft], drafter: Drafter, settle: Settle) -> Settled:
    """Return the classes of a model's drafts, with probes as further uses of its blocks.

    Args:
        drafts: The drafts of the model, which do not change.
        drafter: The drafter that made them.
        settle: Returns the classes of drafts.
    """
    first = _copied(drafts)
    before = settle(first)
    graphs = [lowered_part(each) for each in _found(before)]
    probing = _Probing(drafts, drafter)
    probes = {number: each for number, each in enumerate(graphs) if probing.fits(each)}
    for _ in range(_ROUNDS):
        if not probes:
            break
        every = probing.drafted(probes)
        try:
            after = settle(every)
            rejected = frozenset(_rejected(before, after))
        except Rejected as error:
            rejected = error.probes
        if not rejected:
            return Settled(every, after, tuple(probes.values()))
        probes = {number: each for number, each in probes.items() if number not in rejected}
    return Settled(first, before)


def _found(before: Mapping[int, Class]) -> Iterator[Graph]:
    for found in {id(each): each for each in before.values()}.values():
        yield from untaken(found)


def _copied(drafts: Iterable[ClassDraft]) -> list[ClassDraft]:
    """Return drafts that can be changed without a change of the given ones."""
    return [
        replace(
            each, parameters=each.parameters.copied(), entries=[*each.entries], operators=dict(each.operators),
            initialisation=[*each.initialisation],
        )
        for each in drafts
    ]  # fmt: skip


@record(frozen=True, slots=True)
class _Probing:
    """The drafts of a model, and the drafter that made them."""

    drafts: list[ClassDraft]
    drafter: Drafter

    def fits(self, probe: LoweredGraph) -> bool:
        """Return whether a probe needs only blocks that the model has, with weights that are initialised as there."""
        known = {each.definition for each in self.drafts}
        return all(each in known for each in _definitions(probe.root)) and self.drafter.initialisation.fits(probe.root)

    def drafted(self, probes: Mapping[int, LoweredGraph]) -> list[ClassDraft]:
        """Return copies of the drafts of the model, and the drafts of probes after them."""
        made = _copied(self.drafts)
        for number, probe in probes.items():
            before = len(made)
            drafter = Drafter(Dataflow(probe), class_parameters(probe), made, self.drafter.initialisation)
            for child in probe.root.children:
                assert isinstance(child, Container)
                drafter.draft(child, drafter.parameters[child.path])
            for each in made[before:]:
                each.probe = number
        return made


def _definitions(container: Container) -> Iterator[tuple[str, int]]:
    """Yield the places of the blocks in a container."""
    for child in container.children:
        if isinstance(child, Container):
            if child.use:
                yield child.use.span.source.name, child.use.span.start
            yield from _definitions(child)


def _rejected(before: Mapping[int, Class], after: Mapping[int, Class]) -> Iterator[int]:
    """Yield the probes with which a class would take less than without them, or have another name."""
    probes = {each.probe for found in after.values() for each in found.members if each.probe is not None}
    for old, new in {id(old): (old, after[number]) for number, old in before.items()}.values():
        if not _takes_as_much(old, new):
            own = {each.probe for each in new.members if each.probe is not None}
            yield from own or probes


def _takes_as_much(old: Class, new: Class) -> bool:
    """Return whether a class with probes has the name, the arguments and no more conditions than one without."""
    if new.name != old.name or new.forms != old.forms or not {*old.parameters} <= {*new.parameters}:
        return False
    checks = {each.key for each in old.checks}
    if any(each.when is None and each.key not in checks for each in new.checks):
        return False
    return _structures(new.undecided) <= _structures(old.undecided)


def _structures(exprs: Sequence[Expr]) -> set[object]:
    return {structure(each) for each in exprs}
