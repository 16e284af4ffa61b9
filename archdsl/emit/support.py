"""What a generated module brings along: definitions that torch lacks, and its imports."""

import re
from collections.abc import Iterable

from archdsl.base.resources import resource

# What no operator names: for models with devices, and for several processes.
PLACING = ("device_pool", "factories")
PIPELINE = ("pipeline_stage", "pipeline")
TOWERS = ("own_tower",)

_PIPELINING = [
    "from torch.distributed.pipelining import PipelineStage",
    "from torch.distributed.pipelining.schedules import (",
    "    PipelineScheduleMulti,",
    "    PipelineScheduleSingle,",
    "    get_schedule_class,",
    ")",
]


def needed(names: Iterable[str], code: str) -> list[str]:
    """Return the definitions among these that the code calls, and those that they call themselves."""
    sources = {name: definition(name) for name in dict.fromkeys(names)}
    called = {name for name in sources if re.search(rf"\b{name}\(", code)}
    for name in tuple(called):
        called |= {other for other in sources if re.search(rf"\b{other}[(.]", sources[name])}
    return [source for name, source in sources.items() if name in called]


def definition(name: str) -> str:
    """Return the source of a support definition, without its imports."""
    text = resource("templates", f"support/{name}.py").read_text(encoding="utf-8")
    start = re.search(r"^(class |def |\w+: TypeAlias)", text, re.MULTILINE)
    assert start, name
    return text[start.start() :].strip()


def defined(source: str) -> str:
    """Return the name that a definition defines."""
    found = re.search(r"^(?:class|def) (\w+)", source, re.MULTILINE)
    assert found
    return found.group(1)


def imports(code: str) -> list[str]:
    """Return the lines that import what a module's code mentions."""
    standard = ["import inspect"] if "inspect." in code else []
    collections = [name for name in ("OrderedDict", "abc") if re.search(rf"\b{name}[(.]", code)]
    if collections:
        standard.append(f"from collections import {', '.join(collections)}")
    typing = [name for name in ("Any", "NamedTuple", "TypeAlias") if re.search(rf"\b{name}\b", code)]
    if typing:
        standard.append(f"from typing import {', '.join(typing)}")
    found = [*standard, ""] if standard else []
    found.append("import torch")
    if re.search(r"\bdist\.", code):
        found.append("import torch.distributed as dist")
    if re.search(r"\bF\.", code):
        found.append("import torch.nn.functional as F")
    found.append("from torch import Tensor, nn")
    return found + (_PIPELINING if "PipelineStage" in code else [])
