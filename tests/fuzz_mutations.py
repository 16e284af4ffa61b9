"""Random changes of texts: of characters, tokens, numbers, names and lines, and of nets that stay valid in part."""

import re
from collections.abc import Callable, Sequence
from random import Random

from archdsl.ops import all_ops
from archdsl.syntax.tables import KEYWORDS

LONGEST = 30_000
TOKEN = re.compile(r"##[^\n]*|#[^\n]*|\"[^\"\n]*\"|\d[\w.]*|[A-Za-z_]\w*|->|::|\*\*|//|[=!<>]=|\.\.|\s+|.", re.S)
BRACKETS = "(){}[]"
EXTREMES = (
    "0", "1", "2", "3", "7", "-1", "63", "64", "65", "255", "1000", "65536", "99999", "100000", "100001",
    "1000000", "2147483647", "2147483648", "9223372036854775807", "9223372036854775808", "1e308", "1e309",
    "1e-320", "0.0", "-0.0", "1e9", "1_0", "1__0", "0x10", "1x0", "0x0", "3x3x3x3x3x3", "1.5", ".5", "5.",
    "1e", "00", "true", "none", "[]", "()", "(1,)", "\"\"", "\"x\"", "2**62", "2**63", "10**18", "1/3",
    "1//0", "1%0", "0**-1", "(-8)**0.5", "[1]*9", "[[[]]]", "half", "tf_same", "same", "relu", "linear", "@x",
    "channels", "width", "shape", "range(100000)", "range(0)", "range(10**9)", "enumerate([1,2])",
    "zip([1],[2])", "max([])", "sum([[1]])", "len(3)", "make_divisible(1e300)", "make_divisible(5,0)",
    "round(1e300)", "floor(1e18)", "min([1],2)", "params", "macs", "tower", "nan", "inf", "1e400-1e400",
    "shape[0]", "shape[-1]", "shape[99]", "input", "output", "identity",
)  # fmt: skip
NAMES = (
    "conv", "linear", "batchnorm", "relu", "flatten", "maxpool", "avgpool", "dropout", "softmax", "embedding",
    "attention", "lstm", "layernorm", "upsample", "reshape", "permute", "tokens", "channels", "height",
    "width", "shape", "params", "macs", "tower", "forward", "self", "torch", "nn", "x", "F", "device",
    "dtype", "class", "lambda", "__init__", "__class__", "training", "state_dict", "T_destination", "_",
    "init", "normal", "zeros", "axis", "padding", "stride", "groups", "dilation", "bias", "Net", "A", "B",
    "Basic", "identity", "append", "type",
)  # fmt: skip
ODD = [
    "\x00", "\r", "\r\n", "\x0b", "\x0c", "\x1b[31m", "\x85", "\u2028", "\u2029", "\u202e", "\u2066", "\ufeff",
    "\u00a0", "é", "ß", "ı", "\u212a", "\ufb01", "\u0430", "\U0001d431", "²", "\u0663", "“", "”", "→", "\u2013", "…",
    "\U0001f600", "\ud800", "\\", '"', "'", "`", "$", "%s", "{0}", "{{", "}}", "{%", "\\N{DIGIT ONE}", '"""', "'''",
    "<script>", "&amp;", "#", "##", "@", "..", "=", ",", ";", ":", "::", "->", "*", "**", "?", "!", "~", "^", "|",
    "\t", "\n", "\n\n", " ",
]  # fmt: skip
WRAPPERS = (
    "[ {} ]", "( {} )", "{{ {} }}", "({}) * 2", "residual {{ {} }}", "add {{ identity; {} }}",
    "concat {{ {}; identity }}", "for i in range(2) {{ {} }}", "if true {{ {} }}", "group t{{0..1}} {{ {} }} -> add",
    "s: {{ {} }}", "n: [ {} ]", "output o: {}", "{} if channels > 2", "{} :: 3x32x32", "stack {{ {}; identity }}",
    "split(2) -> {} -> concat", "mul {{ {}; {} }}", "{} -> @x", "y: {} -> share @y", "on gpu {{ {} }}",
)  # fmt: skip
ARGUMENTS = (
    "stride = 2", "stride = 1x2", "padding = 1", "padding = half", "padding = tf_same", "padding = 1x0", "dilation = 2",
    "groups = 2", "groups = channels", "bias = false", "ceil_mode = true", "count_include_pad = false", "axis = 1",
    "axis = -1", "eps = 0.1", "momentum = 0.3", "affine = false", "init = zeros",
    "init = kaiming_normal(mode = fan_out)",
    "bias_init = normal(std = 2)", "output_padding = 1", "scale = 2", "mode = bilinear", "align_corners = true",
    "bidirectional = true", "layers = 2", "causal = true", "heads = 2", "keepdim = true", "last = true", "start = 1",
)  # fmt: skip
STEPS = (
    "relu", "maxpool(2)", "conv(4, 3, padding = half)", "conv(6, 1)", "batchnorm", "identity", "add { identity; relu }",
    "dropout(0.2)", "concat { identity; relu }", "mul { identity; sigmoid }", "stack { identity; tanh }", "flatten",
    "residual { relu -> tanh }", "global_avgpool", "avgpool(2, padding = 1)", "split(2) -> concat", "softmax",
    "split(2) -> group zz{0..1} { relu } -> add", "layernorm", "groupnorm(2)", "conv(channels, 3, groups = channels)",
    "conv_transpose(4, 2, stride = 2)", "residual { conv(2 * channels, 1) } project { conv(2 * channels, 1) }",
    "{ set conv(bias = false); conv(5, 1) }", "group w{0..1} { relu -> exchange -> tanh } -> concat",
    "group w{0..1} { group v{0..1} { relu } -> add } -> mul",
)  # fmt: skip
REFERENCES = (
    "add {{ identity; @{} }}", "concat {{ @{}; identity }}", "share @{}", "@{}", "mul {{ @{}; identity }}",
)  # fmt: skip

