"""A class on a JupyterHub follows one link, then opens and runs notebooks 1 and 3.

It measures what handout/elsewhere.md computes a server's size from. The Hub's settings
are the test's own: whoever hosts a class takes an engine that brings better ones.
"""

import json
import shutil
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from urllib.parse import urlencode

import nbformat
import notebook_checks as checks
import psutil
import pytest
import requests
import websocket
from test_repository import sizes

from handout import branch

NAMES = ["ada", "ben", "cleo", "dan"]
CONFIG = """
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "{folder}/{{username}}"
c.Spawner.cmd = ["{python}", "-m", "jupyterhub.singleuser", "--allow-root"]
c.Spawner.environment = {{"OMP_NUM_THREADS": "1"}}
c.Spawner.start_timeout = c.Spawner.http_timeout = 300
c.JupyterHub.bind_url = "http://127.0.0.1:{ports[0]}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{ports[1]}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{ports[2]}"
c.ConfigurableHTTPProxy.command = "{folder}/node_modules/.bin/configurable-http-proxy"
"""


@pytest.fixture
def hub(tmp_path):
    """A Hub that only this machine hears: its address and its process."""
    pytest.importorskip("jupyterhub")
    pytest.importorskip("nbgitpuller")
    if not shutil.which("npm"):
        pytest.skip("npm, which installs the Hub's proxy, is not installed")
    npm = ["npm", "install", "--prefix", tmp_path, "configurable-http-proxy@5.3.0"]
    subprocess.run(npm, check=True, capture_output=True)
    with ExitStack() as held:
        free = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
        ports = [held.enter_context(one).getsockname()[1] for one in free]
    text = CONFIG.format(folder=tmp_path, python=sys.executable, ports=ports)
    (tmp_path / "config.py").write_text(text, "utf-8")
    with (tmp_path / "log").open("w", encoding="utf-8") as log:
        command = [sys.executable, "-m", "jupyterhub", "-f", "config.py"]
        process = psutil.Popen(command, cwd=tmp_path, stdout=log, stderr=log)
    try:
        while "is now running" not in (log := (tmp_path / "log").read_text("utf-8")):
            assert process.poll() is None, log
            time.sleep(0.1)
        yield f"http://127.0.0.1:{ports[0]}", process
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture
def published(tmp_path, monkeypatch):
    """The student's copy in a repository of its own, as handout/teachers.md says."""
    for who in ["AUTHOR", "COMMITTER"]:
        monkeypatch.setenv(f"GIT_{who}_NAME", "A")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "a@example.org")
    ours, public = tmp_path / "ours", tmp_path / "public"
    branch.git(tmp_path, "init", "-q", str(ours))
    branch.git(tmp_path, "init", "-q", "--bare", str(public))
    branch.commit(ours)
    branch.git(ours, "push", "-q", str(public), "student:main")
    return str(public)


def attend(name, hub, published):
    """Do what a learner's browser does; return the seconds up to the first figure."""
    address, server = hub[0], f"{hub[0]}/user/{name}"
    browser, first = requests.Session(), None
    pull = {"repo": published, "branch": "main", "targetpath": "series"}
    link = f"/hub/user-redirect/git-pull?{urlencode(pull)}"
    browser.get(f"{address}/hub/login")
    form = {"username": name, "password": "", "_xsrf": browser.cookies["_xsrf"]}
    page = browser.post(f"{address}/hub/login", form, params={"next": link})
    while not page.url.startswith(f"{server}/git-pull?"):
        assert page.ok, page.text
        time.sleep(0.5)
        page = browser.get(address + link)
    pulled = browser.get(f"{server}/git-pull/api", params=pull).text
    assert '"finished"' in pulled, pulled
    xsrf = {"X-XSRFToken": browser.cookies.get("_xsrf", path="/hub/")}
    made = browser.post(f"{address}/hub/api/users/{name}/tokens", headers=xsrf)
    token = {"Authorization": f"token {made.json()['token']}"}
    browser.headers.update(token)
    for lesson in ["01_translation", "03_invariance"]:
        file = {"path": f"series/notebooks/{lesson}.ipynb", "type": "notebook"}
        url = f"{server}/api/contents/{file['path']}"
        notebook = nbformat.from_dict(browser.get(url).json()["content"])
        new = file | {"name": "", "kernel": {"name": "python3"}}
        kernel = browser.post(f"{server}/api/sessions", json=new).json()["kernel"]["id"]
        channels = f"{server}/api/kernels/{kernel}/channels".replace("http", "ws", 1)
        channel = websocket.create_connection(channels, header=token, timeout=600)
        for cell in checks.code_cells(notebook):
            cell.outputs = execute(channel, cell.source)
            shown = any("image/png" in out.get("data", {}) for out in cell.outputs)
            first = first or (shown and taken(hub, name)[0])
        channel.close()
        assert browser.put(url, json=file | {"format": "json", "content": notebook}).ok
    return first


def execute(channel, code):
    """Run a cell in a kernel; return its outputs, and raise if it fails."""
    header = {"msg_id": str(time.monotonic_ns()), "msg_type": "execute_request"}
    header |= {"username": "", "session": "", "version": "5.3", "date": ""}
    sent = {"header": header, "parent_header": {}, "metadata": {}, "channel": "shell"}
    channel.send(json.dumps(sent | {"content": {"code": code}}))
    outputs, left = [], {"execute_reply", "idle"}
    while left:
        received = channel.recv()
        message = {} if isinstance(received, bytes) else json.loads(received)
        if message.get("parent_header", {}).get("msg_id") == header["msg_id"]:
            kind, content = message["header"]["msg_type"], message["content"]
            assert content.get("status") != "error", content
            left -= {kind, content.get("execution_state")}
            if kind in {"stream", "display_data", "execute_result"}:
                outputs.append(nbformat.v4.output_from_msg(message))
    return outputs


def taken(hub, name):
    """Return a learner's processor seconds, and GB: what is shared counts in parts."""
    seconds = held = 0
    for process in hub[1].children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if process.environ().get("JUPYTERHUB_USER") == name:
                seconds += sum(process.cpu_times()[:2])
                held += process.memory_full_info().pss / 1e9
    return seconds, held


@pytest.mark.weekly
def test_class(hub, published, capsys):
    seen = []
    with ThreadPoolExecutor(len(NAMES)) as pool:
        learners = [pool.submit(attend, name, hub, published) for name in NAMES]
        while not all(learner.done() for learner in learners):
            seen += [taken(hub, name) for name in NAMES]
            time.sleep(1)
    first = round(max(learner.result() for learner in learners), 1)
    end, held = (round(max(column), 2) for column in zip(*seen, strict=True))
    assert first < end and held > 0.1
    with capsys.disabled():
        print(f"\n{len(NAMES)} learners at once; each took at most {held} GB,", end=" ")
        print(f"{first} processor seconds to the first figure, {end} to the end")
        print(*sizes(held, first), sep="\n")
