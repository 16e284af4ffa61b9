from collections import abc

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.pipelining import PipelineStage
from torch.distributed.pipelining.schedules import (
    PipelineScheduleMulti,
    PipelineScheduleSingle,
    get_schedule_class,
)


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
    """Return the stages of this process, and a schedule such as "1F1B" that runs them.

    A batch consists of `micro_batches` micro-batches of `samples` samples each. Stages
    are assigned round-robin to the processes of the group (default: all). In a
    back-and-forth schedule, each process has one stage in each direction.

    Raises ValueError if the schedule cannot run the stages on this many processes.
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
    stages = [
        pipeline_stage(number, samples, device, dtype, group) for number in numbers
    ]
    made = stages if several else stages[0]
    return stages, kind(made, micro_batches, loss_fn=loss)
