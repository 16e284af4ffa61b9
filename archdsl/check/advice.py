"""Warnings about a whole net: constructs that are allowed and probably mistakes.

A comment in the file turns a warning off: `# allow W0104` at the end of a line for that line, on a line of its own
for the whole file.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from archdsl.base.source import Source
from archdsl.check.quantities import doubts, is_distribution
from archdsl.diag import codes
from archdsl.diag.codes import Code
from archdsl.diag.edits import with_argument
from archdsl.diag.model import Diagnostic, Problems
from archdsl.ir.answers import Answers
from archdsl.ir.graph import CheckedGraph, Node, Path
from archdsl.ir.positions import position_axes
from archdsl.ops.base import Trait

# A rectified layer loses information if it is narrower than its neighbours by this factor.
_NARROW = 4
_ALLOWED = re.compile(r"#\s*allow((?:\s*,?\s*W\d{4})+)")


def advise(graph: CheckedGraph, problems: Problems) -> None:
    """Report probable mistakes in a net without errors."""
    advice = _Advice(graph, problems)
    for node in graph.nodes:
        advice.check(node)
    advice.check_end()


class _Advice:
    """The steps of a net, with the steps that read their results."""

    def __init__(self, graph: CheckedGraph, problems: Problems) -> None:
        self.graph = graph
        self.problems = problems
        self.nodes = {node.path: node for node in graph.nodes}
        self.readers: dict[Path, list[Node]] = {}
        for node in graph.nodes:
            for source in node.sources:
                self.readers.setdefault(source, []).append(node)
        self.ends = {output.path for output in graph.outputs}
        self.needed = self._needed()
        # Equal steps share their answers, and pairs of equal steps their warnings.
        self._undoubted: set[Answers] = set()
        self._concerns: dict[tuple[Answers, Answers], tuple[Code, ...]] = {}

    def _needed(self) -> set[Path]:
        found: set[Path] = set()
        waiting = [*self.ends]
        while waiting:
            path = waiting.pop()
            if path in self.nodes and path not in found:
                found.add(path)
                waiting += self.nodes[path].sources
        return found

    def only_reader(self, node: Node) -> Node | None:
        """Return the only step that reads a result; None if there are several, or if it is an output."""
        readers = self.readers.get(node.path, [])
        return readers[0] if len(readers) == 1 and node.path not in self.ends else None

    def report(self, code: Code, node: Node, label: str, help: str) -> None:
        """Report a warning about a step."""
        self.problems.report(code, node.span, label, help=help)

    def check(self, node: Node) -> None:
        """Report warnings about one step."""
        if node.path not in self.needed:
            if node.sources and not self.readers.get(node.path):
                self.report(codes.DEAD_STEP, node, "no step reads its output", "read it as `@label`, or remove it")
            return
        self._check_quantities(node)
        reader = self.only_reader(node)
        if reader is None:
            return
        pair = node.answers, reader.answers
        concerns = self._concerns.get(pair)
        if concerns is None:
            concerns = self._concerns[pair] = tuple(_concerns(node, reader))
        for code in concerns:
            self._warn_of_pair(code, node, reader)

    def _warn_of_pair(self, code: Code, node: Node, reader: Node) -> None:
        """Report a warning about a step and its only reader."""
        if code is codes.BIAS_BEFORE_NORM:
            label = f"the normalisation after it subtracts its {int(node.shape.channels)} bias values again"
            fixes = with_argument(node.span, "bias", "false")
            help = "write `bias = false`, here or in a `set`"
            self.problems.report(code, node.span, label, help=help, fixes=fixes)
        elif code is codes.ACTIVATION_TWICE:
            self._report_twice(node, reader)
        elif code is codes.DROPOUT_BEFORE_NORM:
            label = "the running variance after it includes the dropout"
            self.report(code, node, label, "move it after the last normalisation")
        elif code is codes.LINEAR_TWICE:
            label = f"without an activation between them, this layer and the one before it are one of {_sizes(reader)}"
            self.report(code, reader, label, "put an activation such as `relu` between them")
        else:
            assert code is codes.NARROW_RECTIFIED
            self._check_width(node, reader)

    def _report_twice(self, node: Node, reader: Node) -> None:
        """Report an activation after another one."""
        help = "remove one of the two"
        if is_distribution(node.op) and is_distribution(reader.op):
            help = f"remove `{node.op.name}`: `{reader.op.name}` normalises the scores itself"
        self.report(codes.ACTIVATION_TWICE, reader, "the step before it is an activation as well", help)

    def _check_quantities(self, node: Node) -> None:
        """Report numbers that are probably mistakes."""
        if node.answers in self._undoubted:
            return
        found = list(doubts(node))
        if not found:
            self._undoubted.add(node.answers)
        for doubt in found:
            self.problems.report(doubt.code, node.span, doubt.label, help=doubt.help, fixes=doubt.fixes)

    def _check_width(self, node: Node, reader: Node) -> None:
        """Report a narrow rectified layer without a shortcut around it."""
        width, before = int(node.shape.channels), int(node.input.channels)
        behind = [step for step in self.readers.get(reader.path, []) if step.macs]
        after = sum(int(step.shape.channels) for step in behind)
        around = len(self.readers.get(node.sources[0], [])) > 1
        if around or width * _NARROW > before or width * _NARROW > after or node.sources[0] not in self.nodes:
            return
        label = f"it reduces {before} channels to {width}, drops negative values, and {after} channels follow"
        self.report(codes.NARROW_RECTIFIED, node, label, "remove the activation, or add a shortcut around it")

    def check_end(self) -> None:
        """Report warnings about the end of the net."""
        last = self.nodes.get(self.graph.output.path)
        if last is None:
            return
        if Trait.DROPS in last.op.traits:
            self.report(
                codes.DROPOUT_AT_END, last, "in training, outputs are 0 at random", "move it before the last layer"
            )
        if Trait.GIVES_PROBABILITIES in last.op.traits and last.shape.rank == 1:
            label = "`nn.CrossEntropyLoss` takes scores, and applies a softmax itself"
            self.report(codes.SOFTMAX_AT_END, last, label, "remove it for training, or train with `nn.NLLLoss` on "
                        "logarithms")  # fmt: skip
        self._check_field()

    def _check_field(self) -> None:
        """Report a last convolution with a receptive field smaller than the input, if only averages follow."""
        windows = [node for node in self.graph.nodes if Trait.SLIDES in node.op.traits and node.path in self.needed]
        if not windows or self.graph.output.shape.rank != 1:
            return
        last = windows[-1]
        if not self._is_averaged(last):
            return
        # Imported late: most checks do not need it.
        from archdsl.report.receptive_fields import receptive_fields

        field, given = receptive_fields(self.graph).get(last.path), self.graph.inputs[0]
        sizes = [int(given.shape.dims[axis]) for axis in position_axes(self.graph, given)]
        if field is None or field.everything:
            return
        if any(size < side for size, side in zip(field.size, sizes, strict=True)):
            seen, whole = "x".join(map(str, field.size)), "x".join(map(str, sizes))
            label = f"its receptive field is {seen} of {whole} pixels"
            self.report(codes.FIELD_TOO_SMALL, last, label, "reduce the map earlier, or use more or larger windows")

    def _is_averaged(self, node: Node) -> bool:
        """Return whether the map is pooled to one pixel before a layer reads all of it."""
        while (reader := self.only_reader(node)) is not None:
            if max(reader.shape.map, default=1) == 1 and max(node.shape.map, default=1) > 1:
                return reader.op.family == "pooling"
            node = reader
        return False


def _concerns(node: Node, reader: Node) -> Iterator[Code]:
    """Yield the codes of the warnings about a step and its only reader; what is around them decides about a narrow one.

    Equal pairs of steps give the same codes.
    """
    traits, after = node.op.traits, reader.op.traits
    if Trait.CENTRES in after and node.op.values.get("bias") is True and node.shape.rank > 1:
        yield codes.BIAS_BEFORE_NORM
    if _is_activation(node) and _is_activation(reader) and not _is_gate(node, reader):
        yield codes.ACTIVATION_TWICE
    if Trait.DROPS in traits and Trait.USES_BATCH_STATISTICS in after:
        yield codes.DROPOUT_BEFORE_NORM
    if Trait.MIXES_ALL in traits and Trait.MIXES_ALL in after and _is_one_layer(node, reader):
        yield codes.LINEAR_TWICE
    # On a single pixel it is a gate, which scales a parallel stream.
    is_map = max(node.shape.map, default=1) != 1 and node.input.rank == node.shape.rank
    if is_map and node.macs and Trait.CUTS in after:
        yield codes.NARROW_RECTIFIED


def _is_one_layer(node: Node, reader: Node) -> bool:
    """Return whether two linear layers compute nothing that the second one alone could not compute."""
    return int(node.shape.dims[-1]) >= min(int(node.input.dims[-1]), int(reader.shape.dims[-1]))


def _is_activation(node: Node) -> bool:
    return Trait.SQUASHES in node.op.traits or is_distribution(node.op)


def _is_gate(node: Node, reader: Node) -> bool:
    """Return whether a softmax weighs values that an activation has bounded, which is common in attention."""
    return is_distribution(reader.op) and not is_distribution(node.op) and Trait.CUTS not in node.op.traits


def _sizes(reader: Node) -> str:
    return f"{int(reader.shape.dims[-1])} features"


def allowed(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return diagnostics without the warnings that comments in the files turn off."""
    pragmas: dict[str, Counter[tuple[int, str]]] = {}
    kept = []
    for diagnostic in found:
        span = diagnostic.primary.span
        if span.source.name not in pragmas:
            pragmas[span.source.name] = _pragmas(span.source)
        known = pragmas[span.source.name]
        code = diagnostic.code.id
        if diagnostic.code.is_error or not (known[(span.line, code)] or known[(0, code)]):
            kept.append(diagnostic)
    return kept


def _pragmas(source: Source) -> Counter[tuple[int, str]]:
    """Return how often a code is turned off on a line; line 0 stands for the whole file."""
    found: Counter[tuple[int, str]] = Counter()
    if "allow" not in source.text:
        return found
    for number, line in enumerate(source.text.split("\n"), 1):
        match = _ALLOWED.search(line)
        if match:
            alone = line.lstrip().startswith("#")
            found.update((0 if alone else number, code) for code in re.findall(r"W\d{4}", match.group(1)))
    return found
