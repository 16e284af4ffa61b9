"""The evaluator of expressions: bounded, and silent about what is reported already."""

import re

from archdsl.base.symbolic import TracedInt
from archdsl.diag import codes
from archdsl.diag.model import Problems
from archdsl.elaborate import values
from archdsl.elaborate.binding import Arguments
from archdsl.elaborate.limits import MAX_EXPRESSION_DEPTH, Limits
from archdsl.elaborate.scopes import Names
from archdsl.elaborate.suggestions import nearest, suggestion
from archdsl.elaborate.values import HOLE, Hole, TooLarge, Uncomputable, untraced
from archdsl.ops import all_ops, lookup
from archdsl.ops.argument_types import PADDING, Word, is_int, shown
from archdsl.ops.initialisers import INITIALISER, Initialiser, all_initialisers, find_initialiser
from archdsl.ops.reasons import ShapeError
from archdsl.syntax import ast

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Names of the language for the sizes of the stream.
STREAM = frozenset({"channels", "height", "width", "shape"})


class Evaluator:
    """Computes expressions in the scope of `names`."""

    def __init__(self, names: Names, problems: Problems, limits: Limits) -> None:
        self.names = names
        self.limits = limits
        self.problems = problems
        self._depth = 0
        self._words: tuple[str, ...] = ()
        self._takes_blocks = False

    def value(self, expr: ast.Expr, *, words: tuple[str, ...] = (), blocks: bool = False) -> object:
        """Return the value of an expression, HOLE after reporting why there is none.

        `words` are names that stand for themselves; with `blocks`, names of operators stand for the operators.
        """
        before = self._words, self._takes_blocks
        self._words, self._takes_blocks = words, blocks
        try:
            return self._value(expr)
        finally:
            self._words, self._takes_blocks = before

    def structural(self, expr: ast.Expr) -> object:
        """Return a value that decides about the structure, without its trace."""
        value = self.value(expr)
        self.names.pin(value)
        return untraced(value)

    def _value(self, expr: ast.Expr) -> object:
        self._depth += 1
        try:
            if self._depth > MAX_EXPRESSION_DEPTH:
                label = f"expressions are nested at most {MAX_EXPRESSION_DEPTH} deep"
                self.problems.report(codes.TOO_DEEP, expr.span, label)
                return HOLE
            return self._compute(expr)
        except Uncomputable as why:
            self.problems.report(codes.CANNOT_COMPUTE, expr.span, str(why))
        except TooLarge as why:
            self.problems.report(codes.NUMBER_TOO_LARGE, expr.span, f"this would be {why}", help=why.help)
        finally:
            self._depth -= 1
        return HOLE

    def _compute(self, expr: ast.Expr) -> object:
        match expr:
            case ast.Literal():
                return values.bounded(expr.value, self.limits)
            case ast.Name():
                return self._name(expr)
            case ast.Display():
                return self._display(expr)
            case ast.Unary():
                return self._unary(expr)
            case ast.Binary():
                return self._binary(expr)
            case ast.Comparison():
                return self._comparison(expr)
            case ast.Conditional():
                return self._conditional(expr)
            case ast.Index():
                return self._index(expr)
            case ast.Apply():
                return self._apply(expr)
            case ast.Reference():
                return self._reference(expr)

    def _display(self, expr: ast.Display) -> object:
        items = [self._value(item) for item in expr.items]
        if any(isinstance(item, Hole) for item in items):
            return HOLE
        return values.bounded(items if expr.is_list else tuple(items), self.limits)

    def _plain(self, expr: ast.Expr) -> object:
        value = self._value(expr)
        self.names.pin(value)
        return untraced(value)

    def _name(self, name: ast.Name) -> object:
        if name.text in self.names.values:
            return self.names.read(name.text)
        if name.text in self._words and self._words != INITIALISER.words:
            return Word(name.text)
        if name.text in self.names.definitions:
            return self.names.definitions[name.text]
        if (found := find_initialiser(name.text)) is not None:
            return self._initialiser(found, ast.Call(name, (), name.span))
        if name.text in STREAM:
            return self._stream(name)
        operator = lookup(name.text)
        if operator is not None and self._takes_blocks:
            return operator
        self._report_unknown(name)
        return HOLE

    def _reference(self, reference: ast.Reference) -> object:
        texts = self.label_texts(reference.label)
        if texts is None:
            return HOLE
        children = self.names.children
        found = children.find(texts[0]) if children and len(texts) == 1 else None
        if found is not None:
            self.names.referred.add(texts[0])
            return found.tensor
        if not self.names.hole:
            known = children.known() if children else []
            help = suggestion(texts[0], known) or "only labels above, in this body or around it, can be referred to"
            self.problems.report(codes.NO_SUCH_LABEL, reference.span, help=help)
        return HOLE

    def label_texts(self, label: ast.Label) -> list[str] | None:
        """Return the names that a label stands for, more than one with a range; None after reporting a mistake."""
        if isinstance(label, ast.Name):
            return [label.text]
        texts = [""]
        for part in label.parts:
            values = [part] if isinstance(part, str) else self._label_values(part)
            if values is None:
                return None
            if len(texts) * len(values) > self.limits.items:
                text, help = f"more than {self.limits.items:,} names", "raise the bound with --max-operations"
                self.problems.report(codes.NUMBER_TOO_LARGE, label.span, text, help=help)
                return None
            texts = [text + value for text in texts for value in values]
        wrong = next((text for text in texts if not _NAME.fullmatch(text)), None)
        if wrong is not None:
            self.problems.report(codes.BAD_NAME, label.span, f"`{wrong[:40]}` is no name")
            return None
        return texts

    def _label_values(self, part: ast.Expr | ast.Range) -> list[str] | None:
        if isinstance(part, ast.Range):
            ends = [self.structural(part.first), self.structural(part.last)]
            if any(end is HOLE for end in ends):
                return None
            for end, expr in zip(ends, part, strict=True):
                if not is_int(end):
                    self.problems.report(codes.BAD_NAME, expr.span, f"{shown(end)} is no whole number")
                    return None
            first, last = ends
            assert isinstance(first, int)
            assert isinstance(last, int)
            return [str(number) for number in range(first, min(last, first + self.limits.items) + 1)]
        value = self.structural(part)
        if value is HOLE:
            return None
        if is_int(value) or isinstance(value, str):
            return [str(value)]
        self.problems.report(codes.BAD_NAME, part.span, f"{shown(value)} is {values.kind_of(value)}")
        return None

    def sizes(self, shape: ast.ShapeOf) -> tuple[int, ...] | None:
        """Return the sizes of a written shape, or None after reporting what is wrong."""
        sizes: list[int] = []
        for dim in shape.dims:
            value = self.value(dim.value)
            if value is HOLE:
                return None
            if not is_int(value) or value < 1:  # type: ignore[operator]
                label = f"a size is a whole number of at least 1, not {shown(value)}"
                self.problems.report(codes.BAD_SHAPE, dim.value.span, label)
                return None
            sizes.append(value)  # type: ignore[arg-type]
        return tuple(sizes)

    def truth(self, expr: ast.Expr) -> object:
        """Return a truth value, HOLE after reporting that it is none."""
        value = self.value(expr)
        self.names.pin(value)
        return self._truth(expr, value)

    def _report_unknown(self, name: ast.Name) -> None:
        if self._words == INITIALISER.words:
            self._report_no_initialiser(codes.NO_SUCH_NAME, name)
            return
        words = [word for word in self._words if word != "same"]
        if name.text in PADDING.words:
            here = " or ".join(f"`{word}`" for word in words)
            label = f"`{name.text}` has a meaning only as padding"
            help = "write a number"
            if here:
                label, help = f"this operator does not know `{name.text}`", f"write {here}, or a number"
            self.problems.report(codes.NO_SUCH_NAME, name.span, label, help=help)
            return
        python = {"True": "true", "False": "false", "None": "none"}.get(name.text)
        before_the_stream = self.names.stream is None
        known = [*self.names.values, *words, *(() if before_the_stream else sorted(STREAM))]
        blocks = [*self.names.definitions, *(op.name for op in all_ops())] if self._takes_blocks else []
        if self.names.children and self.names.children.find(name.text):
            output = f"write `@{name.text}` for the output of that step" if self._takes_blocks else None
            self.problems.report(codes.NO_SUCH_NAME, name.span, "this is the label of a step", help=output)
            return
        advice = f"write `{python}`" if python else nearest(name.text, blocks) or suggestion(name.text, known)
        if advice is None and before_the_stream:
            advice = "only parameters that are defined before can be used here"
        self.problems.report(codes.NO_SUCH_NAME, name.span, help=advice)

    def _stream(self, name: ast.Name) -> object:
        stream = self.names.shape
        if self.names.hole or stream is None:
            if self.names.is_bundle and not self.names.hole:
                raise Uncomputable(f"several streams flow here, so there is no single `{name.text}`")
            if not self.names.hole:
                raise Uncomputable(f"there is no stream yet that could have `{name.text}`")
            return HOLE
        if name.text == "shape":
            return stream.dims
        if name.text == "channels":
            return stream.channels
        axis = {"height": -2, "width": -1}[name.text]
        if stream.rank < 1 - axis:
            raise Uncomputable(f"the stream is {stream} and has no {name.text}")
        return stream.dims[axis]

    def _index(self, expr: ast.Index) -> object:
        owner, position = self._value(expr.owner), self._plain(expr.position)
        return HOLE if owner is HOLE or position is HOLE else values.index(owner, position)

    def _unary(self, expr: ast.Unary) -> object:
        value = self._value(expr.operand)
        if value is HOLE:
            return HOLE
        if expr.symbol == "not":
            return self._truth(expr.operand, value, turned=True)
        if not values.is_number(value):
            raise Uncomputable(f"`-` does not go with {values.kind_of(value)}")
        if is_int(value):
            return values.binary("-", 0, value, self.limits)
        self.names.pin(value)
        return -value  # type: ignore[operator]

    def _binary(self, expr: ast.Binary) -> object:
        left = self._value(expr.left)
        if expr.symbol in ("and", "or"):
            first = self._truth(expr.left, left)
            if first is HOLE or first == (expr.symbol == "or"):
                return first
            return self._truth(expr.right, self._value(expr.right))
        right = self._value(expr.right)
        if left is HOLE or right is HOLE:
            return HOLE
        if not self._keeps_trace(expr.symbol, left, right):
            self.names.pin((left, right))
            left, right = untraced(left), untraced(right)
        return values.binary(expr.symbol, left, right, self.limits)

    @staticmethod
    def _keeps_trace(symbol: str, left: object, right: object) -> bool:
        if symbol == "**":
            return is_int(left) and is_int(right) and not isinstance(right, TracedInt)
        return is_int(left) and is_int(right)

    def _comparison(self, expr: ast.Comparison) -> object:
        left = self._plain(expr.first)
        for symbol, operand in expr.rest:
            right = self._plain(operand)
            if left is HOLE or right is HOLE:
                return HOLE
            if not values.compare(symbol, left, right):
                return False
            left = right
        return True

    def _conditional(self, expr: ast.Conditional) -> object:
        test = self._truth(expr.test, self._value(expr.test))
        if test is HOLE:
            return HOLE
        return self._value(expr.value if test else expr.otherwise)

    def _apply(self, expr: ast.Apply) -> object:
        if (found := find_initialiser(expr.function.text)) is not None:
            return self._initialiser(found, expr)
        if expr.function.text not in values.FUNCTIONS:
            self._report_no_function(expr.function)
            return HOLE
        named = [arg for arg in expr.args if arg.name]
        for arg in named:
            label = "functions take their arguments without names"
            self.problems.report(codes.CANNOT_COMPUTE, arg.span, label, help=f"write `{arg.value.span.text}` only")
        if named:
            return HOLE
        args = [self._plain(arg.value) for arg in expr.args]
        return HOLE if any(arg is HOLE for arg in args) else values.apply(expr.function.text, args, self.limits)

    def _report_no_function(self, name: ast.Name) -> None:
        if self._words == INITIALISER.words:
            self._report_no_initialiser(codes.NO_SUCH_FUNCTION, name)
            return
        initialisers = [each.name for each in all_initialisers()]
        help = nearest(name.text, [*values.FUNCTIONS, *initialisers]) or suggestion(name.text, list(values.FUNCTIONS))
        self.problems.report(codes.NO_SUCH_FUNCTION, name.span, help=help)

    def _report_no_initialiser(self, code: codes.Code, name: ast.Name) -> None:
        note = f"the initialisers are {', '.join(f'`{word}`' for word in INITIALISER.words)}"
        help = nearest(name.text, [*self.names.values, *INITIALISER.words])
        self.problems.report(code, name.span, notes=(note,), help=help)

    def _initialiser(self, found: type[Initialiser], call: ast.Call | ast.Apply) -> object:
        """Return an initialiser with its arguments; HOLE after reporting what is wrong with them."""
        binding = Arguments(lambda expr, words: self.value(expr, words=words), self.problems)
        given = binding.given(found, call, positional=found.positional)
        if given is None or not binding.complete(found, call, given):
            return HOLE
        made = found(**{name: each.value for name, each in given.items()})
        try:
            made.check()
        except ShapeError as error:
            place = given[error.reason.at].span if error.reason.at in given else call.span
            self.problems.report(error.reason.code, place, error.reason.label(), help=error.reason.help())
            return HOLE
        return made

    def _truth(self, expr: ast.Expr, value: object, *, turned: bool = False) -> object:
        """Return a truth value, the other one if `turned`; HOLE after reporting that it is none."""
        if isinstance(value, bool):
            return value != turned
        if value is not HOLE:
            label = f"{shown(value)} is {values.kind_of(value)}, and neither true nor false"
            self.problems.report(codes.CANNOT_COMPUTE, expr.span, label)
        return HOLE
