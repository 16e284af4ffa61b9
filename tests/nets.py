"""Nets that several tests build: together they use every operator and every form of the language."""

from archdsl.driver import compile_source
from archdsl.ir import CheckedGraph
from archdsl.source import Source

NETS = {
    "vgg": """set conv(padding = half)
model Vgg(classes = 10, width = 8, rate = 0.4) {
  input image: 3x32x32
  features: [
    (conv(width, 3) -> batchnorm -> relu) * 2 -> maxpool(2)
    (conv(2 * width, 3) -> relu) * 2 -> avgpool(3, 2, padding = 1)
  ]
  identity -> flatten
  classifier: { fc1: linear(64) -> relu -> dropout(rate) -> fc2: linear(classes) -> softmax }
}
""",
    "padded": """model Padded {
  input x: 3x9x10
  c1: conv(4, 3, 2, padding = tf_same) -> sigmoid -> c2: conv(6, 3x1, groups = 2, dilation = 2, padding = half)
  maxpool(3, 2, ceil_mode = true) -> avgpool(2, 1, count_include_pad = false)
}
""",
    "sequence": """model Sequence(length = 16) {
  input signal: [2, length]
  c1: conv(4, 3) -> relu -> avgpool(2) -> bn: batchnorm -> flatten -> fc: linear(3)
}
""",
    "targets": """model Targets {
  input x: 6
  f: linear(6) -> scaled_tanh -> out: [rbf(2, targets = ["##.#..", "..##.#"])]
}
""",
}


def graph_of(text: str, **settings: object) -> CheckedGraph:
    compiled = compile_source(Source("net.arch", text), settings=settings)
    assert compiled.ok, compiled.diagnostics
    return compiled.models[0]