Others = Sequence[str]
Mutation = Callable[[str, Others, Random], str]
CALLS = tuple(example.call for op in all_ops() for example in op.examples)
OPERATORS = tuple(op.name for op in all_ops())


def mutated(text: str, others: Others, random: Random) -> str:
    """Return a text after one to eight random changes; `others` are texts to take parts from."""
    for _ in range(random.choice((1, 1, 1, 1, 2, 2, 3, 5, 8))):
        text = random.choice(TEXT_MUTATIONS)(text, others, random)[:LONGEST]
    return text


def mutated_net(text: str, others: Others, random: Random) -> str:
    """Return a net after one to four random changes that many nets survive."""
    for _ in range(random.choice((1, 1, 1, 2, 2, 3, 4))):
        text = random.choice(NET_MUTATIONS)(text, others, random)
    return text


def _place(text: str, random: Random) -> int:
    return random.randrange(len(text) + 1)


def _found(pattern: str, text: str, random: Random) -> "re.Match[str] | None":
    found = list(re.finditer(pattern, text))
    return random.choice(found) if found else None


def character(text: str, others: Others, random: Random) -> str:
    at, kind = _place(text, random), random.randrange(3)
    if kind == 0:
        return text[:at] + text[at + 1 :]
    put = random.choice(ODD) if random.random() < 0.6 else chr(random.randrange(32, 127))
    return text[:at] + put + text[at + (kind == 1) :]


def byte(text: str, others: Others, random: Random) -> str:
    data = bytearray(text.encode("utf-8", "surrogatepass"))
    if data:
        at = random.randrange(len(data))
        data[at] = data[at] ^ 1 << random.randrange(8) if random.random() < 0.5 else random.randrange(256)
    return bytes(data).decode("utf-8", "ignore" if random.random() < 0.5 else "replace")


def token(text: str, others: Others, random: Random) -> str:
    tokens = TOKEN.findall(text)
    if not tokens:
        return text
    at, kind = random.randrange(len(tokens)), random.randrange(6)
    other = random.randrange(len(tokens))
    if kind == 0:
        del tokens[at]
    elif kind == 1:
        tokens.insert(at, tokens[at])
    elif kind == 2:
        tokens[at], tokens[other] = tokens[other], tokens[at]
    elif kind == 3:
        tokens[at] = random.choice((*KEYWORDS, *NAMES))
    elif kind == 4:
        tokens[at] = tokens[other]
    else:
        tokens.insert(at, f" {random.choice(TOKEN.findall(random.choice(others)) or [''])} ")
    return "".join(tokens)


def line(text: str, others: Others, random: Random) -> str:
    lines = text.split("\n")
    at, kind = random.randrange(len(lines)), random.randrange(6)
    other = random.randrange(len(lines))
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(at, lines[at])
    elif kind == 2:
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == 3:
        lines.insert(at, random.choice(random.choice(others).split("\n")))
    elif kind == 4:
        lines[at] = random.choice(random.choice(others).split("\n"))
    else:
        lines[at:at] = lines[at : at + random.randrange(1, 5)] * random.randrange(1, 4)
    return "\n".join(lines)


def splice(text: str, others: Others, random: Random) -> str:
    other = random.choice(others)
    at, start = _place(text, random), _place(other, random)
    if random.random() < 0.5:
        return text[:at] + other[start:]
    return text[:at] + other[start : start + random.randrange(1, 200)] + text[at + random.randrange(20) :]


