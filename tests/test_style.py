import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted(path.name for path in ROOT.glob("*.py"))


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "."],
        ["ruff", "format", "--diff", "."],
        ["mypy", *MODULES],
        ["mypy", "-p", "shifts", "-p", "handout"],
    ],
    ids=lambda command: " ".join(command[:3]),
)
def test_style(command):
    variables = dict(os.environ)
    if not os.access(ROOT, os.W_OK):  # no place for their caches
        variables |= {"RUFF_NO_CACHE": "true", "MYPY_CACHE_DIR": os.devnull}
    tool = [sys.executable, "-m", *command]
    report = subprocess.run(
        tool, cwd=ROOT, env=variables, capture_output=True, text=True
    )
    assert report.returncode == 0, report.stdout + report.stderr


def without_encoding(source):
    """The lines that read or write text in whatever encoding the system has."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            least = {"read_text": 0, "write_text": 1}.get(name)
            named = {keyword.arg for keyword in node.keywords} & {"encoding", None}
            if least is not None and len(node.args) <= least and not named:
                yield node.lineno


def test_text_has_an_encoding():
    for path in [*ROOT.glob("*.py"), *ROOT.glob("[hst]*/**/*.py")]:
        assert not list(without_encoding(path.read_text("utf-8"))), path


def test_planted_text_without_encoding():
    planted = 'a.read_text("utf-8")\na.read_text()\na.write_text("")\na.open("rb")'
    assert list(without_encoding(planted)) == [2, 3]
