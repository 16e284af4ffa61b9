"""The classic nets that come with the `onnx` package: their layers, counts, and results for weights of one's own."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy
import onnx
import onnxruntime
from onnx import helper, numpy_helper

FLOAT = onnx.TensorProto.FLOAT
FOLDER = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"


@dataclass(frozen=True)
class Layer:
    """A layer with weights, by their names; a normalisation has a mean and a variance too.

    Caffe normalises in one layer and scales in another one, whose weights these are: `fixed` are those of the first.
    `out` is the number of its maps, `macs` that of its multiply-accumulates.
    """

    kind: str
    weight: str
    bias: str | None
    mean: str = ""
    variance: str = ""
    fixed: tuple[str, ...] = ()
    out: int = 0
    macs: int = 0

    @property
    def learned(self) -> tuple[str, ...]:
        """The names of what training changes."""
        return (self.weight, self.bias) if self.bias else (self.weight,)


class Classic:
    """A graph of the package. What stands for weights there are constants."""

    def __init__(self, name: str) -> None:
        self.graph = onnx.shape_inference.infer_shapes(onnx.load(FOLDER / f"light_{name}.onnx")).graph
        self.initial = {each.name: numpy_helper.to_array(each) for each in self.graph.initializer}

    def nodes(self, *kinds: str) -> Iterator[onnx.NodeProto]:
        """Yield the nodes of some kinds, in their order."""
        return (node for node in self.graph.node if node.op_type in kinds)

    @cached_property
    def weights(self) -> dict[str, tuple[int, ...]]:
        """The shapes of all that stands for weights."""
        read = {name for node in self.graph.node for name in node.input}
        found = {name: value.shape for name, value in self.initial.items() if value.dtype == "float32"}
        made = {node.output[0]: self.initial[node.input[0]] for node in self.nodes("ConstantOfShape")}
        found |= {name: tuple(map(int, shape)) for name, shape in made.items()}
        return {name: shape for name, shape in found.items() if name in read}

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The layers with weights, in their order."""
        known = [*self.graph.value_info, *self.graph.output]
        shapes = {each.name: [size.dim_value for size in each.type.tensor_type.shape.dim] for each in known}
        reshaped = {node.output[0]: node.input[0] for node in self.nodes("Reshape", "Unsqueeze")}
        reader = {name: node for node in self.graph.node for name in node.input}
        found = []
        for node in self.nodes("Conv", "Gemm", "BatchNormalization"):
            (_, out, *pixels), names = shapes[node.output[0]], [reshaped.get(name, name) for name in node.input[1:]]
            if node.op_type != "BatchNormalization":
                weight, bias, *_ = *names, None
                work = math.prod(self.weights[weight]) * math.prod(pixels)
                found.append(Layer(node.op_type, weight, bias, out=out, macs=work))
            elif (scale := reader[node.output[0]]).op_type == "Mul":
                learned = reshaped[scale.input[1]], reshaped[reader[scale.output[0]].input[1]]
                found.append(Layer(node.op_type, *learned, *names[2:], fixed=tuple(names[:2]), out=out))
            else:
                found.append(Layer(node.op_type, *names, out=out))
        return tuple(found)

    @property
    def params(self) -> int:
        """Number of learned weights."""
        return sum(math.prod(self.weights[name]) for layer in self.layers for name in layer.learned)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of convolutions and matrix products."""
        return sum(layer.macs for layer in self.layers)

    def results(self, weights: Mapping[str, numpy.ndarray], images: numpy.ndarray) -> numpy.ndarray:
        """Return what comes out before the softmax, one image at a time."""
        assert weights.keys() == self.weights.keys()
        nodes = [node for node in self.graph.node if node.op_type not in ("ConstantOfShape", "Softmax")]
        read = {name for node in nodes for name in node.input} - weights.keys()
        (image,) = (each for each in self.graph.input if each.name not in self.initial)
        given = [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in self.weights.items()]
        result = helper.make_tensor_value_info(nodes[-1].output[0], FLOAT, None)
        fixed = [each for each in self.graph.initializer if each.name in read]
        graph = helper.make_graph(nodes, "classic", [image, *given], [result], fixed)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 9)], ir_version=8)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        made = [session.run(None, {image.name: each[None], **weights})[0] for each in images]
        return numpy.concatenate([each.reshape(1, -1) for each in made])
