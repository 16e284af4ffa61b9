"""archdsl: a compiler for neural network architectures.

`compile` gives the graph of a net, `load` an `nn.Module`, `install_import_hook` makes `.arch` files importable. All
three are imported when they are first used, so that `import archdsl` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archdsl.api import ArchError, compile, load
    from archdsl.import_hook import install_import_hook

__version__ = "0.1.0"
__all__ = ["ArchError", "__version__", "compile", "install_import_hook", "load"]

_HOMES = {
    "ArchError": "archdsl.api",
    "compile": "archdsl.api",
    "install_import_hook": "archdsl.import_hook",
    "load": "archdsl.api",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'archdsl' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
