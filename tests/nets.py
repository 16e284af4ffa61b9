"""Nets that several tests build: together they use every operator and every form of the language."""

from archdsl.base.source import Source
from archdsl.driver import compile_source
from archdsl.ir.graph import CheckedGraph

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
    "decoder": """model Decoder(width = 8, classes = 2) {
  input z: 24
  fc: linear(4 * 4 * width) -> maps: [reshape((width, 4, 4)) -> silu]
  up1: conv_transpose(width, 2, stride = 2) -> gn1: groupnorm(2) -> gelu
  up2: conv_transpose(2 * width, 4x3, 2x1, padding = 1, groups = 2) -> instancenorm -> mish
  pad(1, mode = reflect) -> conv: conv(4 * width, 3) -> pixel_shuffle(2) -> pixel_unshuffle(1) -> drop_path(0.1)
  upsample(2) -> upsample(1x2, mode = bilinear, align_corners = true) -> lrn(5, k = 2.0) -> hardswish
  head: [conv(2 * classes, 1) -> glu -> adaptive_maxpool(8x8) -> permute(1x2x0) -> permute(2x0x1) -> log_softmax]
}
""",
    "activations": """model Activations {
  input x: 8x6x6
  a: {
    c1: conv(8, 1) -> relu6 -> c2: conv(8, 1) -> leaky_relu(0.2) -> c3: conv(8, 1) -> elu -> c4: conv(8, 1) -> selu
    c5: conv(8, 1) -> celu(0.5) -> c6: conv(8, 1) -> silu -> c7: conv(8, 1) -> mish -> c8: conv(8, 1) -> hardswish
    c9: conv(8, 1) -> hardsigmoid -> c10: conv(8, 1) -> hardtanh(-2, 2) -> c11: conv(8, 1) -> rrelu -> prelu: prelu
    c12: conv(8, 1) -> threshold(0.1, 0)
  }
  b1: conv(8, 1) -> relu6 -> b2: conv(8, 1) -> leaky_relu -> b3: conv(8, 1) -> elu(0.5) -> b4: conv(8, 1) -> selu
  b5: conv(8, 1) -> celu -> b6: conv(8, 1) -> silu -> b7: conv(8, 1) -> mish -> b8: conv(8, 1) -> hardswish
  b9: conv(8, 1) -> hardsigmoid -> b10: conv(8, 1) -> hardtanh -> b11: conv(8, 1) -> rrelu(0.1, 0.2)
  b12: conv(8, 1) -> threshold(0, -1.5) -> prelu: prelu(num_parameters = channels) -> gelu(approximate = tanh)
  softplus -> softsign -> logsigmoid -> tanhshrink -> softshrink(0.1) -> hardshrink(0.01) -> softmin -> log_softmax
  c: [softplus(beta = 2.0) -> softsign -> logsigmoid -> tanhshrink -> softshrink -> hardshrink -> gelu -> softmin]
}
""",
    "pools": """model Pools {
  input x: 4x20x18
  c: conv(8, 3) -> lppool(2, 2) -> channel_dropout(0.2) -> channel_shuffle(2) -> slice(0, 6) -> slice(1, axis = 2)
  d: conv(12, 1) -> in1: instancenorm(affine = true) -> adaptive_avgpool(6x5) -> pad(1x0, value = -1.0) -> alpha_dropout
  e: [conv(8, 1) -> slice(2, 8) -> channel_shuffle(3) -> lppool(4, 3, 1, ceil_mode = true) -> pad(1, mode = circular)]
  f: [mean(0, keepdim = true) -> sum(2, keepdim = true) -> upsample(2) -> lrn(3) -> drop_path -> channel_dropout]
  mean(1, keepdim = true) -> g: conv(6, 1) -> global_avgpool -> global_maxpool -> flatten -> reshape(2x3) -> sum
  h: linear(6) -> times(0.5)
  i: [reshape(2x3) -> reshape(3x2) -> reshape(6) -> alpha_dropout(0.1) -> times(2) -> groupnorm(3)]
}
""",
    "volume": """model Volume {
  input x: 2x3x4x5
  up: conv_transpose(4, 3, 2, padding = 1, output_padding = 1) -> bn: batchnorm -> lppool(2, 2) -> upsample(2)
  pad(1, mode = replicate) -> pad(0, after = 1) -> channel_dropout -> norm: instancenorm(track_running_stats = true)
  layers: [conv(4, 1) -> upsample(1, mode = trilinear) -> adaptive_maxpool(3) -> pad(0x1x0) -> global_avgpool]
  mean -> sum(0, keepdim = true) -> out: linear(2)
}
""",
    "line": """model Line(length = 12, factor = 2) {
  input x: [3, length]
  up: conv_transpose(6, 4, 2, padding = 1) -> lppool(2, 2) -> norm: groupnorm(3) -> wider: [upsample(factor)]
  pad(2, mode = circular) -> pad(0, after = 1) -> instancenorm -> channel_dropout -> adaptive_avgpool(7)
  layers: [conv(4, 1) -> upsample(2, mode = linear) -> adaptive_maxpool(3) -> pad(1, mode = reflect) -> global_maxpool]
  permute(1x0) -> slice(0, 1) -> flatten -> out: linear(2)
}
""",
    "residuals": """set conv(bias = false, padding = half)

block Basic(width, stride = 1, inner = width // 2) {
  residual {
    conv1: conv(inner, 3, stride) -> bn1: batchnorm -> relu
    conv2: conv(width, 3)         -> bn2: batchnorm
  } project { downsample: [conv(width, 1, stride) -> batchnorm] } -> relu
}

block Dense(growth) {
  concat {
    identity
    norm: batchnorm -> relu -> conv: conv(growth, 3)
  }
}

model Residuals(classes = 10, width = 16) {
  input image: 3x32x32
  stem: conv(width, 3)
  for i, n in enumerate([2, 4]) {
    layer{i + 1}: [Basic(width * 2 ** i, stride = 1 if i == 0 else 2) -> Basic(width * 2 ** i) * (n - 1)]
  }
  wide: Basic(2 * width, inner = 8)
  dense: { dense{1..3}: Dense(4) }
  global_avgpool -> flatten -> fc: linear(classes)
}
""",
    "towers": """model Towers(classes = 10) {
  devices gpu0, gpu1
  input image: 3x32x32
  group tower{0..1} on gpu{0..1} {
    conv1: conv(4, 3, padding = 1) -> relu -> maxpool(2)
    exchange
    conv2: conv(8, 3, padding = 1) -> relu -> flatten
    exchange -> relu -> fc: linear(16) -> relu
  } -> concat
  split(4) -> add -> head: linear(classes)
}
""",
    "heads": """block Head(classes) = pool: adaptive_avgpool(2) -> flatten -> fc: linear(classes)

model Heads(classes = 10) {
  input image: 3x32x32
  input scale: 8
  conv1: conv(8, 3)
  output aux: Head(classes) when training
  output mid: global_avgpool -> flatten -> mul { identity; @scale }
  conv2: conv(16, 3) -> relu -> global_avgpool -> flatten -> fc: linear(classes)
}
""",
    "shared": """set conv(padding = half)

block Double(c) = conv1: conv(c, 3) -> relu -> conv2: conv(c, 3) -> relu
block Up(skip, c) = up: conv_transpose(c, 2, stride = 2) -> concat { skip; identity } -> fuse: Double(c)

model Shared {
  input image: 1x32x32
  enc1: Double(8)  -> maxpool(2)
  enc2: Double(16) -> maxpool(2)
  mid: Double(32)  -> up2: Up(@enc2, 16) -> up1: Up(@enc1, 8)
  mix: { a: conv(8, 1) -> relu -> share @a -> add { share @a; @enc1 } }
  head: conv(2, 1)
}
""",
    "started": """set conv(init = kaiming_normal(mode = fan_out, nonlinearity = relu), bias_init = zeros)
set batchnorm(init = uniform(0.5, 1))

block Basic(width, stride = 1, std = 0.02) {
  residual {
    conv1: conv(width, 3, stride, padding = half, bias = false) -> bn1: batchnorm -> relu
    conv2: conv(width, 3, padding = half, bias = false) -> bn2: batchnorm(init = zeros)
  } project {
    downsample: [conv(width, 1, stride) -> batchnorm]
  } -> relu
  expand: conv_transpose(width, 1, init = normal(std = std), bias_init = constant(0.1))
}

model Started(std = 0.01, module = 3) {
  input image: 3x18x18
  stem: conv(8, 3, 2, padding = tf_same) -> gn: groupnorm(2, init = ones) -> relu
  stages: [Basic(8) -> Basic(16, 2, std = std) -> Basic(16, std = std)]
  wide: [conv(4, 1) -> batchnorm(affine = false) -> relu -> conv(4, 1, bias = false)]
  parts: { a: conv(4, 1) -> norm: channel_layernorm(bias_init = ones) -> dw: conv(4, 3, groups = 4) } -> flatten
  mlp: [linear(32, init = orthogonal) -> relu -> linear(32, init = orthogonal) -> linear(32, init = orthogonal)]
  fc1: linear(16, init = normal(std = module), bias_init = uniform(0, std)) -> relu
  head: { out: linear(4, init = xavier_uniform(gain = 0.5)) -> norm: layernorm(init = constant(2)) }
}
""",
    "started_sequence": """model StartedSequence(hidden = 12) {
  input x: 9x8
  lead: class_token(init = normal(std = 0.02)) -> where: positional(init = zeros)
  rnns: [lstm(hidden, init = orthogonal, bias_init = zeros) -> gru(8, layers = 2, init = xavier_normal) -> rnn(8)]
  mix: { attn: attention(2, init = xavier_uniform(gain = 0.5), bias_init = constant(0.1)) -> n: rmsnorm(init = ones) }
  once: lstm(8, bidirectional = true, bias_init = ones) -> fc0: linear(8, init = trunc_normal(std = 0.02))
  fc1: linear(8, init = sparse(0.5)) -> fc2: linear(4, init = kaiming_uniform(a = 1)) -> fc3: linear(4, init = none)
}
""",
    "started_tables": """set conv(init = uniform(-0.1, 0.1))
model StartedTables {
  input x: 3x9x9
  c1: conv(2, 5, connect = [[0], [0, 2]], bias_init = zeros) -> same: conv(4, 3, padding = tf_same, bias_init = ones)
  plain: [conv(4, 1) -> batchnorm(init = ones) -> batchnorm(affine = false) -> batchnorm(init = ones) -> conv(4, 1)]
  other: [conv(4, 1, init = dirac) -> instancenorm(affine = true, bias_init = ones) -> conv(4, 1) -> conv(4, 1)]
}
""",
}


def graph_of(text: str, **settings: object) -> CheckedGraph:
    compiled = compile_source(Source("net.arch", text), settings=settings)
    assert compiled.ok, compiled.diagnostics
    return compiled.models[0]
