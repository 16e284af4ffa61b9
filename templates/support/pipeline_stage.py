import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.pipelining import PipelineStage

SHAPES: tuple[tuple[tuple[int, ...], ...], ...] = ()
CONSTANT: dict[tuple[int, int], torch.dtype | None] = {}
STAGES: tuple[type[nn.Module], ...] = ()
UNSPLIT: tuple[int, ...] = ()


def pipeline_stage(
    number: int,
    samples: int,
    device: torch.device | str,
    dtype: torch.dtype | None,
    group: dist.ProcessGroup | None,
) -> PipelineStage:
    """Return a stage with the shapes of its inputs and outputs.

    Without shapes, torch would find them in a run on arbitrary numbers, which would
    change the running statistics of batch norm. The hooks make outputs and gradients of
    inputs contiguous, because the process sends them to others.
    """
    given, made = (
        tuple(
            torch.empty(
                samples,
                *shape,
                dtype=CONSTANT.get((place, position)) or dtype,
                device="meta",
                requires_grad=(place, position) not in CONSTANT,
            )
            for position, shape in enumerate(SHAPES[place])
        )
        for place in (number, number + 1)
    )
    stage = STAGES[number](device=device, dtype=dtype)
    if number:
        stage.register_forward_pre_hook(receive_hook)
    if number + 1 < len(STAGES):
        stage.register_forward_hook(send_hook)
    return PipelineStage(
        stage,
        number,
        len(STAGES),
        torch.device(device),
        input_args=given,
        output_args=made,
        group=group,
        # With this argument, torch computes all gradients in one pass.
        dw_builder=(lambda: lambda: None) if number in UNSPLIT else None,
    )
