"""From the syntax tree to the graph: one walk resolves names, binds arguments and computes shapes."""

from archdsl.elaborate.model import elaborate
from archdsl.elaborate.settings import SettingError

__all__ = ["SettingError", "elaborate"]
