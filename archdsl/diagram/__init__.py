"""Drawings: a checked graph to plain data, and plain data to DOT."""

from archdsl.diagram.build import diagram
from archdsl.diagram.dot import to_dot
from archdsl.diagram.spec import Diagram
from archdsl.diagram.theme import LIGHT, THEMES, Theme

__all__ = ["LIGHT", "THEMES", "Diagram", "Theme", "diagram", "to_dot"]
