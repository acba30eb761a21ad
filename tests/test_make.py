"""The Makefile's set-up, on a copy that installs nothing: at once, ended, repeated."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest
import requests
from notebook_checks import ROOT

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="no make here")


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "a folder"
    for name in ["requirements.txt", "tests/requirements.txt"]:
        folder.joinpath(name).parent.mkdir(exist_ok=True)
        folder.joinpath(name).write_text("")
    folder.joinpath("handout").mkdir()
    folder.joinpath("handout", "requirements.txt").write_text("")
    shutil.copy(ROOT / "Makefile", folder)
    return folder


def make(folder, *words, **variables):
    command = ["make", *words, f"PYTHON={sys.executable}"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    environment |= variables
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def finish(process):
    output, _ = process.communicate(timeout=300)
    return process.returncode, output


def test_two_at_once_then_nothing_to_do(checkout):
    at_once = [make(checkout, ".venv/lab"), make(checkout, ".venv/test")]
    for process in at_once:
        code, output = finish(process)
        assert code == 0, output
    assert (checkout / ".venv" / "lab").exists()
    code, output = finish(make(checkout, ".venv/test"))
    assert code == 0 and "up to date" in output


def test_killed_and_called_again(checkout):
    process = make(checkout, ".venv/lab")
    time.sleep(1)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    code, output = finish(make(checkout, ".venv/lab"))
    assert code == 0, output
    python = checkout / ".venv" / "bin" / "python"
    assert subprocess.run([python, "-m", "pip", "--version"]).returncode == 0


def test_what_fails_is_said_and_tried_again(checkout):
    requirements = checkout / "requirements.txt"
    requirements.write_text("./gone.whl\n")
    code, output = finish(make(checkout, ".venv/test"))
    assert code and "not complete. Call make .venv/test again" in output
    requirements.write_text("")
    code, output = finish(make(checkout, ".venv/test"))
    assert code == 0, output


def test_lab_asks_for_its_token_on_this_machine_alone(checkout):
    """The line of `make lab`, with the packages that are here."""
    checkout.joinpath("notebooks").mkdir()
    folder = checkout / ".venv" / "bin"
    folder.mkdir(parents=True)
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    checkout.joinpath(".venv", "lab").touch()
    runtime = checkout / "runtime"
    options = "--no-browser --port 0"
    if os.geteuid() == 0:
        options += " --allow-root"
    folders = {"JUPYTER_CONFIG_DIR": str(runtime), "JUPYTER_RUNTIME_DIR": str(runtime)}
    process = make(checkout, "lab", f"ARGS={options}", **folders)
    try:
        deadline = time.monotonic() + 120
        while not (found := list(runtime.glob("jpserver-*.json"))):
            assert process.poll() is None, process.stdout.read()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        time.sleep(1)  # until it is written
        server = json.loads(found[0].read_text())
        heard = psutil.Process(server["pid"]).net_connections()
        listening = {c.laddr.ip for c in heard if c.status == psutil.CONN_LISTEN}
        assert listening and listening <= {"127.0.0.1", "::1"}
        contents = server["url"] + "api/contents"
        assert len(server["token"]) >= 32
        assert requests.get(contents).status_code == 403
        assert requests.get(contents, params={"token": "wrong"}).status_code == 403
        assert requests.get(contents, params={"token": server["token"]}).ok
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
