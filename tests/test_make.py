"""The Makefile's set-up, on a copy that installs nothing: at once, ended, repeated."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from importlib.util import find_spec

import psutil
import pytest
import requests
from notebook_checks import ROOT

pytestmark = pytest.mark.skipif(
    os.name == "nt" or not shutil.which("make"), reason="no make, or not of Unix"
)
LISTS = ["requirements.txt", "tests/requirements.txt", "handout/requirements.txt"]
WHEEL = "all-1-py3-none-any.whl"
# Two of these are asked for by an import: the light list's module, and the test's.
MODULES = ["tqdm", "pytest", "sphinx"]


@pytest.fixture
def checkout(tmp_path):
    """A folder whose lists name one small package, which is in it."""
    return fill(tmp_path / "a folder")


def fill(folder):
    for name in [*LISTS, ".github/constraints.txt"]:
        folder.joinpath(name).parent.mkdir(exist_ok=True, parents=True)
        folder.joinpath(name).write_text(
            f"./{WHEEL}\n" if name in LISTS else "", "utf-8"
        )
    with zipfile.ZipFile(folder / WHEEL, "w") as wheel:
        for module in MODULES:
            wheel.writestr(f"{module}.py", "")
        info = {
            "METADATA": "Metadata-Version: 2.1\nName: all\nVersion: 1\n",
            "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            "RECORD": "",
        }
        for name, content in info.items():
            wheel.writestr(f"all-1.dist-info/{name}", content)
    shutil.copy(ROOT / "Makefile", folder)
    return folder


def make(folder, *words, python=sys.executable, **variables):
    command = ["make", *words, *([f"PYTHON={python}"] if python else [])]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    environment.pop("PYTHON", None)
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
    requirements.write_text("./gone.whl\n", "utf-8")
    code, output = finish(make(checkout, ".venv/lab"))
    assert code and "not complete. Call make .venv/lab again" in output
    requirements.write_text(f"./{WHEEL}\n", "utf-8")
    code, output = finish(make(checkout, ".venv/lab"))
    assert code == 0, output


# A stamp is trusted only with a Python that starts, the one asked for, and its packages


@pytest.fixture(scope="module")
def pattern(tmp_path_factory):
    """A checkout whose .venv is complete: a copy of it is made sooner than another."""
    folder = fill(tmp_path_factory.mktemp("pattern") / "a folder")
    code, output = finish(make(folder, ".venv/lab", ".venv/handout"))
    assert code == 0, output
    return folder


@pytest.fixture
def made(pattern, tmp_path):
    return shutil.copytree(pattern, tmp_path / "a folder", symlinks=True)


@pytest.fixture
def cleared(made):
    """All but the stamps and what they stand for."""
    for path in [*made.glob(".venv/lib/*/site-packages/all-*"), made / ".venv" / "lab"]:
        path.rename(made / path.name)
    for module in MODULES:
        next(made.glob(f".venv/lib/*/site-packages/{module}.py")).unlink()
    return made


def imports(folder, module="tqdm"):
    python = folder / ".venv" / "bin" / "python"
    return subprocess.run([python, "-c", f"import {module}"]).returncode == 0


def pretend(folder, words):
    """A Python that says something else of itself, as a program in a folder."""
    python = folder / "python-else"
    python.write_text(
        "#!/bin/sh\n"
        'if test "$1" = -c; then shift; code=$1; shift; '
        f'exec "{sys.executable}" -c "import sys; {words}; $code" "$@"; fi\n'
        f'exec "{sys.executable}" "$@"\n',
        "utf-8",
    )
    python.chmod(0o755)
    return python


@pytest.mark.parametrize("target", [".venv/lab", ".venv/test"])
def test_a_python_that_went_away(made, target):
    for python in (made / ".venv" / "bin").glob("python*"):
        python.unlink()
        python.symlink_to("/gone/python3")
    code, output = finish(make(made, target))
    assert code == 0, output
    assert imports(made)


def test_a_python_whose_packages_went_away(made):
    """As after `python3` on the path has become the next version."""
    for folder in (made / ".venv" / "lib").iterdir():
        folder.rename(folder.with_name("python3.1"))
    code, output = finish(make(made, ".venv/lab"))
    assert code == 0, output
    assert imports(made)


def test_another_python_is_asked_for(made):
    mark = made / ".venv" / "mark"
    mark.touch()
    for python in [None, sys.executable]:
        code, output = finish(make(made, ".venv/lab", python=python))
        assert code == 0 and "up to date" in output and mark.exists()
    other = pretend(made, "sys.version_info = (3, 12, 99)")
    code, output = finish(make(made, ".venv/lab", python=other))
    assert code == 0 and "up to date" not in output and not mark.exists()


@pytest.mark.parametrize("target", [".venv/lab", "help"])
def test_a_python_that_is_not_there_changes_nothing(made, target):
    code, output = finish(make(made, target, python="python-gone"))
    assert (code == 0) == (target == "help"), output
    assert "python-gone" in output or target == "help"
    code, output = finish(make(made, ".venv/lab"))
    assert code == 0 and "up to date" in output


@pytest.mark.parametrize("version", ["(3, 10, 99)", "(3, 15, 0)"])
def test_a_python_that_does_not_do(checkout, version):
    python = pretend(checkout, f"sys.version_info = {version}")
    code, output = finish(make(checkout, ".venv/lab", python=python))
    said = "one from 3.11 to 3.14 is needed"
    assert code and said in output and not (checkout / ".venv").exists()


@pytest.mark.parametrize(
    "variable", ["PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PYTHONPATH"]
)
def test_variables_that_lead_elsewhere(cleared, tmp_path, variable):
    elsewhere = tmp_path / "elsewhere"
    if variable == "PYTHONPATH":  # where pip finds the package, and installs none
        with zipfile.ZipFile(cleared / WHEEL) as wheel:
            wheel.extractall(elsewhere)
    value = "1" if variable == "PIP_USER" else str(elsewhere)
    code, output = finish(make(cleared, ".venv/lab", **{variable: value}))
    assert code == 0, output
    assert imports(cleared)


def test_pip_configured_to_install_elsewhere(cleared, tmp_path):
    """By a file, over which make has no say: it is told, and no stamp is set."""
    configuration = tmp_path / "pip.conf"
    configuration.write_text(f"[install]\ntarget = {tmp_path / 'elsewhere'}\n", "utf-8")
    # uv, where it is on the path, does not ask that file.
    process = make(cleared, ".venv/lab", "uv=", PIP_CONFIG_FILE=str(configuration))
    code, output = finish(process)
    assert code and "pip config list" in output
    assert not (cleared / ".venv" / "lab").exists()
    code, output = finish(make(cleared, ".venv/lab"))
    assert code == 0, output
    assert imports(cleared)


def test_handout_under_a_safe_path(made):
    folder = made / "handout"
    folder.joinpath("build.py").write_text("print('built')", "utf-8")
    code, output = finish(make(made, "handout", PYTHONSAFEPATH="1"))
    assert code == 0 and "built" in output


def test_release(made):
    """What is attached to a tag: site, print, copies and course, each packed."""
    code = """if True:
        from pathlib import Path
        for name in ["html/index.html", "pdf/series.pdf", "nbgrader/README.md"]:
            path = Path("build") / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        for name in ["student.zip", "teacher.zip"]:
            Path("build", name).write_text(name)
    """
    made.joinpath("handout").mkdir(exist_ok=True)
    made.joinpath("handout", "build.py").write_text(code, "utf-8")
    code, output = finish(make(made, "release"))
    assert code == 0, output
    packed = {path.name: path for path in made.glob("build/release/*")}
    names = ["html.zip", "nbgrader.zip", "pdf.zip", "student.zip", "teacher.zip"]
    assert sorted(packed) == names
    with zipfile.ZipFile(packed["html.zip"]) as site:
        assert "html/index.html" in site.namelist()


def test_each_list_alone(checkout):
    """Learner and teacher install what they need: below the line is neither's."""
    checkout.joinpath("requirements.txt").write_text(
        f"./{WHEEL}\n# Networks: later\n./gone.whl\n", "utf-8"
    )
    code, output = finish(make(checkout, ".venv/handout"))
    assert code == 0, output
    code, output = finish(make(checkout, ".venv/lab"))
    assert code == 0, output
    checkout.joinpath("tests", "requirements.txt").write_text(
        "-r ../requirements.txt", "utf-8"
    )
    code, output = finish(make(checkout, ".venv/test"))
    assert code and "gone.whl" in output


@pytest.mark.skipif(not find_spec("uv"), reason="no uv here")
def test_uv_installs_where_it_is_on_the_path(cleared):
    from uv import find_uv_bin

    folders = [os.path.dirname(find_uv_bin()), os.environ["PATH"]]
    process = make(cleared, ".venv/lab", PATH=os.pathsep.join(folders))
    code, output = finish(process)
    assert code == 0 and "uv pip install" not in output
    assert imports(cleared)
    installer = next(cleared.glob(".venv/lib/*/site-packages/all-*/INSTALLER"))
    assert installer.read_text("utf-8").strip() == "uv"


def test_lab_asks_for_its_token_on_this_machine_alone(checkout):
    """The line of `make lab`, with the packages that are here."""
    checkout.joinpath("notebooks").mkdir()
    folder = checkout / ".venv" / "bin"
    folder.mkdir(parents=True)
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', "utf-8")
    python.chmod(0o755)
    time.sleep(0.01)
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
        server = json.loads(found[0].read_text("utf-8"))
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
