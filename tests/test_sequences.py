"""Operators on sequences and tokens, held against the modules of PyTorch that they stand for."""

import math

import pytest
import torch
import torch.nn.functional as F
from operator_code import module_of, node_of
from test_ops import found, make
from torch import Tensor, nn

from archdsl.base.shape import Shape
from archdsl.base.source import Source
from archdsl.diag.model import Diagnostic
from archdsl.driver import compile_source
from archdsl.ops.base import Example

SEQUENCE = Shape.of(7, 16)


def made(call: str, sizes: Shape = SEQUENCE) -> nn.Module:
    return module_of(node_of(Example(call, sizes, sizes)))


def sample(*sizes: int) -> Tensor:
    return torch.randn(2, *sizes, generator=torch.Generator().manual_seed(3))


def problem(call: str, *sizes: int) -> Diagnostic:
    text = f"model M {{ input x: [{', '.join(map(str, sizes))}]; step: {call} }}"
    [found] = compile_source(Source("case.arch", text)).diagnostics
    return found


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_attention_is_pytorchs(*, causal: bool, bias: bool) -> None:
    words = str(bias).lower(), str(causal).lower()
    torch.manual_seed(0)
    ours = made(f"attention(4, bias = {words[0]}, causal = {words[1]})")
    torch.manual_seed(0)
    theirs = nn.MultiheadAttention(16, 4, bias=bias, batch_first=True).eval()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    torch.testing.assert_close(dict(ours.state_dict()), dict(theirs.state_dict()))
    for weight in theirs.parameters():
        nn.init.normal_(weight, std=0.3)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    x = sample(7, 16)
    mask = torch.ones(7, 7, dtype=torch.bool).triu(1) if causal else None
    torch.testing.assert_close(ours(x), theirs(x, x, x, attn_mask=mask, need_weights=False)[0])


def test_heads_that_share_keys_equal_heads_with_equal_keys() -> None:
    shared, whole = made("attention(4, kv_heads = 2)"), made("attention(4)")
    weights = shared.state_dict()
    for name in ("in_proj_weight", "in_proj_bias"):
        parts = weights[name].unflatten(0, (-1, 4))
        query, key, value = parts.split([4, 2, 2])
        repeated = [query, key.repeat_interleave(2, 0), value.repeat_interleave(2, 0)]
        weights[name] = torch.cat(repeated).flatten(0, 1)
    whole.load_state_dict(weights, strict=True)
    torch.testing.assert_close(shared(sample(7, 16)), whole(sample(7, 16)))


def test_a_causal_step_sees_no_later_step() -> None:
    attention, x = made("attention(2, causal = true)"), sample(7, 16)
    changed = x.clone()
    changed[:, 4:] += 1
    torch.testing.assert_close(attention(x)[:, :4], attention(changed)[:, :4])
    assert not torch.allclose(attention(x)[:, 4:], attention(changed)[:, 4:])


def test_attention_drops_matches_only_while_training() -> None:
    attention, x = made("attention(2, dropout = 0.5)"), sample(7, 16)
    assert torch.equal(attention(x), attention(x))
    attention.train()
    assert not torch.equal(attention(x), attention(x))


RECURRENT = [
    ("rnn(8)", nn.RNN(16, 8, batch_first=True)),
    ("rnn(8, layers = 2, nonlinearity = relu)", nn.RNN(16, 8, 2, nonlinearity="relu", batch_first=True)),
    ("lstm(8, layers = 2, bidirectional = true)", nn.LSTM(16, 8, 2, bidirectional=True, batch_first=True)),
    ("lstm(8, projection = 3, bias = false)", nn.LSTM(16, 8, proj_size=3, bias=False, batch_first=True)),
    ("gru(8, layers = 3)", nn.GRU(16, 8, 3, batch_first=True)),
    ("gru(8, bidirectional = true)", nn.GRU(16, 8, bidirectional=True, batch_first=True)),
]


