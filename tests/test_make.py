"""The commands of developers: `make help` lists all targets, and the hooks of git run what CI runs."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
HOOKS = ROOT / ".pre-commit-config.yaml"
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def hooks(stage: str) -> list[str]:
    """Return the commands of the hooks for a stage of git."""
    config: dict[str, Any] = yaml.safe_load(HOOKS.read_text(encoding="utf-8"))
    (repository,) = config["repos"]
    return [str(hook["entry"]) for hook in repository["hooks"] if stage in hook.get("stages", config["default_stages"])]


def test_hooks_run_the_commands_of_lint_and_the_tests() -> None:
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", MAKEFILE, re.M)
    assert recipe
    assert hooks("pre-commit") == [line.strip().replace("$(BIN)", ".venv/bin") for line in recipe[1].splitlines()]
    assert hooks("pre-push") == ["make test"]


def test_the_hooks_are_valid() -> None:
    command = [sys.executable, "-m", "pre_commit", "validate-config", str(HOOKS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_help_lists_every_target() -> None:
    done = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True)
    (targets,) = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.M)
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [["make", name] for name in targets.split()]


def test_ci_runs_the_targets_that_the_hooks_run() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.findall(r"^make (\S+)", script, re.M) == ["test", "lint", "run"]
