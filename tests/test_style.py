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
