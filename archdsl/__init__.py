"""archdsl: a compiler for neural network architectures.

`compile` gives the graph of a net, `load` an `nn.Module`, `load_weights` fills it, `install_import_hook` makes `.arch`
files importable, and after `%load_ext archdsl` a notebook knows `%%arch`. All are imported when they are first used, so
that `import archdsl` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archdsl.python.api import ArchError, compile, load
    from archdsl.python.import_hook import install_import_hook
    from archdsl.python.weights import WeightsError, load_weights

__version__ = "0.1.0"
__all__ = ["ArchError", "WeightsError", "__version__", "compile", "install_import_hook", "load", "load_weights"]

_HOMES = {
    "ArchError": "archdsl.python.api",
    "WeightsError": "archdsl.python.weights",
    "compile": "archdsl.python.api",
    "install_import_hook": "archdsl.python.import_hook",
    "load_ipython_extension": "archdsl.python.notebook",
    "load": "archdsl.python.api",
    "load_weights": "archdsl.python.weights",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'archdsl' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