def extreme(text: str, others: Others, random: Random) -> str:
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        found = _found(r"\d[\w.]*", text, random)
        if found:
            text = text[: found.start()] + random.choice(EXTREMES) + text[found.end() :]
    return text


def number(text: str, others: Others, random: Random) -> str:
    found = _found(r"\b\d+\b", text, random)
    if found is None:
        return text
    old = int(found[0][:15])
    new = random.choice((old + 1, old - 1, old * 2, old // 2, random.randrange(20), -old))
    return f"{text[: found.start()]}{new}{text[found.end() :]}"


def bracket(text: str, others: Others, random: Random) -> str:
    places = [at for at, sign in enumerate(text) if sign in BRACKETS]
    if not places:
        return text
    at, kind = random.choice(places), random.randrange(4)
    if kind == 0:
        return text[:at] + text[at + 1 :]
    if kind == 1:
        return text[:at] + text[at] * random.choice((2, 2, 3, 120)) + text[at + 1 :]
    if kind == 2:
        return text[:at] + random.choice(BRACKETS) + text[at + 1 :]
    return text[:at] + random.choice("([{") + text[at:]


def name(text: str, others: Others, random: Random) -> str:
    found, other = _found(r"[A-Za-z_]\w*", text, random), _found(r"[A-Za-z_]\w*", text, random)
    if found is None or other is None:
        return text
    new = other[0] if random.random() < 0.7 else random.choice((*KEYWORDS, *NAMES))
    return text[: found.start()] + new + text[found.end() :]


def wrapper(text: str, others: Others, random: Random) -> str:
    """Put a line into brackets, a condition, a repetition, a label or a shape."""
    lines = text.split("\n")
    at, form = random.randrange(len(lines)), random.choice(WRAPPERS)
    lines[at] = form.format(*[lines[at].strip()] * form.count("{}"))
    return "\n".join(lines)


def repetition(text: str, others: Others, random: Random) -> str:
    at = _place(text, random)
    end = at + random.randrange(1, 60)
    return text[:at] + text[at:end] * random.choice((2, 3, 30, 200)) + text[end:]


def argument(text: str, others: Others, random: Random) -> str:
    """Add an argument to a call."""
    found = _found(r"\b[a-z_]+\(([^()]*)\)", text, random)
    if found is None:
        return text
    return f"{text[: found.end() - 1]}, {random.choice(ARGUMENTS)}{text[found.end() - 1 :]}"


def operator(text: str, others: Others, random: Random) -> str:
    """Replace an operator by another one."""
    found = _found(rf"\b({'|'.join(OPERATORS)})\b", text, random)
    return text if found is None else text[: found.start()] + random.choice(OPERATORS) + text[found.end() :]


def step(text: str, others: Others, random: Random) -> str:
    """Insert a step into a chain, or a line with a step."""
    call = random.choice(STEPS) if random.random() < 0.6 else random.choice(CALLS)
    label = f"q{random.randrange(1000)}: " if random.random() < 0.4 else ""
    arrow = _found("->", text, random)
    if arrow and random.random() < 0.7:
        return f"{text[: arrow.end()]} {label}{call} -> {text[arrow.end() :]}"
    lines = text.split("\n")
    lines.insert(random.randrange(len(lines)), f"  {label}{call}")
    return "\n".join(lines)


def less(text: str, others: Others, random: Random) -> str:
    """Remove a step of a chain, or the stated shapes or assertions, which refuse most other changes."""
    kind = random.random()
    if kind < 0.2:
        return re.sub(r"->[^->\n]*(?=->)", "", text, count=1)
    if kind < 0.5:
        return re.sub(r"\s::[^\n>;}]*", " ", text)
    return re.sub(r"^\s*assert .*$", "", text, flags=re.M)


def reference(text: str, others: Others, random: Random) -> str:
    """Insert a reference to a label into a chain."""
    label, arrow = _found(r"\b([a-z]\w*)\s*:(?!:)", text, random), _found("->", text, random)
    if label is None or arrow is None:
        return text
    return f"{text[: arrow.end()]} {random.choice(REFERENCES).format(label[1])} -> {text[arrow.end() :]}"


# Repeated entries are drawn more often.
TEXT_MUTATIONS: tuple[Mutation, ...] = (
    character, character, byte, token, token, token, line, line, splice, extreme, extreme, number, number, bracket,
    bracket, name, name, wrapper, wrapper, repetition,
)  # fmt: skip
NET_MUTATIONS: tuple[Mutation, ...] = (
    number, number, number, name, wrapper, wrapper, line, token, argument, argument, argument, operator, operator, step,
    step, less, reference, reference, extreme,
)  # fmt: skip
