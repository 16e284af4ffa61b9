"""Text to syntax tree: a function for every rule of the grammar that makes a node."""

from collections.abc import Callable
from typing import Any, TypeVar

from archdsl.diag import codes
from archdsl.diag.model import Problems
from archdsl.source import Source, Span
from archdsl.syntax import ast
from archdsl.syntax.automaton import Automaton, Build, Token
from archdsl.syntax.errors import report_all

MAX_CHARACTERS = 4_000_000
MAX_BITS = 63
_ESCAPES = {"n": "\n", "t": "\t"}
_Run = TypeVar("_Run", bound=Automaton)


def parse(source: Source, problems: Problems) -> ast.File | None:
    """Return the syntax tree of a source; statements with errors are `Broken`, None where there is no tree at all."""
    return parse_with(Automaton, source, problems)[0]


def parse_with(
    automaton: Callable[[str, dict[str, Build]], _Run], source: Source, problems: Problems
) -> tuple[ast.File | None, _Run | None]:
    """Return the syntax tree, and the run that made it, for those who ask more than the tree says."""
    if len(source.text) > MAX_CHARACTERS:
        problems.report(
            codes.SOURCE_TOO_LARGE,
            Span(source, 0, 0),
            f"{len(source.text):,} characters, and at most {MAX_CHARACTERS:,} are read",
        )
        return None, None
    run = automaton(source.text, _Builder(source, problems).table())
    tree: ast.File | None = run.run()
    report_all(run.failures, source, problems)
    return tree, run


class _Builder:
    """Makes the nodes; `children` holds what the rule kept: tokens and nodes."""

    def __init__(self, source: Source, problems: Problems) -> None:
        self.source = source
        self.problems = problems

    def table(self) -> dict[str, Build]:
        """Return the functions by the name of their rule."""

        def bound(make: Callable[[list[Any], Span], Any]) -> Build:
            return lambda children, start, end: make(children, Span(self.source, start, end))

        return {name[6:]: bound(getattr(self, name)) for name in dir(self) if name.startswith("build_")}

    def name_of(self, token: Token) -> ast.Name:
        return ast.Name(token.text, Span(self.source, token.start, token.end))

    # files

    def build_file(self, children: list[Any], span: Span) -> ast.File:
        items: list[ast.Model | ast.Set | ast.Broken] = []
        doc: list[str] = []
        for child in children:
            if isinstance(child, str):
                doc.append(child)
                continue
            if isinstance(child, ast.Model) and doc:
                child = ast.Model(child.name, child.params, child.body, tuple(doc), child.span)
                doc = []
            items.append(child)
        return ast.File(self.source, tuple(items))

    def build_doc(self, children: list[Token], span: Span) -> str:
        return children[0].text[2:].strip()

    def build_model(self, children: list[Any], span: Span) -> ast.Model:
        params = children[1] if len(children) == 3 else ()
        return ast.Model(self.name_of(children[0]), params, children[-1], (), span)

    def build_params(self, children: list[ast.Parameter], span: Span) -> tuple[ast.Parameter, ...]:
        return tuple(children)

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

    # chains

    def build_chain(self, children: list[Any], span: Span) -> ast.Chain:
        return ast.Chain(tuple(child for child in children if isinstance(child, ast.Step)), span)

    def build_step(self, children: list[Any], span: Span) -> ast.Step:
        label = count = shape = unit = None
        for child in children:
            match child:
                case ast.Name():
                    label = child
                case ast.ShapeOf():
                    shape = child
                case ("count", expr):
                    count = expr
                case _:
                    unit = child
        assert unit is not None
        return ast.Step(label, unit, count, shape, span)

    def build_label(self, children: list[Token], span: Span) -> ast.Name:
        return self.name_of(children[0])

    def build_count(self, children: list[Any], span: Span) -> tuple[str, ast.Expr]:
        return "count", children[-1]

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

    def build_args(self, children: list[ast.Argument], span: Span) -> tuple[ast.Argument, ...]:
        return tuple(children)

    def build_argument(self, children: list[Any], span: Span) -> ast.Argument:
        return ast.Argument(None, children[0], span)

    def build_named(self, children: list[Any], span: Span) -> ast.Argument:
        return ast.Argument(self.name_of(children[0]), children[1], span)

    # shapes

    def build_short_shape(self, children: list[Token], span: Span) -> ast.ShapeOf:
        return ast.ShapeOf(tuple(ast.Dim(None, size) for size in self._sizes(children[0])), span)

    def build_long_shape(self, children: list[ast.Dim], span: Span) -> ast.ShapeOf:
        return ast.ShapeOf(tuple(children), span)

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

    def build_apply(self, children: list[Any], span: Span) -> ast.Apply:
        return ast.Apply(self.name_of(children[0]), children[1], span)

    def build_tuple(self, children: list[Any], span: Span) -> ast.Display:
        return ast.Display(tuple(children), is_list=False, span=span)

    def build_list(self, children: list[Any], span: Span) -> ast.Display:
        return ast.Display(tuple(children), is_list=True, span=span)

    def build_unary(self, children: list[Any], span: Span) -> ast.Unary:
        return ast.Unary(children[0].text, children[1], span)

    def build_binary(self, children: list[Any], span: Span) -> ast.Binary:
        return ast.Binary(children[0], children[1].text, children[2], span)

    def build_comparison(self, children: list[Any], span: Span) -> ast.Comparison:
        pairs = zip(children[1::2], children[2::2], strict=True)
        return ast.Comparison(children[0], tuple((sign.text, value) for sign, value in pairs), span)

    def build_conditional(self, children: list[Any], span: Span) -> ast.Conditional:
        value, test, otherwise = children
        return ast.Conditional(value, test, otherwise, span)

    def build_index(self, children: list[Any], span: Span) -> ast.Index:
        return ast.Index(children[0], children[1], span)

    def _sizes(self, token: Token) -> tuple[ast.Expr, ...]:
        sizes = []
        start = token.start
        for text in token.text.split("x"):
            span = Span(self.source, start, start + len(text))
            sizes.append(ast.Literal(self._whole(text, span), span))
            start = span.end + 1
        return tuple(sizes)

    def _whole(self, text: str, span: Span) -> int:
        digits = text.replace("_", "")
        if len(digits) > 20 or int(digits) >= 2**MAX_BITS:
            self.problems.report(codes.NUMBER_TOO_LARGE, span, f"whole numbers go up to 2**{MAX_BITS} - 1")
            return 1
        return int(digits)
