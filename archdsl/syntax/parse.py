"""Parsing: from text to syntax tree, with a function for each rule of the grammar that makes a node."""

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from archdsl.base.source import Source, Span
from archdsl.diag import codes
from archdsl.diag.model import Problems, TooManyErrors
from archdsl.syntax import ast
from archdsl.syntax.automaton import Automaton, Build, Token
from archdsl.syntax.documentation import Doc, documented
from archdsl.syntax.failures import report_failures

MAX_CHARACTERS = 800_000
MAX_BITS = 63
MAX_NAME = 255
MAX_ARGUMENTS = 1_000
MAX_AXES = 63
# Levels of an expression, and branches of an `if`.
MAX_DEPTH = 80
_BRACES = re.compile(r"\{([^{}]*)\}")
_ESCAPES = {"n": "\n", "t": "\t"}
_Run = TypeVar("_Run", bound=Automaton)
_Node = TypeVar("_Node", ast.Apply, ast.Display, ast.Unary, ast.Binary, ast.Comparison, ast.Conditional, ast.Index)


def parse(source: Source, problems: Problems, characters: int = MAX_CHARACTERS) -> ast.File | None:
    """Return the syntax tree of a source, in which statements with errors are `Broken`, or None if there is no tree."""
    return parse_with(Automaton, source, problems, characters)[0]


def parse_with(
    automaton: Callable[[str, dict[str, Build]], _Run],
    source: Source,
    problems: Problems,
    characters: int = MAX_CHARACTERS,
) -> tuple[ast.File | None, _Run | None]:
    """Return the syntax tree and the parser run, which has the tokens and failures."""
    if len(source.text) > characters:
        label = f"{len(source.text):,} characters, and at most {characters:,} are read"
        problems.report(codes.SOURCE_TOO_LARGE, Span(source, 0, 0), label)
        return None, None
    run = automaton(source.text, _Builder(source, problems).table())
    try:
        tree: ast.File | None = run.run()
        report_failures(run.failures, source, problems)
    except TooManyErrors:
        return None, None
    return tree, run


