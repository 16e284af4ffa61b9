"""Numbers the values of a graph, and holds the values that `forward` computes against them.

A value is identified by its computation and the numbers of its inputs, so two computations of the same have one number,
in the graph and in the text. The order of the statements and the names of variables do not matter.
"""

from collections import Counter
from collections.abc import Collection, Hashable, Sequence

from archdsl.ir.graph import Node, Path, dotted
from archdsl.passes.lowering import LoweredGraph
from archdsl.readback.expected import Steps, expected_steps, sizes_of
from archdsl.readback.shapes import DoesNotFit, is_known, sizes_after
from archdsl.readback.values import BATCH, Place, Sizes, Step, Tensor, WrongModule, shown, stated

_COMMUTATIVE = ("add", "mul")


class Flow:
    """The values of a graph.

    Args:
        graph: The graph.
        modules: The paths of the steps that are modules in the text.

    Attributes:
        unknown: Steps with an operator that the reader does not know, by the numbers of their inputs.
    """

    def __init__(self, graph: LoweredGraph, modules: Collection[Path]) -> None:
        self.graph = graph
        self.unknown: dict[tuple[int, ...], tuple[int, Node]] = {}
        self._numbers: dict[Hashable, int] = {}
        self._of: dict[Path, int] = {}
        self._nodes: dict[int, list[Node]] = {}
        self._readers: dict[tuple[int, ...], list[Node | Path]] = {}
        self._counts: Counter[int] = Counter()
        self._identities: dict[tuple[Path, int], list[Node]] = {}
        self._passed: Counter[tuple[Path, int]] = Counter()
        # The steps are kept, so that their id stays their own.
        self._results: dict[tuple[int, Sizes], tuple[Sizes, Sequence[Step]]] = {}
        for given in graph.inputs:
            self._of[given.path] = self._number(("input", given.name))
        for node in graph.order:
            self._enter(node, modules)

    def _number(self, key: Hashable) -> int:
        return self._numbers.setdefault(key, len(self._numbers))

    def _enter(self, node: Node, modules: Collection[Path]) -> None:
        sources = tuple(self._of[source] for source in node.sources)
        if node.op.name == "identity" or (node.op.name in _COMMUTATIVE and len(sources) == 1):
            # Whether there is code for it or not: the value is that of its input. With a label, hooks must find it.
            self._of[node.path] = sources[0]
            if node.op.name == "identity" and node.labelled:
                self._identities.setdefault((node.weights or node.path, sources[0]), []).append(node)
            return
        owner = node.weights or node.path
        if owner in modules:
            number = self._number(("call", owner, *sources))
            self._enter_reader(sources, owner)
        else:
            found = expected_steps(node)
            if found is None:
                number = self._number(("unknown", node.path))
                self.unknown[sources] = (number, node)
            else:
                number = self._chain(node, sources, *found)
                self._enter_reader(sources, node)
        self._of[node.path] = number
        self._nodes.setdefault(number, []).append(node)

    def _enter_reader(self, sources: tuple[int, ...], reader: Node | Path) -> None:
        """Enter a function, or the path of a module, that reads some values."""
        self._readers.setdefault(sources if len(sources) == 1 else tuple(sorted(sources)), []).append(reader)

    def _chain(self, node: Node, sources: tuple[int, ...], before: Steps, steps: Steps) -> int:
        given = list(sources)
        for step in before:
            given = [self._number(_key(step, (each,))) for each in given]
        for step in steps:
            given = [self._number(_key((*step, node.device) if step[0] == "move" else step, tuple(given)))]
        return given[0]

    # what the text does

    def start(self) -> list[Tensor]:
        """Return the arguments of the model's `forward`, and forget what was counted."""
        self._counts.clear()
        self._passed.clear()
        return [Tensor(self._of[each.path], (BATCH, *sizes_of(each.shape))) for each in self.graph.inputs]

    def computed(self, step: Step, inputs: Sequence[Tensor], where: Place | str) -> Tensor:
        """Return the result of a function.

        Raises:
            WrongModule: The graph has no such step, or the sizes differ.
        """
        number = self._numbers.get(_key(step, tuple(each.number for each in inputs)))
        if number is None:
            raise self._unexpected(stated(step), inputs, where)
        if not is_known(step):
            return Tensor(number, inputs[0].sizes)
        return self._checked(number, self._sizes(step, [each.sizes for each in inputs], where), where)

    def called(self, path: Path, steps: Sequence[Step] | None, inputs: Sequence[Tensor], where: Place | str) -> Tensor:
        """Return the result of a module; `steps` is None if the reader does not know what it computes."""
        number = self._numbers.get(("call", path, *[each.number for each in inputs]))
        if number is None:
            raise self._unexpected(f"a call of {dotted(path)}", inputs, where)
        if steps is None:
            return self.unchecked(number)
        # Equal layers share their steps, and the sizes that these give.
        known = self._results.get((id(steps), inputs[0].sizes))
        if known is None:
            sizes = inputs[0].sizes
            for step in steps:
                sizes = self._sizes(step, [sizes], where)
            known = self._results[id(steps), inputs[0].sizes] = sizes, steps
        return self._checked(number, known[0], where)

    def passed(self, path: Path, tensor: Tensor) -> Tensor:
        """Return the result of an identity: its input. The call counts, because hooks see it."""
        self._passed[path, tensor.number] += 1
        return tensor

    def unchecked(self, number: int) -> Tensor:
        """Return the value of a step that the reader does not know, with the sizes of the graph."""
        self._counts[number] += 1
        return Tensor(number, _sizes_of_result(self._nodes[number][0]))

    def _sizes(self, step: Step, inputs: list[Sizes], where: Place | str) -> Sizes:
        try:
            return sizes_after(step, *inputs)
        except DoesNotFit as error:
            raise WrongModule(where, f"{error} for {stated(step)}", " and ".join(map(shown, inputs))) from None

    def _checked(self, number: int, sizes: Sizes, where: Place | str) -> Tensor:
        nodes = self._nodes.get(number)
        if nodes is not None:
            wanted = _sizes_of_result(nodes[0])
            if sizes != wanted:
                raise WrongModule(f"{where}, {dotted(nodes[0].path)}", shown(wanted), shown(sizes))
        self._counts[number] += 1
        return Tensor(number, sizes)

    def _unexpected(self, found: str, inputs: Sequence[Tensor], where: Place | str) -> WrongModule:
        sources = tuple(each.number for each in inputs)
        names = ", ".join(map(self.name, sources))
        wanted = self._readers.get(tuple(sorted(sources)))
        return WrongModule(
            where, " or ".join(map(_read_by, wanted)) if wanted else f"no such step of {names}", f"{found} of {names}"
        )

    def name(self, number: int) -> str:
        """Return the name of a value for a message."""
        nodes = self._nodes.get(number)
        if nodes:
            return dotted(nodes[0].path)
        return next((given.name for given in self.graph.inputs if self._of[given.path] == number), "a part of a step")

    # comparison

    def require_all(self, skipped: Collection[Path]) -> None:
        """Raise WrongModule unless `forward` computed every step as often as the graph, but for those in `skipped`."""
        for number, nodes in self._nodes.items():
            wanted = sum(node.path not in skipped for node in nodes)
            found = self._counts[number]
            # Towers that merge the same streams share the result.
            is_shared = nodes[0].op.name in ("add", "mul", "concat", "stack") and 0 < found < wanted
            if found != wanted and not is_shared:
                where = f"forward, {dotted(nodes[0].path)}"
                raise WrongModule(where, _times(wanted), _times(found))
        for key, nodes in self._identities.items():
            wanted = sum(node.path not in skipped for node in nodes)
            if self._passed[key] != wanted:
                source, where = self.name(key[1]), f"forward, {dotted(nodes[0].path)}"
                raise WrongModule(where, f"{_calls(wanted)} with {source}", _calls(self._passed[key]))

    def require_output(self, value: object, path: Path, name: str) -> None:
        """Raise WrongModule unless a value is that of a path."""
        wanted = self._of[path]
        if not isinstance(value, Tensor) or value.number != wanted:
            found = self.name(value.number) if isinstance(value, Tensor) else str(value)
            raise WrongModule(f"the output {name}", f"the result of {self.name(wanted)}", found)


def _read_by(reader: Node | Path) -> str:
    """Describe a function, or a module by its path, that reads values of the graph."""
    if not isinstance(reader, Node):
        return f"a call of {dotted(reader)}"
    before, steps = expected_steps(reader) or ((), ())
    return f"{', '.join(map(stated, (*before, *steps)))} for {dotted(reader.path)}"


def _sizes_of_result(node: Node) -> Sizes:
    """Return the sizes of the result of a step, with the batch; equal steps share them."""
    answers = node.answers
    if not hasattr(answers, "read_sizes"):
        answers.read_sizes = (BATCH, *sizes_of(node.shape))
    return answers.read_sizes


def _times(count: int) -> str:
    return "no computation" if count == 0 else "one computation" if count == 1 else f"{count} computations"


def _calls(count: int) -> str:
    return "no call" if count == 0 else "one call" if count == 1 else f"{count} calls"


def _key(step: Step, numbers: tuple[int, ...]) -> Hashable:
    return (step, *(sorted(numbers) if step[0] in _COMMUTATIVE else numbers))
