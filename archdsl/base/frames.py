"""Room for the frames of deep calls."""

from collections.abc import Callable
from types import FunctionType
from typing import ParamSpec, TypeVar, cast

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")
# Python keeps frames in pieces of memory of 16 KiB or more, each large enough for its first frame and up to twice as
# large. A frame of this many words leaves room for some hundred frames of the functions that it calls.
_WORDS = 66_000


def with_room(function: Callable[_Given, _Result]) -> Callable[_Given, _Result]:
    """Return the function with a large frame, so that what it calls finds room for its frames behind that.

    Without it, a call at the end of a piece of memory maps the next one and its return unmaps it, each time: walks over
    nets took up to twice as long, depending on how deep the stack was. Memory that no frame uses is never touched.
    """
    made = cast(FunctionType, function)
    made.__code__ = made.__code__.replace(co_stacksize=_WORDS)
    return function