@pytest.mark.parametrize(("call", "theirs"), RECURRENT, ids=[call for call, _ in RECURRENT])
def test_recurrent_layers_are_pytorchs(call: str, theirs: nn.RNNBase) -> None:
    weights, x = theirs.state_dict(), sample(7, 16)
    steps, states = theirs.eval()(x)
    hidden = states[0] if isinstance(states, tuple) else states
    for given in (call, call.replace(")", ", last = true)")):
        ours = made(given)
        assert list(ours.state_dict()) == list(weights)
        ours.load_state_dict(weights, strict=True)
        if given == call:
            torch.testing.assert_close(ours(x), steps)
        else:
            directions = 2 if theirs.bidirectional else 1
            torch.testing.assert_close(ours(x), torch.cat(list(hidden[-directions:]), 1))


def test_the_last_step_backwards_is_the_first_in_time() -> None:
    both, last = made("gru(8, bidirectional = true)"), made("gru(8, bidirectional = true, last = true)")
    last.load_state_dict(both.state_dict())
    steps = both(sample(7, 16))
    torch.testing.assert_close(last(sample(7, 16)), torch.cat([steps[:, -1, :8], steps[:, 0, 8:]], 1))


def test_layer_norms_are_pytorchs() -> None:
    x = sample(6, 5, 4)
    norm = made("layernorm(axes = 3)", Shape.of(6, 5, 4))
    torch.testing.assert_close(norm(x), F.layer_norm(x, (6, 5, 4)))
    assert [tuple(weight.shape) for weight in norm.state_dict().values()] == [(6, 5, 4), (6, 5, 4)]
    channels = made("channel_layernorm(eps = 1e-6)", Shape.of(6, 5, 4))
    for weight in channels.parameters():
        nn.init.normal_(weight)
    scale, shift = channels.state_dict().values()
    deviation = x - x.mean(1, keepdim=True)
    normal = deviation / (deviation.square().mean(1, keepdim=True) + 1e-6).sqrt()
    torch.testing.assert_close(channels(x), normal * scale[:, None, None] + shift[:, None, None])


def test_an_embedding_takes_indices_and_keeps_the_padding_at_zero() -> None:
    node = node_of(Example("embedding(50, 8, padding_idx = 3)", Shape.of(5), Shape.of(5, 8)))
    assert node.op.indices() == 50
    assert node_of(Example("linear(8)", Shape.of(5), Shape.of(8))).op.indices() is None
    assert torch.equal(module_of(node)(torch.tensor([[3]])), torch.zeros(1, 1, 8))


def test_positions_are_learned_from_small_numbers_and_have_a_batch_axis() -> None:
    torch.manual_seed(0)
    positional = made("positional", Shape.of(197, 64))
    [(name, weight)] = positional.state_dict().items()
    assert (name, tuple(weight.shape)) == ("weight", (1, 197, 64))
    assert weight.std().item() == pytest.approx(0.02, rel=0.05)
    x = sample(197, 64)
    assert torch.equal(positional(x), x + weight)


@pytest.mark.parametrize("features", [6, 7])
def test_sinusoids_are_those_of_the_paper(features: int) -> None:
    encoding = made("sinusoidal", Shape.of(40, features))
    assert not encoding.state_dict()
    found = encoding(torch.zeros(1, 40, features))[0]
    assert found.dtype == torch.float32
    for position in (0, 1, 17, 39):
        for i in range(features):
            angle = position / 10_000 ** ((i - i % 2) / features)
            wave = math.cos(angle) if i % 2 else math.sin(angle)
            assert found[position, i].item() == pytest.approx(wave, abs=1e-6)


def test_a_class_token_stands_before_the_sequence() -> None:
    module, x = made("class_token"), sample(7, 16)
    nn.init.normal_(module.get_parameter("weight"))
    assert torch.equal(module(x)[:, 1:], x)
    assert torch.equal(module(x)[:, :1], module.get_parameter("weight").expand(2, 1, 16))