class _Builder:
    """Builds the nodes of the tree; `children` are the tokens and nodes of a rule.

    `offset` is the position of the parsed text in the source, if it is a part of it.
    """

    def __init__(self, source: Source, problems: Problems, offset: int = 0) -> None:
        self.source = source
        self.problems = problems
        self.offset = offset
        self._depths: dict[int, int] = {}

    def table(self) -> dict[str, Build]:
        """Return the functions by the names of their rules."""

        def bound(make: Callable[[list[Any], Span], Any]) -> Build:
            if self.offset:
                offset = self.offset
                return lambda children, start, end: make(children, Span(self.source, start + offset, end + offset))
            return lambda children, start, end: make(children, Span(self.source, start, end))

        return {name[6:]: bound(getattr(self, name)) for name in dir(self) if name.startswith("build_")}

    def name_of(self, token: Token) -> ast.Name:
        if len(token.text) > MAX_NAME:
            self._report_long(token)
        return ast.Name(token.text, Span(self.source, token.start + self.offset, token.end + self.offset))

    def _report_long(self, token: Token) -> None:
        span = Span(self.source, token.start + self.offset, token.end + self.offset)
        label = f"it has {len(token.text):,} characters, and a name has at most {MAX_NAME}"
        self.problems.report(codes.NAME_TOO_LONG, span, label)

    def _few(self, children: tuple[Any, ...], span: Span, what: str) -> tuple[Any, ...]:
        """Return parameters or arguments, or the first thousand after reporting that there are more."""
        if len(children) <= MAX_ARGUMENTS:
            return children
        label = f"these are {len(children):,} {what}, and at most {MAX_ARGUMENTS:,} are allowed"
        self.problems.report(codes.TOO_MANY_NAMES, span, label, help="give a list as one of them")
        return children[:MAX_ARGUMENTS]

    def _nested(self, node: _Node, parts: Iterable[object]) -> _Node:
        """Return a node. Raises TooManyErrors, which ends the parser, after reporting that it has too many levels."""
        depth = 1 + max([self._depths.get(id(part), 0) for part in parts], default=0)
        if depth > MAX_DEPTH:
            label = f"expressions can be nested {MAX_DEPTH} levels deep"
            self.problems.report(codes.TOO_DEEP, node.span, label)
            raise TooManyErrors
        self._depths[id(node)] = depth
        return node

    # files

    def build_file(self, children: list[Any], span: Span) -> ast.File:
        return ast.File(self.source, tuple(documented(self.source, children)))

    def build_doc(self, children: list[Token], span: Span) -> Doc:
        return Doc(children[0].text[2:].strip(), span)

    def build_model(self, children: list[Any], span: Span) -> ast.Definition:
        return self._definition("model", children, span)

    def build_block(self, children: list[Any], span: Span) -> ast.Definition:
        return self._definition("block", children, span)

    def build_macro(self, children: list[Any], span: Span) -> ast.Definition:
        return self._definition("macro", children, span)

    def _definition(self, kind: str, children: list[Any], span: Span) -> ast.Definition:
        params = children[1] if len(children) == 3 else ()
        body = children[-1]
        is_inline = isinstance(body, ast.Chain)
        return ast.Definition(
            kind, self.name_of(children[0]), params, (body,) if is_inline else body, (), is_inline, span
        )

    def build_import(self, children: list[Any], span: Span) -> ast.Import:
        path, *names = children
        text = self.build_string([path], Span(self.source, path.start + self.offset, path.end + self.offset))
        return ast.Import(text, tuple(names), span)

    def build_import_name(self, children: list[Token], span: Span) -> ast.Name:
        return self.name_of(children[0])

    def build_params(self, children: list[ast.Parameter], span: Span) -> tuple[ast.Parameter, ...]:
        return self._few(tuple(children), span, "parameters")

    def build_param(self, children: list[Any], span: Span) -> ast.Parameter:
        return ast.Parameter(self.name_of(children[0]), children[1] if len(children) == 2 else None, span)

    # statements

    def build_body(self, children: list[ast.Statement], span: Span) -> tuple[ast.Statement, ...]:
        return tuple(children)

    def build_input(self, children: list[Any], span: Span) -> ast.Input:
        return ast.Input(self.name_of(children[0]), children[1], span)

    def build_assertion(self, children: list[Any], span: Span) -> ast.Assert:
        return ast.Assert(children[0], span)

    def build_broken(self, children: list[Any], span: Span) -> ast.Broken:
        return ast.Broken(span)

    def build_set(self, children: list[ast.Call], span: Span) -> ast.Set:
        return ast.Set(tuple(children), span)

    def build_setting(self, children: list[Any], span: Span) -> ast.Call:
        return self.build_call(children, span)

    def build_output(self, children: list[Any], span: Span) -> ast.Output:
        return ast.Output(children[0], len(children) == 2, span)

    def build_training(self, children: list[Any], span: Span) -> bool:
        return True

    def build_devices(self, children: list[ast.Label], span: Span) -> ast.Devices:
        return ast.Devices(tuple(children), span)

    def build_for(self, children: list[Any], span: Span) -> ast.For:
        names, items, body = children
        return ast.For(names, items, body, span)

    def build_names(self, children: list[Token], span: Span) -> tuple[ast.Name, ...]:
        return tuple(map(self.name_of, children))

    def build_if(self, children: list[Any], span: Span) -> ast.If:
        test, body, *rest = children
        otherwise = rest[0] if rest else ()
        if not isinstance(otherwise, ast.If):
            return ast.If(test, body, otherwise, span)
        depth = 1 + self._depths.get(id(otherwise), 1)
        if depth > MAX_DEPTH:
            here = Span(self.source, span.start, span.start + len("if"))
            help = "choose an item of a list instead: `[8, 16, 32][i]`"
            self.problems.report(codes.TOO_DEEP, here, f"an `if` has at most {MAX_DEPTH} branches", help=help)
            raise TooManyErrors
        found = ast.If(test, body, (otherwise,), span)
        self._depths[id(found)] = depth
        return found

    # chains

    def build_chain(self, children: list[Any], span: Span) -> ast.Chain:
        return ast.Chain(tuple(child for child in children if isinstance(child, ast.Step)), span)

    def build_step(self, children: list[Any], span: Span) -> ast.Step:
        label = count = condition = shape = unit = None
        for child in children:
            match child:
                case ast.Name() | ast.Computed():
                    label = child
                case ast.ShapeOf():
                    shape = child
                case ("count", expr):
                    count = expr
                case ("condition", expr):
                    condition = expr
                case _:
                    unit = child
        assert unit is not None
        return ast.Step(label, unit, count, condition, shape, span)

    def build_label(self, children: list[Token], span: Span) -> ast.Label:
        return self._label(children[0])

    def build_place(self, children: list[Token], span: Span) -> ast.Label:
        return self._label(children[0])

    def build_count(self, children: list[Any], span: Span) -> tuple[str, ast.Expr]:
        return "count", children[-1]

    def build_condition(self, children: list[Any], span: Span) -> tuple[str, ast.Expr]:
        return "condition", children[-1]

    def build_annotation(self, children: list[ast.ShapeOf], span: Span) -> ast.ShapeOf:
        return children[-1]

    def build_call(self, children: list[Any], span: Span) -> ast.Call:
        return ast.Call(self.name_of(children[0]), children[1] if len(children) == 2 else (), span)

    def build_braces(self, children: list[Any], span: Span) -> ast.Braces:
        return ast.Braces(children[0], span)

    def build_numbered(self, children: list[Any], span: Span) -> ast.Numbered:
        return ast.Numbered(children[0], span)

    def build_group(self, children: list[Any], span: Span) -> ast.Group:
        return ast.Group(children[0], span)

    def build_merge(self, children: list[Any], span: Span) -> ast.Merge:
        name, *args, body = children
        call_span = args[0][-1].span if args and args[0] else self.name_of(name).span
        call = ast.Call(self.name_of(name), args[0] if args else (), self.name_of(name).span.to(call_span))
        return ast.Merge(call, body, span)

    def build_residual(self, children: list[Any], span: Span) -> ast.Residual:
        return ast.Residual(children[0], children[1] if len(children) == 2 else None, span)

    def build_on(self, children: list[Any], span: Span) -> ast.On:
        return ast.On(children[0], children[1], span)

    def build_towers(self, children: list[Any], span: Span) -> ast.Towers:
        name, *places, body = children
        return ast.Towers(name, places[0] if places else None, body, span)

    def build_reference(self, children: list[Token], span: Span) -> ast.Reference:
        token = children[0]
        label = self._label(token._replace(text=token.text[1:], start=token.start + 1))
        return ast.Reference(label, span)

    def build_share(self, children: list[Token], span: Span) -> ast.Share:
        token = children[0]
        here = Span(self.source, token.start + self.offset, token.end + self.offset)
        return ast.Share(self.build_reference(children, here), span)

    def build_args(self, children: list[ast.Argument], span: Span) -> tuple[ast.Argument, ...]:
        return self._few(tuple(children), span, "arguments")

    def build_argument(self, children: list[Any], span: Span) -> ast.Argument:
        return ast.Argument(None, children[0], span)

    def build_named(self, children: list[Any], span: Span) -> ast.Argument:
        return ast.Argument(self.name_of(children[0]), children[1], span)

    # shapes

    def build_short_shape(self, children: list[Token], span: Span) -> ast.ShapeOf:
        dims = tuple(ast.Dim(None, size) for size in self._sizes(children[-1]))
        return ast.ShapeOf(dims, span, self.name_of(children[0]) if len(children) == 2 else None)

    def build_long_shape(self, children: list[Any], span: Span) -> ast.ShapeOf:
        dims = tuple(child for child in children if isinstance(child, ast.Dim))
        if len(dims) > MAX_AXES:
            self._report_axes(len(dims), span)
        return ast.ShapeOf(dims[:MAX_AXES], span, self.name_of(children[0]) if len(dims) < len(children) else None)

    def _report_axes(self, count: int, span: Span) -> None:
        self.problems.report(codes.TOO_MANY_AXES, span, f"these are {count:,} axes; at most {MAX_AXES} are allowed")

    def build_dim(self, children: list[Any], span: Span) -> ast.Dim:
        return ast.Dim(self.name_of(children[0]) if len(children) == 2 else None, children[-1])

    # expressions

    def build_integer(self, children: list[Token], span: Span) -> ast.Literal:
        return ast.Literal(self._whole(children[0].text, span), span)

    def build_real(self, children: list[Token], span: Span) -> ast.Literal:
        return ast.Literal(float(children[0].text.replace("_", "")), span)

    def build_string(self, children: list[Token], span: Span) -> ast.Literal:
        body = iter(children[0].text[1:-1])
        text = "".join(_ESCAPES.get(after := next(body), after) if char == "\\" else char for char in body)
        return ast.Literal(text, span)

    def build_sizes(self, children: list[Token], span: Span) -> ast.Display:
        return ast.Display(self._sizes(children[0]), is_list=False, span=span)

    def build_constant(self, children: list[Token], span: Span) -> ast.Literal:
        return ast.Literal({"true": True, "false": False, "none": None}[children[0].text], span)

    def build_name(self, children: list[Token], span: Span) -> ast.Name:
        return self.name_of(children[0])

    def build_apply(self, children: list[Any], span: Span) -> ast.Expr:
        found = ast.Apply(self.name_of(children[0]), children[1], span)
        return self._nested(found, [arg.value for arg in found.args])

    def build_tuple(self, children: list[Any], span: Span) -> ast.Expr:
        return self._nested(ast.Display(tuple(children), is_list=False, span=span), children)

    def build_list(self, children: list[Any], span: Span) -> ast.Expr:
        return self._nested(ast.Display(tuple(children), is_list=True, span=span), children)

    def build_unary(self, children: list[Any], span: Span) -> ast.Expr:
        return self._nested(ast.Unary(children[0].text, children[1], span), children)

    def build_binary(self, children: list[Any], span: Span) -> ast.Expr:
        return self._nested(ast.Binary(children[0], children[1].text, children[2], span), children)

    def build_comparison(self, children: list[Any], span: Span) -> ast.Expr:
        pairs = zip(children[1::2], children[2::2], strict=True)
        found = ast.Comparison(children[0], tuple((sign.text, value) for sign, value in pairs), span)
        return self._nested(found, children)

    def build_conditional(self, children: list[Any], span: Span) -> ast.Expr:
        value, test, otherwise = children
        return self._nested(ast.Conditional(value, test, otherwise, span), children)

    def build_index(self, children: list[Any], span: Span) -> ast.Expr:
        return self._nested(ast.Index(children[0], children[1], span), children)

    def _label(self, token: Token) -> ast.Label:
        """Return a name; the expressions of a computed one are parsed here."""
        if "{" not in token.text or len(token.text) > MAX_NAME:
            return self.name_of(token)
        parts: list[str | ast.Expr | ast.Range] = []
        end = 0
        for found in _BRACES.finditer(token.text):
            if found.start() > end:
                parts.append(token.text[end : found.start()])
            parts.append(self._value(found.group(1), token.start + found.start(1)))
            end = found.end()
        if token.text[end:]:
            parts.append(token.text[end:])
        return ast.Computed(tuple(parts), Span(self.source, token.start + self.offset, token.end + self.offset))

    def _value(self, text: str, start: int) -> ast.Expr | ast.Range:
        first, dots, last = text.partition("..")
        if dots:
            return ast.Range(self._expression(first, start), self._expression(last, start + len(first) + len(dots)))
        return self._expression(first, start)

    def _expression(self, text: str, start: int) -> ast.Expr:
        """Return the expression inside a token."""
        offset = self.offset + start
        run = Automaton(text, _Builder(self.source, self.problems, offset).table(), start="expr")
        found: ast.Expr | None = run.run()
        report_failures([failure.moved(offset) for failure in run.failures], self.source, self.problems)
        return ast.Literal(0, Span(self.source, offset, offset + len(text))) if found is None else found

    def _sizes(self, token: Token) -> tuple[ast.Expr, ...]:
        sizes, start = list[ast.Expr](), token.start + self.offset
        texts = token.text.split("x")
        if len(texts) > MAX_AXES:
            self._report_axes(len(texts), Span(self.source, start, token.end + self.offset))
        for text in texts[:MAX_AXES]:
            span = Span(self.source, start, start + len(text))
            sizes.append(ast.Literal(self._whole(text, span), span))
            start = span.end + 1
        return tuple(sizes)

    def _whole(self, text: str, span: Span) -> int:
        digits = text.replace("_", "")
        if len(digits) > 20 or int(digits) >= 2**MAX_BITS:
            self.problems.report(codes.NUMBER_TOO_LARGE, span, f"integers go up to 2**{MAX_BITS} - 1")
            return 1 << MAX_BITS  # It has no value; the evaluator reports nothing more.
        return int(digits)
