"""Drawings of checked graphs, as data and as DOT; `render.engines` makes images."""

from archdsl.diagram.drawing import diagram
from archdsl.diagram.model.build import Look
from archdsl.diagram.model.compare import compared
from archdsl.diagram.model.detail import FULL, Detail, NoSuchPart
from archdsl.diagram.render.dot import to_dot
from archdsl.diagram.render.theme import LIGHT, THEMES, Theme
from archdsl.diagram.spec import Diagram

__all__ = [
    "FULL",
    "LIGHT",
    "THEMES",
    "Detail",
    "Diagram",
    "Look",
    "NoSuchPart",
    "Theme",
    "compared",
    "diagram",
    "to_dot",
]
