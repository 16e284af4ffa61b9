"""Types of numbers, and how many bytes each takes."""

from types import MappingProxyType

TYPES = MappingProxyType({"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2, "int8": 1})
