"""The operators. Every module of this folder is imported, so that a new file is enough for a new operator."""

from importlib import import_module
from pkgutil import iter_modules

from archdsl.ops.base import all_ops, lookup

for _module in sorted(iter_modules(__path__), key=lambda found: found.name):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["all_ops", "lookup"]
