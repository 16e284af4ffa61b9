"""Nets with towers that can be fused: each layer and step of towers that several tests need."""

TOWERS = {
    "three": """model Three(classes = 5, w = 4) {
  devices a, b, c
  input x: 2x12x12
  group tower{0..2} on a {
    conv1: conv(w, 3, bias = false) -> bn1: batchnorm -> relu -> lrn(3, k = 2) -> maxpool(2)
    conv2: conv(2 * w, 3, groups = 2, padding = half) -> bn2: batchnorm(momentum = 0.2) -> flatten
    exchange -> fc1: linear(classes) -> relu -> fc2: linear(4)
  } -> concat
  head: linear(classes)
}
""",
    "twice": """model Twice {
  devices gpu0, gpu1
  input x: 3x10x10
  group tower{0..1} on gpu{0..1} {
    conv1: conv(4, 3) -> relu -> exchange -> conv2: conv(6, 3, groups = 2) -> relu
    exchange -> relu -> conv3: conv(4, 1) -> bn: batchnorm -> exchange -> bn2: batchnorm -> conv4: conv(2, 1)
  } -> concat
}
""",
    "residual": """block Basic(width, stride = 1, inner = width // 2) {
  residual {
    conv1: conv(inner, 3, stride, padding = 1, bias = false) -> bn1: batchnorm -> relu -> lrn(3)
    conv2: conv(width, 3, padding = half) -> bn2: batchnorm
  } project { downsample: [conv(width, 1, stride) -> batchnorm] } -> relu
}
model Residual(w = 4) {
  input x: 4x12x12
  group side{0..1} {
    residual { conv0: conv(4, 3, padding = 1) }
    b1: Basic(2 * w) -> b2: Basic(2 * w) -> exchange -> b3: Basic(w, 2)
    dense: { concat { identity; conv: conv(w, 1) } -> norm: lrn(3) }
    residual { se: { global_avgpool -> fc: conv(2 * w, 1) -> sigmoid } -> mul { identity; @dense } }
  } -> add
  head: conv(3, 1)
}
""",
    "parts": """model Parts {
  input x: 6x8x8
  stem: conv(6, 1) -> split(2) -> group part{0..1} { conv: conv(4, 3) -> glu } -> group next{0..1} {
    conv: conv(4, 3) -> channel_shuffle(2) -> softmax -> pad(1x0x0) -> up: conv_transpose(2, 2, 2)
  } -> mul
  a: conv(3, 1) -> group part_{0..1} { mean -> out: linear(tower + 3 - tower) } -> stack
}
""",
    "nested": """model Nested {
  input x: 4x8x8
  group outer{0..1} {
    conv1: conv(4, 3)
    group inner{0..2} { conv2: conv(2, 3) -> lrn(2) -> exchange -> conv3: conv(2, 1) -> gn: groupnorm(2) } -> concat
    exchange -> conv4: conv(3, 1) -> flatten -> fc: linear(4) -> scale: scale -> p: prelu(num_parameters = channels)
  } -> stack
}
""",
    "blocks": """block Add(skip, c) = conv: conv(c, 1) -> add { skip; identity } -> conv2: conv(c, 1) -> tanh
model Blocks {
  input x: 4x6x6
  stem: conv(4, 1)
  group lane{0..1} {
    first: conv(4, 1) -> second: Add(@first, 4) -> third: Add(@stem, 4) -> pool: [avgpool(2) -> lrn(3) -> conv(4, 1)]
    exchange -> fourth: { a: conv(4, 1) -> n: instancenorm(affine = true) }
    upsample(2) -> permute(0x2x1) -> permute(1x0x2)
  } -> concat
}
""",
}  # fmt: skip
