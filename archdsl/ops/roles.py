"""How operators read the roles of axes, and the warnings about inputs of another role."""

from collections.abc import Container
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from archdsl.base.role import Role
from archdsl.base.shape import Shape
from archdsl.diag import codes
from archdsl.diag.codes import Code
from archdsl.ops.reasons import Reason

# The names of the arguments that a call or a `set` states.
Written: TypeAlias = Container[str]


class RoleRule(NamedTuple):
    """The role that an operator reads and the role that it gives.

    Attributes:
        reads: The role of the inputs that the operator is made for; None if it treats the axes of all roles alike.
        gives: The role of the result; None if it is the role of the input.
    """

    reads: Role | None = None
    gives: Role | None = None


KEEPS_ROLE = RoleRule()
READS_MAP = RoleRule(Role.MAP)
GIVES_MAP = RoleRule(Role.MAP, Role.MAP)
READS_SEQUENCE = RoleRule(Role.SEQUENCE)
GIVES_SEQUENCE = RoleRule(Role.SEQUENCE, Role.SEQUENCE)
MAP_TO_SEQUENCE = RoleRule(Role.MAP, Role.SEQUENCE)
SEQUENCE_TO_MAP = RoleRule(Role.SEQUENCE, Role.MAP)
GIVES_VECTOR = RoleRule(gives=Role.VECTOR)
GIVES_PLAIN = RoleRule(gives=Role.PLAIN)


class Remedy(NamedTuple):
    """An edit that a warning offers.

    Attributes:
        before: Steps to insert before the step, such as `tokens`.
        name: The name of the operator that replaces the called one, with the same arguments.
        instead: The text that replaces the call.
        argument: The argument to add to the call.
        purpose: The purpose, for the help: "to apply it to each position".
    """

    before: str = ""
    name: str = ""
    instead: str = ""
    argument: str = ""
    purpose: str = ""

    @property
    def text(self) -> str:
        """The edit as an instruction, without its purpose."""
        if self.before:
            return f"insert `{self.before}` before it"
        instead = self.name or self.instead
        return f"write `{instead}`" if instead else f"add `{self.argument}`"


@dataclass(frozen=True, eq=False, repr=False)
class WrongRole(Reason):
    """The input has another role than the operator is made for; the result is valid, but probably not intended."""

    kind: Code
    problem: str
    remedies: tuple[Remedy, ...] = ()
    advice: str | None = None

    def label(self) -> str:
        return self.problem

    def help(self) -> str | None:
        ways = [f"{remedy.text} {remedy.purpose}".rstrip() for remedy in self.remedies]
        return ", or ".join(ways) or self.advice


def sequence_as_map(name: str, role: Role, sizes: tuple[int, ...], remedies: tuple[Remedy, ...] = ()) -> WrongRole:
    """Return the warning about an operator for maps that reads a sequence or a map with the channels last."""
    if role is Role.SEQUENCE:
        steps, features = map(int, sizes)
        problem = f"`{name}` reads the {steps} steps as channels and the {features} features as pixels"
        fallback = Remedy(before="maps(steps)", purpose="to make the steps pixels and the features channels")
    else:
        problem = f"`{name}` reads axis 0 as channels, but the {int(sizes[-1])} channels are the last axis"
        order = "x".join(map(str, (len(sizes) - 1, *range(len(sizes) - 1))))
        fallback = Remedy(before=f"permute({order})", purpose="to put the channels first")
    return WrongRole(codes.SEQUENCE_AS_MAP, problem, remedies or (fallback,))


def map_as_sequence(name: str, sizes: tuple[int, ...]) -> WrongRole:
    """Return the warning about an operator for sequences that reads a map."""
    channels, *pixels = map(int, sizes)
    text = "x".join(map(str, pixels))
    problem = f"`{name}` reads the {channels} channels as steps and the {text} pixels as features"
    remedy = Remedy(before="tokens", purpose="to make each pixel a step with the channels as features")
    return WrongRole(codes.MAP_AS_SEQUENCE, problem, (remedy,))


def along_length(problem: str, *remedies: Remedy) -> WrongRole:
    """Return the warning about an operator that acts along the pixels of a map as if they were features."""
    return WrongRole(codes.ALONG_PIXELS, problem, remedies)


def over_features(problem: str, *remedies: Remedy) -> WrongRole:
    """Return the warning about a pool or reduction over features, which keeps the steps."""
    return WrongRole(codes.OVER_FEATURES, problem, remedies)


def first_axis(name: str, role: Role, x: Shape) -> WrongRole | None:
    """Return the warning about an operator that acts along axis 0, its default, if this axis holds no channels."""
    if role not in (Role.SEQUENCE, Role.CHANNELS_LAST):
        return None
    words = role.words(x.rank)
    last = x.rank - 1
    problem = f"without `axis`, `{name}` acts along axis 0, the {_counted(x.dims[0], words[0])}"
    remedies = (
        Remedy(argument=f"axis = {last}", purpose=f"for the {words[-1]}"),
        Remedy(argument="axis = 0", purpose=f"if the {words[0]} {'are' if words[0] == 'steps' else 'is'} meant"),
    )
    return WrongRole(codes.ALONG_STEPS, problem, remedies)


def _counted(size: int, word: str) -> str:
    return f"{int(size)} {word}" if word == "steps" else f"{word} of {int(size)}"


def roles_meet(name: str, roles: tuple[Role, ...]) -> WrongRole | None:
    """Return the warning about a merge of tensors with different roles; None if no two of them contradict."""
    found = list(dict.fromkeys(role for role in roles if role is not Role.PLAIN))
    if len(found) < 2:
        return None
    problem = f"`{name}` merges {found[0].described()} with {found[1].described()}"
    ways = {frozenset((Role.MAP, Role.SEQUENCE)): "use `tokens` in the branch of the map, or `maps` in the other"}
    advice = ways.get(frozenset(found), "use `permute` in one of the branches")
    return WrongRole(codes.ROLES_MEET, problem, (), f"{advice}, so that the axes of all branches mean the same")
