"""archdsl from Python."""

import inspect
import pickle
import re
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
import torch

import archdsl

NETS = """model First { input x: 4
  f: linear(2)
}
model Second(classes = 3, n = 2) { input x: 4
  body: [(linear(4) -> relu) * n]
  out: linear(classes)
}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "twonets.arch").write_text(NETS)
    (tmp_path / "wrongnet.arch").write_text(NETS.replace("relu", "rellu"))
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_compile_gives_shapes_counts_and_diagnostics(folder: Path) -> None:
    compiled = archdsl.compile(folder / "twonets.arch", classes=5)
    (graph,) = compiled.models
    assert (graph.name, graph.params) == ("Second", 2 * 20 + 25)
    assert [str(node.shape) for node in graph.nodes] == ["4"] * 4 + ["5"]
    wrong = archdsl.compile(folder / "wrongnet.arch")
    assert not wrong.ok
    assert wrong.models == ()
    assert [found.code.id for found in wrong.diagnostics] == ["E0101"]


def test_compile_takes_text() -> None:
    assert archdsl.compile("net", text=NETS, model="First").models[0].params == 10


def test_load_gives_a_module(folder: Path) -> None:
    net = archdsl.load(folder / "twonets.arch", model="Second", classes=7, n=3, dtype=torch.float64)
    assert net(torch.rand(5, 4, dtype=torch.float64)).shape == (5, 7)
    assert len(net.get_submodule("body")) == 6  # type: ignore[arg-type]
    assert sum(weight.numel() for weight in archdsl.load("lenet5").parameters()) == 61_706


def test_load_shows_what_is_wrong(folder: Path) -> None:
    with pytest.raises(archdsl.ArchError, match="did you mean `relu`"):
        archdsl.load(folder / "wrongnet.arch")
    with pytest.raises(archdsl.SettingError, match="colour"):
        archdsl.load("lenet5", colour=3)
    with pytest.raises(archdsl.Unreadable):
        archdsl.load(folder / "missing.arch")


def test_a_loaded_module_can_be_pickled_and_shows_its_lines(folder: Path) -> None:
    net = archdsl.load(folder / "twonets.arch", model="First")
    again = pickle.loads(pickle.dumps(net))
    sample = torch.rand(2, 4)
    assert torch.equal(again(sample), net(sample))
    try:
        net(torch.rand(2, 5))
    except RuntimeError:
        assert "self.f(x)" in traceback.format_exc()


def test_arch_files_can_be_imported(folder: Path) -> None:
    archdsl.install_import_hook()
    archdsl.install_import_hook()
    from twonets import First, Second  # type: ignore[import-not-found]

    assert Second(classes=4)(torch.rand(1, 4)).shape == (1, 4)
    assert First.__name__ == "First"
    with pytest.raises(archdsl.ArchError):
        import wrongnet  # type: ignore[import-not-found]  # noqa: F401
    with pytest.raises(ModuleNotFoundError):
        import nosuchnet  # type: ignore[import-not-found]  # noqa: F401


def test_a_python_module_is_preferred(folder: Path) -> None:
    (folder / "both.arch").write_text(NETS)
    (folder / "both.py").write_text("mine = True\n")
    archdsl.install_import_hook()
    import both  # type: ignore[import-not-found]

    assert both.mine


def test_a_placement_that_is_none_is_refused(folder: Path) -> None:
    (folder / "net.place.json").write_text("{}")
    with pytest.raises(archdsl.NoPlacement, match="format"):
        archdsl.load("lenet5", placement=folder / "net.place.json")


def test_every_public_name_is_there_and_others_are_not() -> None:
    from archdsl.elaborate.settings import SettingError
    from archdsl.place.sidecar import NoPlacement
    from archdsl.syntax.loader import Unreadable

    assert all(hasattr(archdsl, name) for name in archdsl.__all__)
    assert archdsl.SettingError is SettingError
    assert archdsl.NoPlacement is NoPlacement
    assert archdsl.Unreadable is Unreadable
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        archdsl.Nothing  # noqa: B018


@pytest.mark.parametrize("name", [name for name in archdsl.__all__ if not name.startswith("_")])
def test_documentation_of_public_names_mentions_only_public_names(name: str) -> None:
    text = inspect.getdoc(getattr(archdsl, name)) or ""
    assert text
    assert set(re.findall(r"archdsl\.(\w+)", text)) <= set(archdsl.__all__)
    assert not re.search(r"archdsl\.\w+\.", text)


def test_import_archdsl_costs_nothing() -> None:
    code = "import archdsl, sys; assert not {m for m in sys.modules if m.startswith('archdsl.')}; archdsl.compile"
    subprocess.run([sys.executable, "-c", code], check=True)
