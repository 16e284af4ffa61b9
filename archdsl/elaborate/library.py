"""Reads the definitions of a file, and those that it imports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

from archdsl.base.source import Source
from archdsl.diag import codes
from archdsl.diag.model import Label, Problems
from archdsl.elaborate.arguments import Binder
from archdsl.elaborate.cursor import Cursor
from archdsl.elaborate.definitions import Defined, Library
from archdsl.elaborate.expressions import Evaluator
from archdsl.elaborate.limits import Limits
from archdsl.elaborate.parameters import check_parameters
from archdsl.elaborate.scopes import Scope
from archdsl.elaborate.suggestions import suggestion
from archdsl.syntax import ast
from archdsl.syntax.loader import Unreadable, read_import
from archdsl.syntax.parse import parse
from archdsl.target.reserved import why_no_class


@dataclass(slots=True)
class Libraries:
    """Reads a file and its imports; each file is read once."""

    problems: Problems
    main: Source
    limits: Limits
    _known: dict[str, Library] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)

    @property
    def imported(self) -> tuple[str, ...]:
        """The paths of the files that were imported."""
        return tuple(self._known)

    def library(self, file: ast.File) -> Library:
        """Return the definitions and imports of a parsed file."""
        library = Library(file)
        binder = Binder(Evaluator(self.problems, self.limits), self.problems)
        self._open.append(file.source.name)
        above = Scope({})
        for number, item in enumerate(file.items):
            match item:
                case ast.Definition():
                    self._define(library, item)
                    library.defaults.setdefault(item.name.text, above.defaults)
                case ast.Set():
                    # The `set` statements of a file see no parameters and no stream.
                    above = binder.with_set(item, above, Cursor(), file.items[number + 1 :])
                case ast.Import():
                    self._import(library, item)
                case ast.Broken():
                    library.names.is_partial = True
                case _:
                    assert_never(item)
        self._open.pop()
        return library

    def _define(self, library: Library, item: ast.Definition) -> None:
        name = item.name
        # The parameters of models are checked when they are built.
        if item.kind != "model":
            check_parameters(item, self.problems)
        why = None if item.kind == "macro" else why_no_class(name.text, is_model=item.kind == "model")
        if why:
            help = f"choose another name for the {item.kind}"
            self.problems.report(codes.RESERVED_NAME, name.span, why, help=help)
        self._enter(library, name, Defined(item, library))

    def _enter(self, library: Library, name: ast.Name, defined: Defined) -> None:
        if name.text in library.names:
            if library.names[name.text].definition is defined.definition:
                return
            first = Label(library.places[name.text], "first here")
            self.problems.report(codes.DEFINED_TWICE, name.span, secondary=(first,))
            return
        library.names[name.text] = defined
        library.places[name.text] = name.span

    def _import(self, library: Library, item: ast.Import) -> None:
        found = self._read(library, item)
        if found is None:
            library.names.lost.update(name.text for name in item.names)
            library.names.is_partial = library.names.is_partial or not item.names
            return
        library.names.is_partial = library.names.is_partial or (found.names.is_partial and not item.names)
        own = {name: defined for name, defined in found.names.items() if defined.library is found}
        for name in item.names:
            if name.text not in own:
                library.names.lost.add(name.text)
                if not found.names.is_partial:
                    self._report_missing(name, own, found)
            else:
                self._enter(library, name, own[name.text])
        if not item.names:
            for text, defined in own.items():
                self._enter(library, ast.Name(text, item.path.span), defined)

    def _report_missing(self, name: ast.Name, own: Mapping[str, Defined], found: Library) -> None:
        label = f"{found.file.source.name} does not define `{name.text}`"
        self.problems.report(codes.NOT_IN_FILE, name.span, label, help=suggestion(name.text, list(own)))

    def _read(self, library: Library, item: ast.Import) -> Library | None:
        path = item.path.value
        assert isinstance(path, str)
        try:
            source = read_import(library.file.source, path, self.main)
        except Unreadable as error:
            self.problems.report(error.code, item.path.span, error.why, help=error.help)
            return None
        if source.name in self._open:
            cycle = " imports ".join([*self._open[self._open.index(source.name) :], source.name])
            self.problems.report(codes.IMPORT_CYCLE, item.path.span, cycle)
            return None
        if source.name not in self._known:
            file = parse(source, self.problems, self.limits.characters)
            if file is None:
                return None
            self._known[source.name] = self.library(file)
        return self._known[source.name]
