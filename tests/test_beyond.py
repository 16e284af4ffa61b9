"""The gallery beyond classification, held against the nets written by hand in PyTorch: same weights, same numbers."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import archdsl


def made(name: str, **settings: Any) -> nn.Module:
    """Return a model of the gallery in a small setting, with weights that no start value hides behind."""
    torch.manual_seed(0)
    net = archdsl.load(name, **settings).eval()
    for key, tensor in net.state_dict().items():
        if tensor.is_floating_point():
            nn.init.uniform_(tensor, 0.5, 1.5) if "running_var" in key else nn.init.normal_(tensor, std=0.2)
    return net


def sample(*sizes: int) -> Tensor:
    return torch.randn(2, *sizes, generator=torch.Generator().manual_seed(1))


def close(found: Tensor, expected: Tensor) -> None:
    assert expected.abs().max() > 1e-3
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


# U-Net


class DoubleConv(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.double_conv = nn.Sequential(
            nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.double_conv(x)


class Down(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), DoubleConv(before, after))

    def forward(self, x: Tensor) -> Tensor:
        return self.maxpool_conv(x)


class Up(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(before, before // 2, 2, 2)
        self.conv = DoubleConv(before, after)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return self.conv(torch.cat([skip, self.up(x)], 1))


class UNet(nn.Module):
    def __init__(self, maps: int, classes: int) -> None:
        super().__init__()
        self.inc = DoubleConv(3, maps)
        for i in range(4):
            self.add_module(f"down{i + 1}", Down(maps * 2**i, maps * 2 ** (i + 1)))
            self.add_module(f"up{i + 1}", Up(maps * 2 ** (4 - i), maps * 2 ** (3 - i)))
        self.outc = nn.ModuleDict({"conv": nn.Conv2d(maps, classes, 1)})

    def forward(self, x: Tensor) -> Tensor:
        skips = [self.inc(x)]
        for i in range(1, 5):
            skips.append(self.get_submodule(f"down{i}")(skips[-1]))
        x = skips.pop()
        for i in range(1, 5):
            x = self.get_submodule(f"up{i}")(x, skips.pop())
        return self.outc["conv"](x)


def test_unet_is_the_net_that_is_written_by_hand() -> None:
    ours, theirs = made("unet", maps=4, side=32, classes=3), UNet(4, 3).eval()
    theirs.load_state_dict(ours.state_dict(), strict=True)
    x = sample(3, 32, 32)
    close(ours(x), theirs(x))


def test_unet_of_2015_cuts_the_middle_out_of_what_it_saw() -> None:
    net = made("unet_2015", maps=2)
    weights = net.state_dict()

    def pair(x: Tensor, name: str) -> Tensor:
        for conv in ("conv1", "conv2"):
            x = F.relu(F.conv2d(x, weights[f"{name}.{conv}.weight"], weights[f"{name}.{conv}.bias"]))
        return x

    image = sample(1, 572, 572)[:1]
    x, skips = image, []
    for level in range(1, 6):
        x = pair(x if level == 1 else F.max_pool2d(x, 2), f"contract{level}")
        skips.append(x)
    skips.pop()
    for level in range(4, 0, -1):
        name = f"expand{level}"
        x = F.relu(F.conv_transpose2d(x, weights[f"{name}.up.weight"], weights[f"{name}.up.bias"], stride=2))
        skip = skips.pop()
        start = (skip.shape[2] - x.shape[2]) // 2
        middle = skip[:, :, start : start + x.shape[2], start : start + x.shape[3]]
        x = pair(torch.cat([middle, x], 1), name)
    x = F.conv2d(x, weights["score.weight"], weights["score.bias"])
    assert x.shape == (1, 2, 388, 388)
    close(net(image), x)


# fully convolutional networks


def fcn(x: Tensor, weights: dict[str, Tensor], stride: int) -> Tensor:
    """Return the scores of an FCN with a stride of 32, 16 or 8 pixels; what is added is cut to the stream."""
    side, pools = x.shape[2], {}

    def conv(x: Tensor, name: str, padding: int = 0) -> Tensor:
        return F.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=padding)

    def cut(x: Tensor, start: int, side: int) -> Tensor:
        return x[:, :, start : start + side, start : start + side]

    for stage, count in enumerate((2, 2, 3, 3, 3), 1):
        for number in range(1, count + 1):
            x = F.relu(conv(x, f"conv{stage}_{number}", 100 if (stage, number) == (1, 1) else 1))
        x = pools[stage] = F.max_pool2d(x, 2, ceil_mode=True)
    x = conv(F.relu(conv(F.relu(conv(x, "fc6")), "fc7")), "score_fr")
    if stride < 32:
        x = F.conv_transpose2d(x, weights["upscore2.weight"], stride=2)
        x = x + cut(conv(pools[4], "score_pool4"), 5, x.shape[2])
    if stride < 16:
        x = F.conv_transpose2d(x, weights["upscore_pool4.weight"], stride=2)
        x = x + cut(conv(pools[3], "score_pool3"), 9, x.shape[2])
    last = weights["upscore.weight" if stride == 32 else f"upscore{stride}.weight"]
    return cut(F.conv_transpose2d(x, last, stride=stride), {32: 19, 16: 27, 8: 31}[stride], side)


@pytest.mark.parametrize("stride", [32, 16, 8])
def test_fcn_is_that_of_the_paper(stride: int) -> None:
    net = made(f"fcn_{stride}s", maps=4, hidden=8, classes=5, side=64)
    x = sample(3, 64, 64)
    expected = fcn(x, net.state_dict(), stride)
    assert expected.shape == x[:, :1].expand(-1, 5, -1, -1).shape
    close(net(x), expected)


# DCGAN


def test_dcgan_is_the_tutorials() -> None:
    ours, width = made("dcgan_generator", width=4), 4
    layers: list[nn.Module] = []
    before = 100
    for factor, stride, padding in ((8, 1, 0), (4, 2, 1), (2, 2, 1), (1, 2, 1)):
        conv = nn.ConvTranspose2d(before, factor * width, 4, stride, padding, bias=False)
        layers += [conv, nn.BatchNorm2d(factor * width), nn.ReLU()]
        before = factor * width
    layers += [nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=False), nn.Tanh()]
    theirs = nn.ModuleDict({"main": nn.Sequential(*layers)}).eval()
    theirs.load_state_dict(ours.state_dict(), strict=True)
    z = sample(100, 1, 1)
    close(ours(z), theirs["main"](z))

    judge = made("dcgan_discriminator", width=4)
    layers = [nn.Conv2d(3, 4, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
    for factor in (2, 4, 8):
        conv = nn.Conv2d(factor * 2, factor * 4, 4, 2, 1, bias=False)
        layers += [conv, nn.BatchNorm2d(factor * 4), nn.LeakyReLU(0.2)]
    layers += [nn.Conv2d(32, 1, 4, bias=False), nn.Sigmoid()]
    theirs = nn.ModuleDict({"main": nn.Sequential(*layers)}).eval()
    theirs.load_state_dict(judge.state_dict(), strict=True)
    close(judge(ours(z)), theirs["main"](ours(z)))


# a feature pyramid


def test_the_feature_pyramid_adds_from_the_top_down() -> None:
    net = made("fpn", depths=[1, 2, 1, 1], width=4, maps=6, side=64)
    weights, x = net.state_dict(), sample(3, 64, 64)

    def conv(x: Tensor, name: str, stride: int = 1) -> Tensor:
        kernel = weights[f"{name}.weight"]
        return F.conv2d(x, kernel, weights.get(f"{name}.bias"), stride, padding=kernel.shape[2] // 2)

    def norm(x: Tensor, name: str) -> Tensor:
        mean, var = weights[f"{name}.running_mean"], weights[f"{name}.running_var"]
        return F.batch_norm(x, mean, var, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def bottleneck(x: Tensor, name: str, stride: int) -> Tensor:
        y = F.relu(norm(conv(x, f"{name}.conv1"), f"{name}.bn1"))
        y = F.relu(norm(conv(y, f"{name}.conv2", stride), f"{name}.bn2"))
        y = norm(conv(y, f"{name}.conv3"), f"{name}.bn3")
        if f"{name}.downsample.0.weight" in weights:
            x = norm(conv(x, f"{name}.downsample.0", stride), f"{name}.downsample.1")
        return F.relu(x + y)

    y = F.max_pool2d(F.relu(norm(conv(x, "conv1", 2), "bn1")), 3, 2, 1)
    levels = []
    for layer, depth in enumerate((1, 2, 1, 1), 1):
        for number in range(depth):
            y = bottleneck(y, f"layer{layer}.{number}", 2 if number == 0 and layer > 1 else 1)
        levels.append(y)
    m5 = conv(levels[3], "m5")
    merged = {5: m5}
    for level in (4, 3, 2):
        above = merged[level + 1].repeat_interleave(2, 2).repeat_interleave(2, 3)
        merged[level] = above + conv(levels[level - 2], f"lateral{level}")
    expected = {f"p{level}": conv(merged[level], f"p{level}") for level in (2, 3, 4, 5)}
    expected["p6"] = expected["p5"][:, :, ::2, ::2]
    found = net(x)._asdict()
    assert list(found) == list(expected)
    for name, value in expected.items():
        close(found[name], value)


# sequences


def test_the_character_lstm_is_pytorchs() -> None:
    net = made("char_lstm", characters=11, hidden=7, length=9)
    lstm, decoder = nn.LSTM(11, 7, 2, batch_first=True), nn.Linear(7, 11)
    nn.ModuleDict({"lstm": lstm, "decoder": decoder}).load_state_dict(net.state_dict(), strict=True)
    text = F.one_hot(torch.arange(18).reshape(2, 9) % 11, 11).float()
    close(net(text), decoder(lstm(text)[0]))


class TorchvisionBlock(nn.Module):
    def __init__(self, heads: int, size: int, inner: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(size, eps=1e-6)
        self.self_attention = nn.MultiheadAttention(size, heads, batch_first=True)
        self.ln_2 = nn.LayerNorm(size, eps=1e-6)
        layers = (nn.Linear(size, inner), nn.GELU(), nn.Dropout(0.0), nn.Linear(inner, size), nn.Dropout(0.0))
        self.mlp = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        y = self.ln_1(x)
        x = x + self.self_attention(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.ln_2(x))


class VisionTransformer(nn.Module):
    """Torchvision's, with its names."""

    def __init__(self, side: int, patch: int, depth: int, heads: int, size: int, inner: int, classes: int) -> None:
        super().__init__()
        self.conv_proj = nn.Conv2d(3, size, patch, patch)
        self.class_token = nn.Parameter(torch.zeros(1, 1, size))
        self.encoder = nn.Module()
        self.encoder.pos_embedding = nn.Parameter(torch.zeros(1, (side // patch) ** 2 + 1, size))
        blocks = {f"encoder_layer_{i}": TorchvisionBlock(heads, size, inner) for i in range(depth)}
        self.encoder.layers = nn.ModuleDict(blocks)
        self.encoder.ln = nn.LayerNorm(size, eps=1e-6)
        self.heads = nn.ModuleDict({"head": nn.Linear(size, classes)})

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_proj(x)
        x = x.reshape(len(x), x.shape[1], -1).permute(0, 2, 1)
        x = torch.cat([self.class_token.expand(len(x), -1, -1), x], 1) + self.encoder.pos_embedding
        for block in self.encoder.layers.values():
            x = block(x)
        return self.heads["head"](self.encoder.ln(x)[:, 0])


def test_vit_is_torchvisions_but_for_two_names() -> None:
    ours = made("vit_b_16", side=48, classes=5)
    with torch.device("meta"):
        theirs = VisionTransformer(48, 16, 12, 12, 768, 3072, 5).eval()
    renamed = {"class_token.weight": "class_token", "encoder.pos_embedding.weight": "encoder.pos_embedding"}
    weights = {renamed.get(key, key): value for key, value in ours.state_dict().items()}
    assert set(renamed) <= set(ours.state_dict())
    theirs.load_state_dict(weights, strict=True, assign=True)
    x = sample(3, 48, 48)
    close(ours(x), theirs(x))


def test_gpt2_is_the_net_that_is_written_by_hand() -> None:
    net = made("gpt2", depth=2, heads=3, size=12, vocabulary=17, length=10)
    weights = net.state_dict()

    def norm(x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, (12,), weights[f"{name}.weight"], weights[f"{name}.bias"])

    def linear(x: Tensor, name: str) -> Tensor:
        return F.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def attention(x: Tensor, name: str) -> Tensor:
        made = F.linear(x, weights[f"{name}.in_proj_weight"], weights[f"{name}.in_proj_bias"])
        query, key, value = (part.unflatten(2, (3, 4)).transpose(1, 2) for part in made.chunk(3, 2))
        later = torch.ones(10, 10, dtype=torch.bool).triu(1)
        scores = (query @ key.transpose(2, 3) / 2).masked_fill(later, -torch.inf)
        return linear((scores.softmax(3) @ value).transpose(1, 2).flatten(2), f"{name}.out_proj")

    tokens = torch.randint(17, (2, 10), generator=torch.Generator().manual_seed(1))
    x = weights["transformer.wte.weight"][tokens] + weights["transformer.wpe.weight"]
    for number in range(2):
        name = f"transformer.h.{number}"
        x = x + attention(norm(x, f"{name}.ln_1"), f"{name}.attn")
        inner = F.gelu(linear(norm(x, f"{name}.ln_2"), f"{name}.mlp.c_fc"), approximate="tanh")
        x = x + linear(inner, f"{name}.mlp.c_proj")
    close(net(tokens), norm(x, "transformer.ln_f") @ weights["lm_head.weight"].T)


def test_gpt2_with_tied_weights_has_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        net = archdsl.load("gpt2", device="meta")
    assert sum(weight.numel() for weight in net.parameters()) == 124_439_808 + 50_257 * 768
    net.lm_head.weight = net.transformer.wte.weight
    assert sum(weight.numel() for weight in net.parameters()) == 124_439_808
