"""Names that a program cannot use, because the generated Python module needs them."""

from functools import cache, lru_cache
from keyword import iskeyword, issoftkeyword

from archdsl.base.resources import names

# ruff: noqa: SIM905 - a list of words reads better as text
# Attributes of `nn.Module`, which a submodule would hide; a test compares them with torch.
MODULE_ATTRIBUTES = frozenset(
    """
    T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches eval
    extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half ipu load_state_dict modules
    mtia named_buffers named_children named_modules named_parameters parameters register_backward_hook register_buffer
    register_forward_hook register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook
    register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module register_parameter
    register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory
    state_dict to to_empty train training type xpu zero_grad
    """.split()
)
# Attributes that `nn.Sequential` and `nn.ModuleList` add to them: a submodule with labels may become one of these.
SEQUENTIAL_ATTRIBUTES = frozenset({"append", "extend", "insert", "pop"})
# Attributes of every tuple: the outputs of a model are the fields of one.
TUPLE_ATTRIBUTES = frozenset({"count", "index"})
MODULE_GLOBALS = frozenset(
    """
    Any CONSTANT Callable Devices F FUSED Final NamedTuple OrderedDict PipelineStage SHAPES STAGES TOWERS Tensor
    TypeAlias UNSPLIT abc annotations dist inspect math nn partial torch
    """.split()
)
LOCALS = frozenset({"self", "super", "x", "factory", "device", "devices", "dtype", "on"})
BUILT_IN = frozenset({"int", "float", "str", "bool", "list", "tuple", "len", "range", "print"})
# Names that look like digits: linters report variables with these names (E741).
AMBIGUOUS = frozenset({"l", "I", "O"})
# Functions that the classes of a module call, so that neither these nor their parameters can have such a name.
CALLED = frozenset({"abs", "max", "min", "round"})


@cache
def support_names() -> frozenset[str]:
    """Return the names of the support definitions, which a generated module may contain."""
    return frozenset(names("templates/support", ".py"))


@cache
def no_variables() -> frozenset[str]:
    """Return the names that a variable of `forward` cannot have. `x` is not among them: it is the main stream."""
    return (MODULE_GLOBALS | LOCALS | BUILT_IN | CALLED | support_names()) - {"x"}


def _keyword(name: str) -> str | None:
    if iskeyword(name) or (issoftkeyword(name) and name != "type" and name != "_"):
        return "a keyword of Python"
    return "private to Python" if name.startswith("__") else None


def why_no_label(name: str) -> str | None:
    """Return why a submodule cannot have this name, or None if it can."""
    if name in MODULE_ATTRIBUTES:
        return "an attribute of every `nn.Module`"
    if name in SEQUENTIAL_ATTRIBUTES:
        return "an attribute of `nn.Sequential`"
    return "names with `_` in front are private to the module" if name.startswith("_") else _keyword(name)


def why_no_output(name: str) -> str | None:
    """Return why an output cannot have this name, or None if it can: the outputs become fields of a named tuple."""
    if name in TUPLE_ATTRIBUTES:
        return "an attribute of every tuple"
    return "names with `_` in front are private to the tuple of outputs" if name.startswith("_") else _keyword(name)


def free_output(name: str) -> str:
    """Return this name, or a similar one that an output can have."""
    bare = name.lstrip("_") or "result"
    return f"{bare}_output" if why_no_output(bare) or not bare[0].isalpha() else bare


@lru_cache(1_000)
def free_label(name: str) -> str:
    """Return this label, or a similar one that can be used."""
    bare = name.lstrip("_") or "step"
    return f"{bare}_layer" if why_no_label(bare) or not bare[0].isalpha() else bare


def why_no_parameter(name: str) -> str | None:
    """Return why a parameter or an input cannot have this name, or None if it can."""
    if name in MODULE_GLOBALS | LOCALS - {"x"} | BUILT_IN | CALLED | support_names():
        return "used by the generated module itself"
    return _keyword(name)


def why_no_class(name: str, *, is_model: bool) -> str | None:
    """Return why a model or block cannot have this name, or None if it can; the class of a block may get another."""
    if name in MODULE_GLOBALS | LOCALS | BUILT_IN | CALLED or (is_model and name in support_names()):
        return "used by the generated module itself"
    return _keyword(name)
