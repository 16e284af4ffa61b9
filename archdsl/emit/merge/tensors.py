"""The tensors that the uses of a block read: the arguments of `forward` of one class for all of them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from archdsl.base.pyexpr import Call, ValueRef
from archdsl.emit.class_draft import NO_TENSOR, ClassDraft, ForwardStep
from archdsl.emit.class_parameters import ClassParameters
from archdsl.emit.dataflow import free
from archdsl.emit.merge.samples import Unmergeable
from archdsl.ir.graph import Path
from archdsl.ir.uses import Use

# The names of the axes of a tensor, the first one first.
_AXES = r"_(?:channels|features|height|width|size\d+)"
_FIRST = ("channels", "features")
_STREAM = ""
_DIFFER = "its uses read different numbers of tensors"


@dataclass(slots=True)
class Tensors:
    """The arguments of `forward` in all uses of a block.

    While they are entered, each use has all arguments, with `NO_TENSOR` for those that it leaves out, and 0 for the
    sizes of these; its callers give it the others.

    Attributes:
        drafts: The drafts of the uses.
        callers: The draft that calls each draft as a module of its own, by number.
    """

    drafts: Sequence[ClassDraft]
    callers: Mapping[int, ClassDraft]
    changed: dict[int, ClassDraft] = field(default_factory=dict)
    _before: list[tuple[ClassDraft, ClassParameters]] = field(default_factory=list)
    _steps: dict[int, tuple[list[ForwardStep], list[ForwardStep]]] = field(default_factory=dict)

    def enter(self) -> None:
        """Enter the arguments into the drafts.

        Raises:
            Unmergeable: The uses have no common arguments.
        """
        given = [_given(draft) for draft in self.drafts]
        present = {name: None for each in given for name in each}
        sometimes = [name for name in present if any(name not in each for each in given)]
        sizes = {name: _sizes_of(name, self.drafts) for name in present}
        firsts = {name: found[0] for name, found in sizes.items() if found and found[0].endswith(_FIRST)}
        self._require_none(sometimes, firsts)
        paths = self._paths(given)
        optional = frozenset(name for name, column in paths.items() if any(path == NO_TENSOR for path in column))
        optional_sizes = tuple(each for name in sometimes for each in sizes[name])
        calls: dict[int, dict[Path, list[Path]]] = {}
        for number, draft in enumerate(self.drafts):
            self._before.append((replace(draft), draft.parameters.copied()))
            arguments = [(name, column[number]) for name, column in paths.items()]
            self._require_called(draft, arguments, calls)
            draft.arguments, draft.optional = arguments, optional
            draft.present, draft.optional_sizes = firsts, optional_sizes
            absent = [each for each in optional_sizes if each not in draft.parameters.values]
            values = {**draft.parameters.values, **dict.fromkeys(absent, 0)}
            of_maps = {each for each in absent if not each.endswith(_FIRST)}
            draft.parameters = replace(draft.parameters, values=values, map_sizes=draft.parameters.map_sizes | of_maps)
        for number, each in calls.items():
            self._enter_calls(self.changed[number], each)

    def leave(self) -> None:
        """Restore the drafts as they were."""
        for draft, (before, parameters) in zip(self.drafts, self._before, strict=False):
            draft.arguments, draft.optional, draft.parameters = before.arguments, before.optional, parameters
            draft.present, draft.optional_sizes = before.present, before.optional_sizes
        for number, (steps, whole) in self._steps.items():
            self.changed[number].steps, self.changed[number].whole = steps, whole

    def _require_none(self, names: Sequence[str], sizes: Mapping[str, str]) -> None:
        """Require that the tensors that only some uses have are `none` in the others."""
        for draft in self.drafts:
            given = _given(draft)
            nothing = {each.name for each in draft.choices if each.value is None}
            if any(name not in given and name not in nothing for name in names):
                raise Unmergeable(_DIFFER)
        if any(name not in sizes for name in names):
            raise Unmergeable("the class does not know the size of an optional tensor")

    def _paths(self, given: Sequence[Mapping[str, Path]]) -> dict[str, list[Path]]:
        """Return the tensors of each argument that some use reads, in the order of `drafts`."""
        own = [[*_parameters_of(draft, each)] for draft, each in zip(self.drafts, given, strict=True)]
        names = [[name for name, _ in draft.arguments] for draft in self.drafts]
        if all(each == names[0] for each in names) and all(each == own[0] for each in own):
            return {name: [draft.arguments[number][1] for draft in self.drafts] for number, name in enumerate(names[0])}
        if any(None in each for each in own):
            raise Unmergeable(_DIFFER)
        read = {name for each in own for name in each}
        order = [name for name in _ordered(self.drafts) if name in read]
        found: dict[str, list[Path]] = {}
        if _STREAM in read:
            is_taken = any("x" in each for each in given)
            found["stream" if is_taken else "x"] = [draft.container.source for draft in self.drafts]
        for name in order:
            found[free(name, [*found])] = [each.get(name, NO_TENSOR) for each in given]
        return found

    def _require_called(
        self,
        draft: ClassDraft,
        arguments: list[tuple[str, Path]],
        calls: dict[int, dict[Path, list[Path]]],
    ) -> None:
        """Enter the call of a use whose caller has to give it other arguments.

        Raises:
            Unmergeable: The use is an item of a sequence, which gives it one tensor.
        """
        if arguments == draft.arguments or not draft.is_called:
            return
        caller = self.callers.get(draft.number)
        kept = arguments[: len(draft.arguments)]
        if caller is None:
            left = arguments[len(kept) :]
            if kept != draft.arguments or any(path != NO_TENSOR for _, path in left):
                raise Unmergeable("a sequence gives it one tensor")
            return
        calls.setdefault(caller.number, {})[draft.container.path] = [path for _, path in arguments]
        self.changed[caller.number] = caller

    def _enter_calls(self, caller: ClassDraft, calls: Mapping[Path, list[Path]]) -> None:
        """Let a caller give its uses of the block all arguments."""
        self._steps[caller.number] = caller.steps, caller.whole

        def origin(path: Path) -> Path:
            return path if path == NO_TENSOR else caller.origin(path)

        caller.steps = [
            _called(each, [*map(origin, calls[each.path])]) if each.path in calls else each for each in caller.steps
        ]
        caller.whole = [_called(each, calls[each.path]) if each.path in calls else each for each in caller.whole]


def _called(step: ForwardStep, tensors: list[Path]) -> ForwardStep:
    """Return the call of a submodule with these tensors; the last ones are left out if there are none."""
    assert isinstance(step.expr, Call)
    while tensors and tensors[-1] == NO_TENSOR:
        tensors = tensors[:-1]
    args = tuple(None if each == NO_TENSOR else ValueRef(each) for each in tensors)
    reads = tuple(dict.fromkeys(each for each in tensors if each != NO_TENSOR))
    return replace(step, expr=Call(step.expr.function, args), reads=reads)


def _given(draft: ClassDraft) -> dict[str, Path]:
    """Return the tensors that a use is given, by the parameters of the block."""
    return dict(_use(draft).tensors)


def _use(draft: ClassDraft) -> Use:
    use = draft.container.use
    assert use
    return use


def _parameters_of(draft: ClassDraft, given: Mapping[str, Path]) -> Iterator[str | None]:
    """Yield the parameters of the block that the arguments of a use are; None for a tensor that is none."""
    for number, (name, path) in enumerate(draft.arguments):
        if number == 0 and path == draft.container.source and name in ("x", "stream"):
            yield _STREAM
        else:
            yield next((each for each, other in given.items() if other == path), None)


def _ordered(drafts: Sequence[ClassDraft]) -> list[str]:
    """Return the tensors of all uses in the order of the block's parameters."""
    names = {name: None for draft in drafts for name, _ in _use(draft).tensors}
    places = {name: number for number, name in enumerate(_use(drafts[0]).parameters)}

    def place(name: str) -> tuple[int, int]:
        """The items of a list have its name, with a number."""
        owner = name if name in places else name.rstrip("0123456789")
        return places.get(owner, len(places)), int(name.removeprefix(owner) or 0)

    return sorted(names, key=place)


def _sizes_of(name: str, drafts: Sequence[ClassDraft]) -> list[str]:
    """Return the names of the sizes of a tensor, that of the first axis first."""
    draft = max(drafts, key=lambda each: name in _given(each))
    pattern = re.compile(re.escape(name) + _AXES)
    parameters = _use(draft).parameters
    return [each.name for each in _use(draft).arguments if pattern.fullmatch(each.name) and each.name not in parameters]
