def make_divisible(value: float, divisor: int = 8, low: int | None = None) -> int:
    """Return the multiple of `divisor` next to `value`, not more than a tenth below."""
    least = divisor if low is None else low
    result = max(least, int(value + divisor / 2) // divisor * divisor)
    return result + divisor if result < 0.9 * value else result