@pytest.mark.parametrize("size", [(2, 2), (2, 3)])
def test_patches_and_a_matrix_are_a_convolution(size: tuple[int, int]) -> None:
    maps = Shape.of(3, 8, 6)
    x, conv = sample(3, 8, 6), nn.Conv2d(3, 5, size, size)
    text = "x".join(map(str, size))
    steps = F.linear(made(f"patches({text})", maps)(x), conv.weight.flatten(1), conv.bias)
    tokens = made("tokens", Shape.of(5, 8 // size[0], 6 // size[1]))
    torch.testing.assert_close(tokens(conv(x)), steps)


def test_factors_belong_to_channels_of_maps_and_features_of_sequences() -> None:
    sizes = {(6, 5, 4): (6, 1, 1), (7, 16): (16,), (9,): (9,)}
    for shape, weight in sizes.items():
        module = made("scale(init = 0.5)", Shape.of(*shape))
        assert module.get_parameter("weight").shape == weight
        assert torch.equal(module(sample(*shape)), sample(*shape) / 2)
    assert made("scale(axis = 0)").get_parameter("weight").shape == (7, 1)


def test_depth_is_bounded_by_arithmetic_only() -> None:
    """The counts of very many layers are computed, not summed up layer by layer."""
    assert make("lstm", hidden=8, layers=2**40).params(SEQUENCE) == 4 * 8 * (16 + 8 + 2) + (2**40 - 1) * 4 * 8 * 18
    assert found(make("attention", heads=2**40), SEQUENCE) is None


@pytest.mark.parametrize(
    ("call", "sizes", "code", "words"),
    [
        ("attention(5)", (7, 16), "E0304", "16 features are not divisible by 5 heads"),
        ("attention(4, kv_heads = 3)", (7, 16), "E0304", "4 heads are not divisible by 3 groups"),
        (
            "attention(4)",
            (8, 5, 5),
            "E0303",
            "needs a sequence of steps and features, such as 50x64, but the input is 8x5x5",
        ),
        ("lstm(8)", (16,), "E0303", "needs a sequence of steps and features, such as 50x64, but the input is 16"),
        ("lstm(8, projection = 8)", (7, 16), "E0204", "`projection` is 8, but must be below 8"),
        ("gru(8, dropout = 0.5)", (7, 16), "E0204", "`dropout` is 0.5, but must be 0 where layers = 1"),
        ('rnn(8, nonlinearity = "relu")', (7, 16), "E0203", "`nonlinearity` must be tanh or relu"),
        ("embedding(10, 4, padding_idx = 10)", (7,), "E0204", "`padding_idx` is 10, but must be below 10"),
        ("patches(3)", (3, 8, 9), "E0302", "a side of 8 cannot be divided into blocks of 3: 2 left over"),
        ("patches(2)", (3, 8), "E0303", "needs channels, height and width, but the input is 3x8"),
        ("tokens", (8,), "E0303", "needs channels and one to three axes"),
        ("layernorm(axes = 3)", (7, 16), "E0204", "`axes` is 3, but must be at most 2, the number of axes of 7x16"),
        ("layernorm", (7, 1), "E0204", "the last axis of an input of 7x1 is a single value"),
        ("channel_layernorm", (7, 16), "E0303", "needs channels, height and width, but the input is 7x16"),
        ("scale(axis = 2)", (7, 16), "E0204", "`axis` is 2, but must be below 2, the number of axes of 7x16"),
        ("softmax(axis = 2)", (7, 16), "E0204", "`axis` is 2, but must be below 2, the number of axes of 7x16"),
        ("glu(axis = 1)", (8, 5), "E0304", "5 features cannot be split into 2 equal halves"),
        ("linear(4)", (3, 8, 8), "E0303", "needs a vector, or a sequence of vectors, but the input is 3x8x8"),
    ],
)
def test_what_does_not_fit_says_why(call: str, sizes: tuple[int, ...], code: str, words: str) -> None:
    diagnostic = problem(call, *sizes)
    assert diagnostic.code.id == code
    assert words in diagnostic.primary.text
