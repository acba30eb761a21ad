"""The explorers, in JupyterLab and on the site: what they show is what Python computes."""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import cv2
import nbformat
import notebook_checks as checks
import numpy as np
import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import Error, sync_playwright
from test_handout import FLAGS

from helpers import convolve, load_image, max_pool, relative_change, translate

ROOT = checks.ROOT
PHOTO = load_image("image.jpg")
PREWITT = np.array([[-1, 0, 1]] * 3)


@pytest.fixture(scope="module")
def browser():
    path = shutil.which("chromium") or shutil.which("google-chrome")
    where = {"executable_path": path} if path else {"channel": "chrome"}
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(args=FLAGS, **where)
        except Error as error:
            if "CI" in os.environ:
                raise
            pytest.skip(f"no Chromium on this machine: {error.message.splitlines()[0]}")
        yield browser
        browser.close()


# The arithmetic: each function of images.js with the one of Python


def parts(name):
    """What `explore` puts into a page, for any state."""
    from figures import EXPLORERS

    return [(EXPLORERS / f"{part}.js").read_text("utf-8") for part in name]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab on loopback, on a copy of the checkout; its address."""
    folder = tmp_path_factory.mktemp("lab")
    copy = folder / "copy"
    ignored = shutil.ignore_patterns(".*", "build", "tests", "__pycache__")
    shutil.copytree(ROOT, copy, ignore=ignored)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1"]
    command += [f"--port={port}", "--expose-app-in-browser", f"--notebook-dir={copy}"]
    command += ["--ServerApp.port_retries=0", "--IdentityProvider.token="]
    command += ["--allow-root"] if getattr(os, "geteuid", lambda: 1)() == 0 else []
    names = ["JUPYTER_CONFIG_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR"]
    own = {name: str(folder / name.lower()) for name in names}
    own |= {"JUPYTER_RUNTIME_DIR": str(folder / "runtime"), "OMP_NUM_THREADS": "1"}
    variables = {**os.environ, **own}
    variables.pop("MPLBACKEND", None)
    with open(folder / "log", "w") as log:
        server = subprocess.Popen(command, env=variables, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{address}/api", timeout=5).close()
                break
            assert server.poll() is None, (folder / "log").read_text()
            time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        server.wait(30)


def watched(browser, **options):
    """A page that lists what goes wrong in it."""
    page = browser.new_context(**options).new_page()
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    return page


def open_notebook(page, address, name):
    page.goto(f"{address}/lab?reset")
    page.wait_for_function("() => window.jupyterapp?.shell", timeout=60_000)
    page.evaluate(
        """async path => {
            await jupyterapp.restored;
            const panel = await jupyterapp.commands.execute(
                'docmanager:open', {path, factory: 'Notebook'});
            await panel.context.ready;
            await panel.sessionContext.ready;
        }""",
        f"notebooks/{name}.ipynb",
    )


def explorers(page):
    return page.locator("[data-explorer]")


def state(explorer):
    return json.loads(explorer.get_attribute("data-state"))


def run_all(page):
    page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")


def test_lab(lab, browser):
    page = watched(browser, viewport={"width": 1280, "height": 900})
    open_notebook(page, lab, "01_translation")
    run_all(page)
    step = page.locator("[data-explorer=step].explorer")
    step.wait_for()
    canvas = step.locator("canvas[tabindex]")
    canvas.press("ArrowRight")
    for key in ["b", "d", "d", "ArrowDown"]:
        canvas.press(key)
    assert state(step)["pixel"] == [3, 3]
    step.screenshot(path="/tmp/lab_step.png")
    page.screenshot(path="/tmp/lab_page.png")
    page.evaluate("jupyterapp.commands.execute('docmanager:save')")
    open_notebook(page, lab, "01_translation")
    step.wait_for()
    page.screenshot(path="/tmp/lab_again.png")
    assert page.faults == []
