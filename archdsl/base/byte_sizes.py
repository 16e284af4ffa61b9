"""Sizes in bytes: of number types, and as text."""

from types import MappingProxyType

# Bytes of one number of each type, by the names that PyTorch uses.
DTYPE_BYTES = MappingProxyType({"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2, "int8": 1})


def amount(size: int) -> str:
    """Return a number of bytes as text, such as `16.0 GiB`."""
    number = float(size)
    for unit in ("bytes", "KiB", "MiB"):
        if number < 1024:
            return f"{number:,.0f} {unit}" if unit == "bytes" else f"{number:,.1f} {unit}"
        number /= 1024
    return f"{number:,.1f} GiB"
