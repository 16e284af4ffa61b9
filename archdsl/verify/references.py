"""Facts about published models that the gallery has too, for comparison with generated modules.

They are stored in architectures/references, one file per package. A `state_dict` is stored as three SHA-256 digests: of
its keys, of their order, and of keys with shapes and dtypes. `outputs` are those of the model with the weights of
fingerprint.py: for each tensor, the first 8 values of 2 samples, the mean and the standard deviation, with 10 digits.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

from archdsl.base.resources import names, resource

_FOLDER = "references"
Item: TypeAlias = tuple[str, tuple[int, ...], str]

# The outputs of models with auxiliary heads in training, in the order of the package.
_NAMES = {"googlenet": ("output", "aux_logits2", "aux_logits1"), "inception_v3": ("output", "aux_logits")}


@dataclass(frozen=True, slots=True)
class Output:
    """A tensor that a published model returns."""

    name: str
    shape: tuple[int, ...]
    first: tuple[float, ...]
    mean: float
    std: float


@dataclass(frozen=True, slots=True)
class State:
    """Digests of a `state_dict`."""

    keys: str
    order: str
    shapes: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A published model: its source, its `state_dict`, counts and settings, and its outputs in each mode."""

    name: str
    source: str
    call: str
    batch: tuple[int, ...]
    state: State
    params: int
    buffers: int
    macs: int
    norms: dict[str, int]
    dropouts: tuple[tuple[str, str, float], ...]
    outputs: dict[str, tuple[Output, ...]]


def references() -> dict[str, Reference]:
    """Return all published models, by their names in the gallery."""
    found: dict[str, Reference] = {}
    for package in names(f"architectures/{_FOLDER}", ".json"):
        data = json.loads(resource("architectures", f"{_FOLDER}/{package}.json").read_text(encoding="utf-8"))
        source = f"{data['package']} {data['version']}"
        found |= {name: _reference(name, source, facts) for name, facts in data["models"].items()}
    return found


def _reference(name: str, source: str, facts: dict[str, Any]) -> Reference:
    outputs = {
        mode: tuple(
            Output(each["name"], tuple(each["shape"]), tuple(each["first"]), each["mean"], each["std"])
            for each in tensors
        )
        for mode, tensors in facts["outputs"].items()
    }
    return Reference(
        name,
        source,
        facts["call"],
        tuple(facts["batch"]),
        State(**facts["state"]),
        facts["parameters"],
        facts["buffers"],
        facts["macs"],
        facts["norms"],
        tuple((path, kind, rate) for path, kind, rate in facts["dropouts"]),
        outputs,
    )


def state(items: Iterable[Item]) -> State:
    """Return the digests of a `state_dict`, given as keys with shapes and dtypes."""
    found = list(items)
    keys = [key for key, _, _ in found]
    shapes = [f"{key} {'x'.join(map(str, shape))} {dtype}" for key, shape, dtype in found]
    return State(_digest(sorted(keys)), _digest(keys), _digest(sorted(shapes)))


def _digest(lines: list[str]) -> str:
    return sha256("\n".join(lines).encode()).hexdigest()


def condensed(files: Iterable[Path]) -> str:
    """Return the text of a file of architectures/references, from one JSON file per model with the full description."""
    described = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    first = described[0]
    head = {key: first[key] for key in ("package", "version", "torch")}
    models = ",\n".join(f"{json.dumps(each['name'])}: {_facts(each)}" for each in described)
    return f'{json.dumps(head)[:-1]}, "models": {{\n{models}\n}}}}\n'


def _facts(described: dict[str, Any]) -> str:
    made = state((key, tuple(shape), dtype) for key, shape, dtype in described["state_dict"])
    facts = {
        "call": described["call"],
        "batch": described["fingerprint"]["input"],
        "state": {"keys": made.keys, "order": made.order, "shapes": made.shapes},
        **{key: described[key] for key in ("parameters", "buffers", "macs", "norms", "dropouts")},
        "outputs": {mode: _outputs(described, mode) for mode in described["fingerprint"]["outputs"]},
    }
    return "{\n  " + ",\n  ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in facts.items()) + "}"


def _outputs(described: dict[str, Any], mode: str) -> list[dict[str, Any]]:
    tensors = described["fingerprint"]["outputs"][mode]
    called = _NAMES.get(described["name"], ("output",))
    return [
        {"name": name, **tensor, "first": [value for sample in tensor["first"] for value in sample]}
        for name, tensor in zip(called, tensors, strict=False)
    ]
