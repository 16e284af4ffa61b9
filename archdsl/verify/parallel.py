"""Verifies modules for several processes against the whole net, in this process."""

from collections.abc import Sequence
from pathlib import Path as File
from typing import Any

from archdsl.base.shape import Shape
from archdsl.ir.graph import CheckedGraph
from archdsl.passes.lowering import LoweredGraph
from archdsl.passes.pipeline_stages import PipelineStage
from archdsl.python.api import module_class
from archdsl.verify.module import BATCH, Finding, VerificationError, Verified, load_module, sample


def verify_stages(graph: CheckedGraph, stages: Sequence[PipelineStage], file: File) -> Verified:
    """Run pipeline stages in sequence on a random batch, in evaluation mode, with the weights of the whole net.

    Shapes between stages must match, outputs must equal those of the whole net bit for bit, and each weight must be in
    exactly one stage, under the same key.

    Args:
        graph: The whole net.
        stages: Its stages.
        file: The file of the module.

    Raises:
        VerificationError: The module cannot be imported, constructed or run.
    """
    import torch

    try:
        whole = module_class(graph)(**{graph.device_argument: "cpu"}).eval()
        state = whole.state_dict()
        made = [stage(device="cpu").eval() for stage in load_module(file).STAGES]
        keys = [key for stage in made for key in stage.state_dict()]
        findings = _keys(keys, list(state))
        for stage in made:
            stage.load_state_dict({key: state[key] for key in stage.state_dict()})
        given = tuple(sample(graph, each) for each in graph.inputs)
        with torch.no_grad():
            expected = _outputs(whole(*given))
            values, count = given, 0
            for stage, module in zip(stages, made, strict=True):
                findings += _shapes(stage, values)
                count += len(values)
                values = _outputs(module(*values))
    except Exception as error:
        raise VerificationError(f"{type(error).__name__}: {error}") from error
    for output, one, other in zip(graph.outputs, values, expected, strict=True):
        # Outputs that only training computes are None in the evaluation of the whole net.
        if other is not None and not torch.equal(one, other):
            difference = (one - other).abs().max().item()
            findings.append(Finding(output.name, "what the whole net computes", f"a difference of {difference:.3g}"))
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
