"""archdsl: a compiler for neural network architectures.

`compile` returns the graph of a net, `load` an `nn.Module`, `load_weights` fills it with published weights, and
`install_import_hook` makes `.arch` files importable. In a notebook, `%load_ext archdsl` adds the magic `%%arch`. All
names are imported on their first use, so that `import archdsl` is fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archdsl.elaborate.settings import SettingError
    from archdsl.place.sidecar import NoPlacement
    from archdsl.python.api import ArchError, compile, load
    from archdsl.python.import_hook import install_import_hook
    from archdsl.python.weights import WeightsError, load_weights
    from archdsl.syntax.loader import Unreadable

__version__ = "0.1.0"
__all__ = [
    "ArchError",
    "NoPlacement",
    "SettingError",
    "Unreadable",
    "WeightsError",
    "__version__",
    "compile",
    "install_import_hook",
    "load",
    "load_weights",
]

_HOMES = {
    "ArchError": "archdsl.python.api",
    "NoPlacement": "archdsl.place.sidecar",
    "SettingError": "archdsl.elaborate.settings",
    "Unreadable": "archdsl.syntax.loader",
    "WeightsError": "archdsl.python.weights",
    "compile": "archdsl.python.api",
    "install_import_hook": "archdsl.python.import_hook",
    "load": "archdsl.python.api",
    "load_ipython_extension": "archdsl.python.notebook",
    "load_weights": "archdsl.python.weights",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'archdsl' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
