from collections import abc

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.pipelining import PipelineStage
from torch.distributed.pipelining.schedules import (
    PipelineScheduleMulti,
    PipelineScheduleSingle,
    get_schedule_class,
)

SHAPES: tuple[tuple[tuple[int, ...], ...], ...] = ()
CONSTANT: dict[tuple[int, int], torch.dtype | None] = {}
STAGES: tuple[type[nn.Module], ...] = ()


def pipeline(
    schedule: str,
    micro_batches: int,
    samples: int,
    loss: abc.Callable[..., Tensor] | None = None,
    *,
    device: torch.device | str,
    dtype: torch.dtype | None = None,
    group: dist.ProcessGroup | None = None,
) -> tuple[list[PipelineStage], PipelineScheduleSingle | PipelineScheduleMulti]:
    """Return the stages of this process and what runs them: a schedule such as "1F1B".

    A batch is cut into so many micro-batches, each of so many samples. The processes
    of the group, or all if none is given, take the stages in turns; in a schedule that
    goes to the last process and back each has one of either way.

    Raises ValueError where the stages cannot be dealt out to the processes.
    """
    kind = get_schedule_class(schedule)
    rank, world = dist.get_rank(group), dist.get_world_size(group)
    several = issubclass(kind, PipelineScheduleMulti)
    back_and_forth = kind.__name__ in {"ScheduleZBVZeroBubble", "ScheduleDualPipeV"}
    rounds, rest = divmod(len(STAGES), world)
    if rest or (back_and_forth and rounds != 2) or (not several and rounds != 1):
        raise ValueError(
            f"{schedule} cannot run {len(STAGES)} stages on {world} processes"
        )
    numbers = list(range(rank, len(STAGES), world))
    if back_and_forth:
        numbers = [rank, len(STAGES) - 1 - rank]
    stages = [_stage(number, samples, device, dtype, group) for number in numbers]
    made = stages if several else stages[0]
    return stages, kind(made, micro_batches, loss_fn=loss)


def _stage(
    number: int,
    samples: int,
    device: torch.device | str,
    dtype: torch.dtype | None,
    group: dist.ProcessGroup | None,
) -> PipelineStage:
    """Return a stage with the shapes of what goes in and comes out.

    To find them, the stage would be run on numbers that mean nothing, and batch norm
    would keep what it sees.
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
    return PipelineStage(
        STAGES[number](device=device, dtype=dtype),
        number,
        len(STAGES),
        torch.device(device),
        input_args=given,
        output_args=made,
        group=group,
    )
