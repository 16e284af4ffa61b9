"""The import hook for `.arch` files: after `install_import_hook()`, `from net import LeNet5` imports net.arch."""

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

from archdsl.driver import compile_source
from archdsl.python.api import ArchError, module_class
from archdsl.syntax.loader import SUFFIX, read


class ArchLoader(Loader):
    """Loads an `.arch` file as a module with a class for each model."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def exec_module(self, module: ModuleType) -> None:
        """Compile the file and define the classes in the module.

        Raises:
            ArchError: The file has errors; it is not an ImportError.
        """
        compiled = compile_source(read(str(self.file)), every=True)
        if not compiled.ok:
            raise ArchError(compiled.diagnostics)
        for graph in compiled.models:
            setattr(module, graph.name, module_class(graph))
        module.__dict__["__all__"] = [graph.name for graph in compiled.models]


class ArchFinder(MetaPathFinder):
    """Finds `name.arch` in the folders that Python searches, unless there is a Python module of this name."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of an `.arch` file, or None."""
        name = fullname.rpartition(".")[2]
        for folder in sys.path if path is None else path:
            file = Path(folder or ".") / f"{name}{SUFFIX}"
            if file.is_file() and PathFinder.find_spec(fullname, path) is None:
                return spec_from_file_location(fullname, file, loader=ArchLoader(file))
        return None


def install_import_hook() -> None:
    """Make `.arch` files importable in this process; a second call changes nothing."""
    if not any(isinstance(finder, ArchFinder) for finder in sys.meta_path):
        sys.meta_path.append(ArchFinder())
