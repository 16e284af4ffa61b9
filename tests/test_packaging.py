"""Wheel and source distribution, installed into fresh environments and used from another folder."""

import os
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.slow


def run(*command: object, cwd: Path) -> str:
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Both archives; the second wheel is built from the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    build = (sys.executable, "-m", "build", "--no-isolation", "--outdir")
    run(*build, folder, "--sdist", "--wheel", ROOT, cwd=folder)
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        # Python 3.11 has filters from 3.11.4 on.
        if hasattr(tarfile, "data_filter"):
            archive.extraction_filter = tarfile.data_filter
        archive.extractall(folder / "unpacked")
    (unpacked,) = (folder / "unpacked").iterdir()
    run(*build, folder / "again", "--wheel", unpacked, cwd=folder)
    return {"wheel": next(folder.glob("*.whl")), "sdist": next((folder / "again").glob("*.whl")), "unpacked": unpacked}


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_an_installed_archdsl_knows_its_gallery(archives: dict[str, Path], kind: str, tmp_path: Path) -> None:
    # The dependencies are those of this environment; archdsl itself must come from the archive.
    venv.create(tmp_path / "venv", system_site_packages=False, with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "-q", "--no-deps", "--no-index", archives[kind], cwd=tmp_path)
    site = run(sys.executable, "-c", "import click; print(click.__path__[0])", cwd=tmp_path).strip()
    (own,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    (own / "dependencies.pth").write_text(str(Path(site).parent))
    archdsl = tmp_path / "venv" / "bin" / "archdsl"
    where = run(python, "-c", "import archdsl; print(archdsl.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(tmp_path)
    assert "61,706 parameters" in run(archdsl, "check", "lenet5", cwd=tmp_path)
    run(archdsl, "build", "lenet5_1998", "--verify", cwd=tmp_path)
    assert "class LeNet5_1998" in (tmp_path / "lenet5_1998.py").read_text()
    run(archdsl, "draw", "lenet5", cwd=tmp_path)
    assert "<svg" in (tmp_path / "lenet5.svg").read_text()


def test_the_source_distribution_keeps_the_layout(archives: dict[str, Path]) -> None:
    unpacked = archives["unpacked"]
    for name in ("grammar/archdsl.lark", "templates/module.py.j2", "architectures/lenet5.arch", "LICENSE", "README.md"):
        assert (unpacked / name).is_file(), name
