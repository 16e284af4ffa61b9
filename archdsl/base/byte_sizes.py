"""Numbers of bytes as text."""


def amount(size: int) -> str:
    """Return a number of bytes with a unit: `16.0 GiB`."""
    number = float(size)
    for unit in ("bytes", "KiB", "MiB"):
        if number < 1024:
            return f"{number:,.0f} {unit}" if unit == "bytes" else f"{number:,.1f} {unit}"
        number /= 1024
    return f"{number:,.1f} GiB"
