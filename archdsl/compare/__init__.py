"""Nets beside each other: what they cost, and what was published about them."""

from archdsl.compare.facts import Accuracy, Winner, accuracies, groups, winners
from archdsl.compare.table import Compared, compared, markdown

__all__ = ["Accuracy", "Compared", "Winner", "accuracies", "compared", "groups", "markdown", "winners"]
