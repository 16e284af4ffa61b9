"""From the syntax tree to the graph: names, arguments and shapes, all in one walk."""

from archdsl.elaborate.model import elaborate
from archdsl.elaborate.settings import SettingError

__all__ = ["SettingError", "elaborate"]
