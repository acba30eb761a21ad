"""A notebook in a real JupyterLab, as a reader who does not see it meets it."""

import contextlib
import html
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from itertools import pairwise

import nbformat
import notebook_checks as checks
import pytest
from test_handout import NOTEBOOKS, browser  # noqa: F401


@contextlib.contextmanager
def jupyterlab(folder, own):
    """The address of a JupyterLab that serves a folder; `own` is for what it keeps."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1"]
    command += [
        f"--port={port}",
        "--ServerApp.port_retries=0",
        "--expose-app-in-browser",
    ]
    command += [f"--ServerApp.root_dir={folder}", "--IdentityProvider.token="]
    command += ["--allow-root"] if getattr(os, "geteuid", lambda: 1)() == 0 else []
    places = ["JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"]
    places += ["JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR"]
    variables = os.environ | {place: str(own / place) for place in places}
    variables |= {"TQDM_DISABLE": "1"}
    variables.pop("MPLBACKEND", None)
    with open(own / "log", "w", encoding="utf-8") as log:
        server = subprocess.Popen(command, env=variables, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{address}/api", timeout=5).close()
                break
            assert server.poll() is None, (own / "log").read_text("utf-8")
            time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        try:
            server.wait(60)
        except subprocess.TimeoutExpired:  # on a busy machine, it waits for its kernels
            server.kill()


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab, on a copy of the notebooks and one whose figures have no words."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(checks.ROOT / "notebooks", folder / "notebooks")
    mute = nbformat.read(NOTEBOOKS[0], as_version=4)
    for cell in checks.code_cells(mute):
        cell.outputs = [o for o in cell.outputs if "text/html" not in o.get("data", {})]
    nbformat.write(mute, folder / "notebooks" / "mute.ipynb")
    with jupyterlab(folder, tmp_path_factory.mktemp("settings")) as address:
        yield address


@pytest.fixture
def page(browser, lab, request):  # noqa: F811
    """A notebook as it is stored, open in JupyterLab."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{lab}/lab/tree/notebooks/{request.param}?reset")
    page.wait_for_selector(".jp-Notebook .jp-OutputArea-output img")
    yield page
    page.close()


def spoken(page):
    """The names in the accessibility tree: what a screen reader is told."""
    client = page.context.new_cdp_session(page)
    nodes = client.send("Accessibility.getFullAXTree")["nodes"]
    return [node.get("name", {}).get("value") for node in nodes if not node["ignored"]]


def figures(notebook):
    """Each figure with what follows it."""
    for cell in checks.code_cells(notebook):
        for output, following in pairwise([*cell.outputs, {}]):
            if "image/png" in output.get("data", {}):
                yield output.metadata["image/png"]["alt"], following


@pytest.mark.parametrize("page", ["01_translation.ipynb"], indirect=True)
def test_figure_is_told(page):
    """In a notebook that nobody has run or trusted, a key opens a figure's words."""
    alt, _ = next(figures(nbformat.read(NOTEBOOKS[0], as_version=4)))
    assert alt not in spoken(page)
    page.get_by_text("The figure in words").first.focus()
    page.keyboard.press("Enter")
    assert alt in spoken(page)


@pytest.mark.parametrize("page", ["mute.ipynb"], indirect=True)
def test_planted_mute_figure(page):
    """The alternative text as such is stored, and JupyterLab keeps it to itself."""
    alt, _ = next(figures(nbformat.read(NOTEBOOKS[0], as_version=4)))
    assert page.locator(".jp-OutputArea-output img").count()
    assert alt not in spoken(page)
    assert page.get_by_text("The figure in words").count() == 0


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_figure_has_its_words(path):
    for alt, following in figures(nbformat.read(path, as_version=4)):
        page = following.get("data", {}).get("text/html", "")
        assert f"<p>{html.escape(alt, quote=False)}</p>" in page
