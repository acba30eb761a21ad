"""A class on a real JupyterHub; `make classroom-test` calls it, as root.

python -m pytest -o addopts= tests/hub.py

It makes accounts, as a teacher does, and removes them. Each learner does over HTTP what
a browser does: signs in, gets a server, opens a notebook, runs its cells, saves it.
"""

import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import nbformat
import psutil
import pytest
import requests
import websocket

ROOT = Path(__file__).resolve().parent.parent
URL = "http://127.0.0.1:8000"
HUB_API, PROXY_API = "http://127.0.0.1:8081/hub/api", "http://127.0.0.1:8001/api"
NOTEBOOKS = os.environ.get("CLASSROOM_NOTEBOOKS", "01_translation 03_invariance")
NAMES = [f"test-learner-{number}" for number in range(1, 9)]
OUTSIDER = "test-outsider"  # has an account, and is not of the class
PASSWORDS = {name: secrets.token_urlsafe(12) for name in [*NAMES, OUTSIDER]}


class Learner:
    """What a learner's browser does."""

    def __init__(self, name, password=None):
        self.name = name
        self.password = PASSWORDS[name] if password is None else password
        self.server = f"{URL}/user/{name}"
        self.browser = requests.Session()
        self.started = self.first_figure = None

    def sign_in(self):
        self.started = time.monotonic()
        self.browser.get(f"{URL}/hub/login")
        form = {"username": self.name, "password": self.password}
        form["_xsrf"] = self.browser.cookies["_xsrf"]
        return self.browser.post(f"{URL}/hub/login?next=/hub/home", data=form)

    def enter(self):
        """Sign in, take a token for what follows, and wait for the server."""
        assert self.sign_in().ok
        user = f"{URL}/hub/api/users/{self.name}"
        xsrf = {"X-XSRFToken": self.browser.cookies.get("_xsrf", path="/hub/")}
        reply = self.browser.post(f"{user}/tokens", headers=xsrf)
        assert reply.ok, reply.text
        self.token = {"Authorization": f"token {reply.json()['token']}"}
        reply = requests.post(f"{user}/server", headers=self.token)
        assert reply.ok, reply.text
        while not (servers := self.get(user).json()["servers"]) or not (
            servers[""]["ready"]
        ):
            assert time.monotonic() - self.started < 300, "no server"
            time.sleep(0.2)
        return self

    def get(self, url):
        return requests.get(url, headers=self.token)

    def leave(self):
        requests.delete(f"{URL}/hub/api/users/{self.name}/server", headers=self.token)

    def open(self, path):
        """Start a notebook's kernel; return its id and its channel."""
        new = {"path": path, "name": "", "type": "notebook"}
        new["kernel"] = {"name": "python3"}
        url = f"{self.server}/api/sessions"
        reply = requests.post(url, headers=self.token, json=new)
        assert reply.ok, reply.text
        kernel = reply.json()["kernel"]["id"]
        return kernel, self.connect(self.server, kernel)

    def connect(self, server, kernel):
        address = f"{server}/api/kernels/{kernel}/channels"
        return websocket.create_connection(
            address.replace("http", "ws", 1), header=self.token, timeout=600
        )

    def execute(self, channel, code):
        """Run code as a cell; return its outputs, and raise if it fails."""
        sent = uuid.uuid4().hex
        header = {"msg_id": sent, "msg_type": "execute_request", "session": self.name}
        header |= {"username": "", "version": "5.3", "date": ""}
        content = {"code": code, "silent": False, "store_history": True}
        message = {"header": header, "parent_header": {}, "metadata": {}}
        channel.send(json.dumps(message | {"content": content, "channel": "shell"}))
        outputs, replied, idle = [], False, False
        while not (replied and idle):
            received = channel.recv()
            if isinstance(received, bytes):  # a widget's pixels
                continue
            message = json.loads(received)
            if message["parent_header"].get("msg_id") != sent:
                continue
            kind, content = message["header"]["msg_type"], message["content"]
            if kind == "execute_reply":
                assert content["status"] == "ok", content
                replied = True
            elif kind == "status":
                idle = content["execution_state"] == "idle"
            elif kind in {"stream", "display_data", "execute_result"}:
                outputs.append(nbformat.v4.output_from_msg(message))
                if "image/png" in content.get("data", {}) and not self.first_figure:
                    self.first_figure = time.monotonic() - self.started
        return outputs

    def run(self, name):
        """Run a notebook to the end and save it; its kernel goes on, as in a class."""
        url = f"{self.server}/api/contents/notebooks/{name}.ipynb"
        notebook = nbformat.from_dict(self.get(url).json()["content"])
        _, channel = self.open(f"notebooks/{name}.ipynb")
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs = self.execute(channel, cell.source)
        model = {"type": "notebook", "format": "json", "content": notebook}
        reply = requests.put(url, headers=self.token, json=model)
        assert reply.ok, reply.text
        channel.close()

    def print(self, code):
        """Run code in a kernel of its own; return what it prints."""
        _, channel = self.open("scratch.ipynb")
        return "".join(output["text"] for output in self.execute(channel, code))


