import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("command", [["check"], ["format", "--diff"]], ids=" ".join)
def test_ruff(command):
    ruff = [sys.executable, "-m", "ruff", *command, "."]
    report = subprocess.run(ruff, cwd=ROOT, capture_output=True, text=True)
    assert report.returncode == 0, report.stdout + report.stderr
