"""Comparisons of nets: counts, memory, depth and published accuracies."""

from archdsl.compare.facts import Accuracy, Winner, accuracies, groups, winners
from archdsl.compare.table import Compared, compared, markdown

__all__ = ["Accuracy", "Compared", "Winner", "accuracies", "compared", "groups", "markdown", "winners"]
