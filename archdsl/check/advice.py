"""Warnings that teach: what a whole net does that is allowed, and is probably not meant.

A warning is turned off by a comment in the file: `# allow W0104` at the end of a line is for that line, and on a line
of its own for the whole file.
"""

import re
from collections import Counter
from collections.abc import Iterable

from archdsl.base.source import Source
from archdsl.diag import codes
from archdsl.diag.codes import Code
from archdsl.diag.model import Diagnostic, Problems
from archdsl.ir.graph import CheckedGraph, Node, Path
from archdsl.ops.base import Trait

# How much narrower than before and after a rectified layer is that loses something.
_NARROW = 4
_ALLOWED = re.compile(r"#\s*allow((?:\s*,?\s*W\d{4})+)")


def advise(graph: CheckedGraph, problems: Problems) -> None:
    """Report what is probably not meant in a net without errors."""
    advice = _Advice(graph, problems)
    for node in graph.nodes:
        advice.judge(node)
    advice.judge_end()


class _Advice:
    """What is known of a net while its steps are judged."""

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
        """Return the only step that reads a result; None where there are others, or it goes out."""
        readers = self.readers.get(node.path, [])
        return readers[0] if len(readers) == 1 and node.path not in self.ends else None

    def report(self, code: Code, node: Node, label: str, help: str) -> None:
        """Report a warning about a step."""
        self.problems.report(code, node.span, label, help=help)

    def judge(self, node: Node) -> None:
        """Report what is to be said about one step."""
        if node.path not in self.needed:
            if node.sources and not self.readers.get(node.path):
                self.report(
                    codes.DEAD_STEP, node, "nothing reads what comes out", "read it as `@label`, or leave it out"
                )
            return
        reader = self.only_reader(node)
        if reader is None:
            return
        if Trait.CENTRES in reader.op.traits and node.op.values.get("bias") is True and node.shape.rank > 1:
            label = f"its {int(node.shape.channels)} constants are taken off again by the normalisation behind it"
            self.report(codes.BIAS_BEFORE_NORM, node, label, "write `bias = false`, here or by `set`")
        if Trait.SQUASHES in node.op.traits and Trait.SQUASHES in reader.op.traits:
            self.report(codes.ACTIVATION_TWICE, reader, "what comes in was bent by an activation just before",
                        "leave one of the two out")  # fmt: skip
        if Trait.DROPS in node.op.traits and Trait.USES_BATCH_STATISTICS in reader.op.traits:
            self.report(codes.DROPOUT_BEFORE_NORM, node, "the variance that the normalisation keeps holds with it",
                        "move it behind the last normalisation")  # fmt: skip
        self._judge_width(node, reader)

    def _judge_width(self, node: Node, reader: Node) -> None:
        """Report a narrow layer that is rectified, if nothing leads around it."""
        # On a single pixel it is a gate, which weighs what goes around it.
        if max(node.shape.map, default=1) == 1:
            return
        if not node.macs or Trait.CUTS not in reader.op.traits or node.input.rank != node.shape.rank:
            return
        width, before = int(node.shape.channels), int(node.input.channels)
        behind = [step for step in self.readers.get(reader.path, []) if step.macs]
        after = sum(int(step.shape.channels) for step in behind)
        around = len(self.readers.get(node.sources[0], [])) > 1
        if around or width * _NARROW > before or width * _NARROW > after or node.sources[0] not in self.nodes:
            return
        label = f"{before} channels become {width}, lose what is negative, and become {after} again"
        self.report(codes.NARROW_RECTIFIED, node, label, "leave the activation out, or lead a shortcut around")

    def judge_end(self) -> None:
        """Report what is to be said about the end of a net."""
        last = self.nodes.get(self.graph.output.path)
        if last is None:
            return
        if Trait.GIVES_PROBABILITIES in last.op.traits and last.shape.rank == 1:
            label = "`nn.CrossEntropyLoss` wants scores, and takes a softmax of its own"
            self.report(codes.SOFTMAX_AT_END, last, label, "leave it out for training, or train with `nn.NLLLoss` on "
                        "logarithms")  # fmt: skip
        self._judge_sight()

    def _judge_sight(self) -> None:
        """Report a last convolution that sees less than the input where only means follow."""
        windows = [node for node in self.graph.nodes if Trait.SLIDES in node.op.traits and node.path in self.needed]
        if not windows or self.graph.output.shape.rank != 1:
            return
        last = windows[-1]
        if not self._is_averaged(last):
            return
        # Most checks have no use for it, and would wait for it.
        from archdsl.report.receptive_fields import receptive_fields

        field, sizes = receptive_fields(self.graph).get(last.path), self.graph.inputs[0].shape.map
        if field is None or field.everything:
            return
        if any(size < side for size, side in zip(field.size, sizes, strict=True)):
            label = f"it sees {'x'.join(map(str, field.size))} pixels of {'x'.join(str(int(side)) for side in sizes)}"
            self.report(codes.FIELD_TOO_SMALL, last, label, "shrink the map earlier, or use more or larger windows")

    def _is_averaged(self, node: Node) -> bool:
        """Whether a map is brought to one pixel before anything weighs all of it."""
        while (reader := self.only_reader(node)) is not None:
            if max(reader.shape.map, default=1) == 1 and max(node.shape.map, default=1) > 1:
                return reader.op.family == "pooling"
            node = reader
        return False


def allowed(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return diagnostics without the warnings that comments in their files allow."""
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
    """Return the lines on which codes are allowed; line 0 stands for the whole file."""
    found: Counter[tuple[int, str]] = Counter()
    if "allow" not in source.text:
        return found
    for number, line in enumerate(source.text.split("\n"), 1):
        match = _ALLOWED.search(line)
        if match:
            alone = line.lstrip().startswith("#")
            found.update((0 if alone else number, code) for code in re.findall(r"W\d{4}", match.group(1)))
    return found
