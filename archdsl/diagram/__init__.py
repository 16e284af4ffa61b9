"""Drawings: a checked graph to plain data, and plain data to DOT."""

from archdsl.diagram.build import Look, diagram
from archdsl.diagram.compare import compared
from archdsl.diagram.detail import FULL, Detail, NoSuchPart
from archdsl.diagram.dot import to_dot
from archdsl.diagram.spec import Diagram
from archdsl.diagram.theme import LIGHT, THEMES, Theme

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
