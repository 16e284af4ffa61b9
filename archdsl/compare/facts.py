"""Published facts: accuracies with their source and protocol, and the winners of the ImageNet challenge by year."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Accuracy:
    """A published accuracy in percent; accuracies of one `group` were measured with the same protocol."""

    model: str
    group: str
    top1: float | None
    top5: float | None
    dataset: str
    protocol: str
    source: str


@dataclass(frozen=True, slots=True)
class Winner:
    """An entry of the ImageNet challenge with its error in percent; `year` is None for human annotators."""

    year: int | None
    entry: str
    top5_error: float
    kind: str
    note: str
    source: str


def _lines(name: str) -> list[dict[str, str]]:
    text = files("archdsl.compare").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def accuracies() -> tuple[Accuracy, ...]:
    """Return all published accuracies; `model` is a name of the gallery."""
    return tuple(
        Accuracy(
            line["model"],
            line["group"],
            float(line["top1"]) if line["top1"] else None,
            float(line["top5"]) if line["top5"] else None,
            line["dataset"],
            line["protocol"],
            line["source"],
        )
        for line in _lines("accuracies.csv")
    )


def groups() -> tuple[str, ...]:
    """Return the groups within which accuracies are comparable."""
    return tuple(dict.fromkeys(each.group for each in accuracies() if each.group not in ("paper", "other")))


@cache
def winners() -> tuple[Winner, ...]:
    """Return the winners of the ImageNet challenge, other notable entries, and human annotators."""
    return tuple(
        Winner(
            int(line["year"]) if line["year"] else None,
            line["entry"],
            float(line["top5_error"]),
            line["kind"],
            line["note"],
            line["source"],
        )
        for line in _lines("winners.csv")
    )
