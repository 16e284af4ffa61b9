"""The other builds of a graph, each run and compared with its plain module in float64.

The other builds are fused towers, pipeline stages, tower processes and placements on several devices.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from random import Random
from types import ModuleType
from typing import Any

import torch
from placed import assert_placed, class_of
from program_outcome import close, samples_for, shaken
from torch import Tensor, nn
from torch._subclasses.fake_tensor import DataDependentOutputException

from archdsl.emit.generate import generate, generate_stages, generate_towers
from archdsl.ir.graph import CheckedGraph, dotted
from archdsl.ir.order import in_order
from archdsl.passes.assign import placed
from archdsl.passes.invariants import assert_valid
from archdsl.passes.lowering import lowered
from archdsl.passes.pipeline_stages import staged
from archdsl.passes.towers import towers
from archdsl.place import Machine, place
from archdsl.place.pipeline import by_devices, dealt
from archdsl.place.placement import names as place_names


class Differs(AssertionError):
    """A build does not compute what the plain module computes."""


class Builds:
    """A graph, its plain module with random weights, and the outputs for one batch."""

    def __init__(self, graph: CheckedGraph, seed: int = 0) -> None:
        self.graph, self.seed = graph, seed
        self.samples = samples_for(graph, seed, torch.float64)
        net = shaken(class_of(generate(graph), graph.name)(dtype=torch.float64), seed).eval()
        self.state = net.state_dict()
        self.expected = self._run(net, self.samples)

    @staticmethod
    def _run(net: nn.Module, given: list[Tensor]) -> list[Tensor | None]:
        with torch.no_grad():
            result = net(*(each.clone() for each in given))
        return list(result) if isinstance(result, tuple) else [result]

    def _compare(self, found: list[Tensor | None], what: str) -> None:
        for output, value, wanted in zip(self.graph.outputs, found, self.expected, strict=True):
            if wanted is not None and not close(value, wanted):
                words = "no value" if value is None else f"a difference of {(value - wanted).abs().max()}"
                raise Differs(f"{what}: {output.name}: {words}")

    def _require_keys(self, parts: list[nn.Module], what: str) -> None:
        """Require each weight in one part, under its own name; load the weights."""
        keys = [key for part in parts for key in part.state_dict()]
        if sorted(keys) != sorted(self.state):
            differing = sorted({*keys} ^ {*self.state}) or sorted({key for key in keys if keys.count(key) > 1})
            raise Differs(f"{what}: keys {differing}")
        for part in parts:
            part.load_state_dict({key: self.state[key] for key in part.state_dict()})

    def fused(self) -> None:
        """Compare the net with fused towers."""
        graph = lowered(self.graph, fuse_towers=True)
        assert_valid(graph)
        module = module_of(generate(graph))
        net = getattr(module, graph.name)(dtype=torch.float64).eval()
        net.load_state_dict(module.fused_state(self.state))
        self._compare(self._run(net, self.samples), "fused towers")

    def stages(self, count: int) -> None:
        """Compare a pipeline with a number of stages; 0 for one stage for each device."""
        chosen = dealt(self.graph, count) if count else by_devices(self.graph)
        parts = staged(self.graph, chosen)
        for part in parts:
            assert_valid(part.graph)
        module = module_of(generate_stages(self.graph, parts))
        made = [stage(dtype=torch.float64).eval() for stage in module.STAGES]
        self._require_keys(made, f"{count} stages")
        values: list[Any] = self.samples
        for part, net, shapes in zip(parts, made, module.SHAPES, strict=False):
            if [tuple(value.shape[1:]) for value in values] != [*shapes]:
                raise Differs(f"{part.graph.name}: {[value.shape for value in values]} instead of {shapes}")
            values = self._run(net, values)
        self._compare(values, f"{count} stages")

    def towers(self) -> None:
        """Compare towers, each in a thread that takes the place of a process."""
        found = towers(self.graph)
        for tower in found:
            assert_valid(tower)
        module = module_of(generate_towers(self.graph, found))
        made = [kind(dtype=torch.float64).eval() for kind in module.TOWERS]
        self._require_keys(made, "towers")
        exchange = Exchange(len(made))
        vars(module)["gathered"] = exchange.gathered
        results = exchange.run([partial(self._run, net, self.samples) for net in made])
        self._compare(results[0], "towers")
        for each in results[1:]:
            assert all(value is not None and not torch.count_nonzero(torch.nan_to_num(value, 0)) for value in each)

    def placed(self, count: int) -> None:
        """Compare the best placement on a number of devices, for links so fast that small nets are worth being cut."""
        self._placed(place(self.graph, count, machine=Machine(link=1e14)).devices, f"{count} devices")

    def scattered(self, count: int) -> None:
        """Compare a placement whose runs of steps are on random devices, as an author may write it by hand."""
        random = Random(self.seed)
        names, devices = place_names(self.graph, count), dict[str, str]()
        device = names[0]
        for node in in_order(self.graph.nodes):
            device = random.choice(names) if random.random() < 0.5 else device
            chosen = devices[dotted(node.weights)] if node.weights else node.device or device
            devices[dotted(node.path)] = chosen
        self._placed(devices, f"scattered over {count} devices")

    def _placed(self, devices: dict[str, str], what: str) -> None:
        graph = placed(self.graph, devices)
        assert_valid(lowered(graph))
        text = generate(graph)
        net = class_of(text, graph.name)(devices="cpu", dtype=torch.float64).eval()
        self._require_keys([net], what)
        self._compare(self._run(net, self.samples), what)
        # Some initialisers of PyTorch read values, which fake tensors do not have.
        with suppress(DataDependentOutputException):
            assert_placed(graph, text)

    def all(self) -> dict[str, Callable[[], None]]:
        """Return all builds by name."""
        found = {"fused": self.fused, "towers": self.towers}
        found |= {f"{count} stages": partial(self.stages, count) for count in (2, 3, 4, 5)}
        if len(self.graph.devices) > 1:
            found["stages by devices"] = partial(self.stages, 0)
        for count in (2, 3, 4):
            if count >= len(self.graph.devices):
                found[f"{count} devices"] = partial(self.placed, count)
                found[f"scattered over {count}"] = partial(self.scattered, count)
        return found


class Exchange:
    """Runs towers in threads, and gathers their tensors where all of them wait for each other."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.barrier = threading.Barrier(count, timeout=20)
        self.parts: dict[int, Tensor] = {}
        self.rank = threading.local()

    def gathered(self, x: Tensor, _group: object) -> tuple[Tensor, ...]:
        self.barrier.wait()
        self.parts[self.rank.number] = x
        self.barrier.wait()
        found = tuple(self.parts[number].clone() for number in range(self.count))
        if {each.shape for each in found} != {x.shape}:
            raise Differs(f"towers exchange shapes {[each.shape for each in found]}")
        return found

    def run(self, calls: list[Callable[[], list[Tensor | None]]]) -> list[list[Tensor | None]]:
        """Return the results of all calls; raise the first error of one."""
        results: dict[int, list[Tensor | None]] = {}
        errors: list[Exception] = []

        def work(number: int) -> None:
            self.rank.number = number
            try:
                results[number] = calls[number]()
            except Exception as error:
                errors.append(error)
                self.barrier.abort()

        threads = [threading.Thread(target=work, args=(number,)) for number in range(self.count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise next((each for each in errors if not isinstance(each, threading.BrokenBarrierError)), errors[0])
        return [results[number] for number in range(self.count)]


def module_of(text: str) -> ModuleType:
    """Return a generated module."""
    module = ModuleType("built")
    exec(compile(text, "<built>", "exec"), module.__dict__)
    return module
