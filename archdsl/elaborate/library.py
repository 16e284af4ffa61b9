"""The definitions that a file sees: its own, and those that it imports."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from archdsl.base.source import Source, Span
from archdsl.diag import codes
from archdsl.diag.model import Label, Problems
from archdsl.elaborate.arguments import Binder
from archdsl.elaborate.expressions import Evaluator
from archdsl.elaborate.limits import Limits
from archdsl.elaborate.scopes import Defaults, Names
from archdsl.elaborate.streams import Defined, Definitions
from archdsl.elaborate.suggestions import suggestion
from archdsl.syntax import ast
from archdsl.syntax.loader import Unreadable, read_import
from archdsl.syntax.parse import parse
from archdsl.target.reserved import why_no_class, why_no_parameter


@dataclass(slots=True)
class Library:
    """What a file defines and imports. `defaults` holds the `set` statements above each definition, by its name."""

    file: ast.File
    names: Definitions = field(default_factory=Definitions)
    places: dict[str, Span] = field(default_factory=dict)
    defaults: dict[str, Defaults] = field(default_factory=dict)

    def defaults_of(self, definition: ast.Definition) -> Defaults:
        """Return the defaults for the body of a definition of this file."""
        return Defaults(self.defaults.get(definition.name.text))


@dataclass(slots=True)
class Libraries:
    """Reads a file and all that it imports, each once."""

    problems: Problems
    main: Source
    limits: Limits
    _known: dict[str, Library] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)

    def library(self, file: ast.File) -> Library:
        """Return what a parsed file sees."""
        library = Library(file)
        self._open.append(file.source.name)
        above = Defaults()
        for number, item in enumerate(file.items):
            match item:
                case ast.Definition():
                    self._define(library, item)
                    library.defaults.setdefault(item.name.text, above)
                case ast.Set():
                    above = Defaults(above)
                    self._binder().enter(item, above, file.items[number + 1 :])
                case ast.Import():
                    self._import(library, item)
                case ast.Broken():
                    library.names.is_partial = True
        self._open.pop()
        return library

    def _binder(self) -> Binder:
        """Return what binds the `set` statements of a file, which see no parameters."""
        return Binder(Evaluator(Names({}), self.problems, self.limits), self.problems)

    def _define(self, library: Library, item: ast.Definition) -> None:
        name = item.name
        self._require_distinct(item)
        self._require_free_names(item)
        why = None if item.kind == "macro" else why_no_class(name.text, is_model=item.kind == "model")
        if why:
            help = f"choose another name for the {item.kind}"
            self.problems.report(codes.RESERVED_NAME, name.span, why, help=help)
        self._enter(library, name, Defined(item, library))

    def _require_free_names(self, item: ast.Definition) -> None:
        """Report parameters of a block that no class can have; those of a model are judged where it is built."""
        for param in item.params if item.kind == "block" else ():
            why = why_no_parameter(param.name.text)
            if why:
                help = "choose another name for the parameter"
                self.problems.report(codes.RESERVED_NAME, param.name.span, why, help=help)

    def _require_distinct(self, item: ast.Definition) -> None:
        """Report parameters of a block or macro that have one name; those of a model are judged where it is built."""
        seen: dict[str, ast.Name] = {}
        for param in item.params if item.kind != "model" else ():
            name = param.name
            if name.text in seen:
                self.problems.report(
                    codes.DEFINED_TWICE, name.span, secondary=(Label(seen[name.text].span, "first here"),)
                )
            seen.setdefault(name.text, name)

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
            way = " imports ".join([*self._open[self._open.index(source.name) :], source.name])
            self.problems.report(codes.IMPORT_CYCLE, item.path.span, way)
            return None
        if source.name not in self._known:
            file = parse(source, self.problems, self.limits.characters)
            if file is None:
                return None
            self._known[source.name] = self.library(file)
        return self._known[source.name]
