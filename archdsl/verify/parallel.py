"""Verifies modules for several processes against the whole net, in this process."""

from collections.abc import Sequence
from math import inf
from pathlib import Path as File
from typing import Any

from archdsl.base.shape import Shape
from archdsl.ir.graph import CheckedGraph
from archdsl.passes.lowering import LoweredGraph
from archdsl.passes.pipeline_stages import PipelineStage
from archdsl.python.api import module_class
from archdsl.verify.module import BATCH, Finding, VerificationError, Verified, load_module, sample

# Relative to the largest value of an output. An operation in float64 rounds by about 1e-16.
_TOLERANCE = 1e-9


def verify_stages(graph: CheckedGraph, stages: Sequence[PipelineStage], file: File) -> Verified:
    """Run pipeline stages in sequence on a random batch, in evaluation mode, with the weights of the whole net.

    Shapes between stages must match, outputs must equal those of the whole net up to rounding, and each weight must be
    in exactly one stage, under the same key. All values are float64: the stages may run other kernels than the whole
    net, for example on tensors with another memory layout, so float32 would differ by about 1e-7.

    Args:
        graph: The whole net.
        stages: Its stages.
        file: The file of the module.

    Raises:
        VerificationError: The module cannot be imported, constructed or run.
    """
    import torch

    try:
        whole = module_class(graph)(**{graph.device_argument: "cpu"}, dtype=torch.float64).eval()
        state = whole.state_dict()
        made = [stage(device="cpu", dtype=torch.float64).eval() for stage in load_module(file).STAGES]
        keys = [key for stage in made for key in stage.state_dict()]
        findings = _keys(keys, list(state))
        for stage in made:
            stage.load_state_dict({key: state[key] for key in stage.state_dict()})
        with torch.no_grad():
            given, expected = _defined(graph, whole)
            values, count = given, 0
            for stage, module in zip(stages, made, strict=True):
                findings += _shapes(stage, values)
                count += len(values)
                values = _outputs(module(*values))
    except Exception as error:
        raise VerificationError(f"{type(error).__name__}: {error}") from error
    for output, one, other in zip(graph.outputs, values, expected, strict=True):
        # Outputs that only training computes are None in the evaluation of the whole net.
        difference = 0.0 if other is None else _difference(one, other)
        if difference > _TOLERANCE:
            words = f"a relative difference of {difference:.3g}"
            findings.append(Finding(output.name, "the values of the whole net", words))
    params = sum(weight.numel() for module in made for weight in module.parameters() if weight.requires_grad)
    return Verified(count + len(values), params, tuple(findings))


def verify_towers(graph: CheckedGraph, towers: Sequence[LoweredGraph], file: File) -> Verified:
    """Run towers one after another on the device "meta", each as if all towers had the same tensors.

    Output shapes must match, and each weight must be in exactly one tower, under the same key.

    Args:
        graph: The whole net.
        towers: Its towers.
        file: The file of the module.

    Raises:
        VerificationError: The module cannot be imported, constructed or run.
    """
    import torch

    try:
        state = module_class(graph)(**{graph.device_argument: "meta"}).state_dict()
        module = load_module(file)
        vars(module)["gathered"] = lambda x, _: (x,) * len(towers)
        made = [tower(device="meta") for tower in module.TOWERS]
        findings = _keys([key for tower in made for key in tower.state_dict()], list(state))
        given = tuple(sample(graph, each).to("meta") for each in graph.inputs)
        with torch.no_grad():
            results = [_outputs(tower(*given)) for tower in made]
    except Exception as error:
        raise VerificationError(f"{type(error).__name__}: {error}") from error
    for tower, values in zip(towers, results, strict=True):
        for output, value in zip(tower.outputs, values, strict=True):
            shape = Shape(tuple(value.shape[1:]))
            if shape != output.shape.plain():
                findings.append(Finding(f"{tower.name}.{output.name}", str(output.shape), str(shape)))
    params = sum(weight.numel() for tower in made for weight in tower.parameters() if weight.requires_grad)
    return Verified(sum(map(len, results)), params, tuple(findings))


def _defined(graph: CheckedGraph, whole: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return a random batch in float64, and the outputs for it, if possible without NaN, which would hide differences.

    Roots and logarithms of differences can be NaN for all small inputs, so larger ones are tried, too.
    """
    for scale in (1, 10, 100):
        samples = (sample(graph, given) for given in graph.inputs)
        given = tuple(scale * each.double() if each.is_floating_point() else each for each in samples)
        outputs = _outputs(whole(*given))
        if not any(value is not None and value.isnan().any() for value in outputs):
            break
    return given, outputs


def _difference(found: Any, expected: Any) -> float:
    """Return the largest difference of two tensors, relative to the largest expected value; NaN equals NaN."""
    import torch

    if found.shape != expected.shape:
        return inf
    finite = expected[expected.isfinite()].abs()
    largest = finite.max().item() if finite.numel() else 0.0
    same = (found == expected) | (found.isnan() & expected.isnan())
    differences = torch.where(same, 0.0, (found - expected).abs().double() / (largest or 1.0))
    return float(differences.nan_to_num(inf).max()) if differences.numel() else 0.0


def _outputs(result: Any) -> tuple[Any, ...]:
    return tuple(result) if isinstance(result, tuple) else (result,)


def _keys(found: list[str], expected: list[str]) -> list[Finding]:
    if sorted(found) == sorted(expected):
        return []
    differing = sorted({*found} ^ {*expected}) or sorted(key for key in found if found.count(key) > 1)
    return [Finding("state_dict", "each weight in one stage", ", ".join(differing[:5]))]


def _shapes(stage: PipelineStage, values: Sequence[Any]) -> list[Finding]:
    findings = []
    for given, value in zip(stage.graph.inputs, values, strict=True):
        shape = Shape(tuple(value.shape[1:]))
        if value.shape[0] != BATCH or shape != given.shape.plain():
            findings.append(Finding(f"{stage.graph.name}.{given.name}", str(given.shape), str(shape)))
    return findings
