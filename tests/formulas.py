"""Random expressions of the language over the parameters of a model, with functions and floats."""

from random import Random

WHOLE = {"n": (1, 40), "m": (1, 9)}
REAL = {"r": (0.05, 2.5), "s": (0.1, 1.0)}
PARAMETERS = (*WHOLE, *REAL)


def values(random: Random) -> dict[str, int | float]:
    """Return values of the parameters, often round numbers, for which roundings meet their limits."""
    found: dict[str, int | float] = {name: random.randint(*bounds) for name, bounds in WHOLE.items()}
    for name, (low, high) in REAL.items():
        drawn = random.uniform(low, high)
        found[name] = random.choice((drawn, round(drawn, 2), max(0.25, round(4 * drawn) / 4)))
    return found


def whole(random: Random, depth: int = 3) -> str:
    """Return an expression whose value is an integer."""
    if depth == 0 or random.random() < 0.2:
        return random.choice((*WHOLE, *WHOLE, str(random.randint(1, 12))))
    one, two, real = whole(random, depth - 1), whole(random, depth - 1), real_number(random, depth - 1)
    return random.choice((
        f"({one} {random.choice('+-*')} {two})", f"({one} // {two})", f"({one} % {two})", f"({one} * {two} // {one})",
        f"ceil({real})", f"floor({real})", f"round({real})", f"abs({one})", f"sum([{one}, {two}])",
        f"{random.choice(('min', 'max'))}({one}, {two})", f"{random.choice(('min', 'max'))}([{one}, {two}, 7])",
        f"make_divisible({real})", f"make_divisible({one}, {random.randint(1, 8)})", f"make_divisible({real}, {two})",
        f"({one} if {real} < {two} else {two})", f"round({one}, {random.choice((-1, 1))})",
    ))  # fmt: skip


def real_number(random: Random, depth: int = 3) -> str:
    """Return an expression whose value is a number, a float more often than not."""
    if depth == 0 or random.random() < 0.2:
        return random.choice((*REAL, *REAL, str(round(random.uniform(0.1, 3), random.randint(1, 3)))))
    one, two, number = real_number(random, depth - 1), real_number(random, depth - 1), whole(random, depth - 1)
    return random.choice((
        f"({one} {random.choice('+-*/')} {two})", f"({number} {random.choice('+-*/')} {one})",
        f"({one} {random.choice('+-*/')} {number})", f"{one} * {random.randint(1, 9)} / {random.randint(2, 40)}",
        f"({one} // {two})", f"({one} % {two})", f"(-{one})", f"abs({one})", f"(abs({number}) + 1) ** {one}",
        f"{random.choice(('min', 'max'))}({one}, {two})", f"{random.choice(('min', 'max'))}({number}, {one})",
        f"round({one}, {random.randint(0, 3)})", f"({one} if {number} >= 3 else {two})",
    ))  # fmt: skip