def processes(name):
    """Return the processes of an account."""
    uid = pwd.getpwnam(name).pw_uid
    found = []
    for process in psutil.process_iter():
        try:
            if process.uids().real == uid:
                found.append(process)
        except psutil.NoSuchProcess:
            pass
    return found


def memory(name):
    """Return the bytes of an account: what processes share is counted in parts."""
    total = 0
    for process in processes(name):
        try:
            total += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            pass
    return total


def seconds(found):
    """Return the processor seconds of processes and of their children that ended."""
    return sum(sum(process.cpu_times()[:4]) for process in found)


def run(*command, text=None):
    subprocess.run(command, input=text, text=True, check=True)


@pytest.fixture(scope="session")
def accounts(tmp_path_factory):
    """Make accounts with the commands of the README, and remove them."""
    assert os.geteuid() == 0, "the Hub starts servers as other accounts: run it as root"
    skeleton = tmp_path_factory.mktemp("copy")
    for folder in ["notebooks", "images"]:
        shutil.copytree(ROOT / folder, skeleton / folder)
    for path in ROOT.glob("*.py"):
        shutil.copy(path, skeleton)
    known = subprocess.run(["getent", "group", "learners"], capture_output=True)
    made = []
    try:
        run("groupadd", "--force", "learners")
        for name in NAMES:
            run("useradd", "-m", "-k", skeleton, "-G", "learners", name)
            made.append(name)
        run("useradd", "-m", OUTSIDER)
        made.append(OUTSIDER)
        lines = [f"{name}:{password}\n" for name, password in PASSWORDS.items()]
        run("chpasswd", text="".join(lines))
        yield
    finally:
        for name in made:
            for process in processes(name):
                process.kill()
            subprocess.run(["userdel", "-r", name], stderr=subprocess.DEVNULL)
        if known.returncode:
            run("groupdel", "learners")


@pytest.fixture(scope="session")
def hub(accounts, tmp_path_factory):
    """Start the Hub with the configuration as it stands, and end it."""
    state = tmp_path_factory.mktemp("state")
    command = [sys.executable, "-m", "jupyterhub"]
    command += ["-f", ROOT / "classroom" / "jupyterhub_config.py"]
    extra = os.environ.get("CLASSROOM_ARGS", "").split()
    environment = {**os.environ, "STATE_DIRECTORY": str(state)}
    with (state / "log").open("w") as log:
        process = subprocess.Popen(
            command + extra, cwd=state, env=environment, stdout=log, stderr=log
        )
    try:
        for _ in range(600):
            assert process.poll() is None, (state / "log").read_text()
            try:
                if requests.get(f"{URL}/hub/health").ok:
                    break
            except requests.ConnectionError:
                pass
            time.sleep(0.1)
        process = psutil.Process(process.pid)
        process.state = state
        yield process
    finally:
        process.terminate()
        process.wait(60)


def own_processes(hub):
    """Return the Hub's processes: itself and the proxy."""
    return [p for p in [hub, *hub.children(recursive=True)] if p.uids().real == 0]


# A class at once


def attend(name):
    learner = Learner(name).enter()
    for notebook in NOTEBOOKS.split():
        learner.run(notebook)
    return learner


@pytest.mark.parametrize("number", [1, 2, 4, 8])
def test_class(hub, number, capsys):
    names, largest, over = NAMES[:number], {}, threading.Event()

    def watch():
        while not over.wait(1):
            for name in names:
                largest[name] = max(largest.get(name, 0), memory(name))

    watcher = threading.Thread(target=watch)
    watcher.start()
    before, start = seconds(own_processes(hub)), time.monotonic()
    with ThreadPoolExecutor(number) as pool:
        learners = [pool.submit(attend, name) for name in names]
    took = time.monotonic() - start
    over.set()
    watcher.join()
    failures = [repr(learner.exception()) for learner in learners if learner.exception()]
    used = [seconds(processes(name)) for name in names]
    for name in names:
        for process in processes(name):
            process.terminate()
    assert failures == []
    figures = [learner.result().first_figure for learner in learners]
    with capsys.disabled():
        print(
            f"\n{number} at once: {len(failures)} failures; first figure after "
            f"{min(figures):.1f} to {max(figures):.1f} s, the end after {took:.0f} s; "
            f"a learner: {sum(used) / number:.1f} processor seconds, "
            f"{max(largest.values()) / 1e6:.0f} MB; the Hub: "
            f"{seconds(own_processes(hub)) - before:.1f} processor seconds, "
            f"{sum(p.memory_full_info().pss for p in own_processes(hub)) / 1e6:.0f} MB; "
            f"processors: {os.cpu_count()}, load {os.getloadavg()[0]:.1f}"
        )
