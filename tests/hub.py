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
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import nbformat
import psutil
import pytest
import requests
import websocket

ROOT = Path(__file__).resolve().parent.parent
URL = "http://127.0.0.1:8000"
HUB_API, PROXY_API = "http://127.0.0.1:8081/hub/api", "http://127.0.0.1:8001/api"
NOTEBOOKS = ["01_translation", "03_invariance"]
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
        self.first_figure = None

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
        while (
            not (servers := self.get(user).json()["servers"])
            or not (servers[""]["ready"])
        ):
            assert time.monotonic() - self.started < 300, "no server"
            time.sleep(0.2)
        return self

    def get(self, url):
        return requests.get(url, headers=self.token)

    def leave(self):
        user = f"{URL}/hub/api/users/{self.name}"
        assert requests.delete(f"{user}/server", headers=self.token).ok
        while self.get(user).json()["servers"]:
            time.sleep(0.2)

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
                    self.to_first_figure = seconds(processes(self.name))
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
        with suppress(psutil.NoSuchProcess):
            if process.uids().real == uid:
                found.append(process)
    return found


def memory(name):
    """Return the bytes of an account: what processes share is counted in parts."""
    total = 0
    for process in processes(name):
        with suppress(psutil.NoSuchProcess):
            total += process.memory_full_info().pss
    return total


def seconds(found):
    """Return the processor seconds of processes."""
    return sum(sum(process.cpu_times()[:2]) for process in found)


def run(*command, text=None):
    subprocess.run(command, input=text, text=True, check=True)


@pytest.fixture(scope="session")
def accounts(tmp_path_factory):
    """Make accounts with the commands of the README, and remove them."""
    assert os.geteuid() == 0, "the Hub starts servers as other accounts: run it as root"
    skeleton = tmp_path_factory.mktemp("copy")
    for folder in ["notebooks", "images", "explore"]:
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
    environment = {**os.environ, "STATE_DIRECTORY": str(state)}
    with (state / "log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    try:
        for _ in range(600):
            assert process.poll() is None, (state / "log").read_text()
            with suppress(requests.ConnectionError):
                if requests.get(f"{URL}/hub/health").ok:
                    break
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
    for notebook in NOTEBOOKS:
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
    failures = [repr(learner.exception()) for learner in learners]
    used = seconds([p for name in names for p in processes(name)]) / number
    assert failures == ["None"] * number
    learners = [learner.result() for learner in learners]
    for learner in learners:
        learner.leave()
    figures = [learner.first_figure for learner in learners]
    to_first = sum(learner.to_first_figure for learner in learners) / number
    served = seconds(own_processes(hub)) - before
    held = sum(process.memory_full_info().pss for process in own_processes(hub))
    machine = f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"
    times = f"{min(figures):.1f} to {max(figures):.1f} s, the end after {took:.0f} s"
    report = f"""
{number} at once, no failures; {machine}
  the first figure after {times}
  a learner: {to_first:.1f} processor seconds to the first figure, {used:.1f} to the end
  a learner: at most {max(largest.values()) / 1e6:.0f} MB
  the Hub: {served:.1f} processor seconds, {held / 1e6:.0f} MB"""
    with capsys.disabled():
        print(report)


# Who may do what; each test also sees that whoever may, can


@pytest.fixture(scope="session")
def ada(hub):
    learner = Learner(NAMES[0]).enter()
    yield learner
    learner.leave()


@pytest.fixture(scope="session")
def bob(hub):
    learner = Learner(NAMES[1]).enter()
    yield learner
    learner.leave()


def test_only_this_machine_hears_it(hub, ada):
    everything = [*own_processes(hub), *processes(ada.name)]
    addresses = [
        connection.laddr.ip
        for process in everything
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(addresses) >= 4  # the Hub, the proxy and its door for the Hub, a server
    assert set(addresses) <= {"127.0.0.1", "::1"}


def test_without_signing_in(ada):
    for path in ["/hub/home", "/hub/admin", "/hub/spawn", f"/user/{ada.name}/lab"]:
        assert "/hub/login" in requests.get(URL + path).url
    for path in ["/hub/api/users", f"/hub/api/users/{ada.name}"]:
        assert requests.get(URL + path).status_code == 403
    assert requests.get(f"{ada.server}/api/contents").status_code == 403
    assert ada.get(f"{ada.server}/api/contents").ok
    assert "JupyterLab" in ada.get(f"{ada.server}/lab").text


@pytest.mark.parametrize(
    "name, password",
    [
        (NAMES[0], ""),
        (NAMES[0], "wrong"),
        (NAMES[0], PASSWORDS[NAMES[1]]),
        (OUTSIDER, PASSWORDS[OUTSIDER]),
        ("root", ""),
        ("nobody", ""),
    ],
    ids=["no password", "wrong", "another's", "not of the class", "root", "nobody"],
)
def test_refused_sign_in(hub, name, password):
    stranger = Learner(name, password)
    assert stranger.sign_in().status_code == 403
    assert "/hub/login" in stranger.browser.get(f"{URL}/hub/home").url


def test_another_learners_server(ada, bob):
    hub, own = f"{URL}/hub/api/users/{ada.name}", f"{ada.server}/api"
    ports = {
        connection.laddr.port
        for process in processes(ada.name)
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    beside = []  # its server, without the proxy
    for port in ports:
        url = f"http://127.0.0.1:{port}/user/{ada.name}/api/contents"
        with suppress(requests.RequestException):  # a kernel's port speaks no HTTP
            if ada.get(url).ok:
                beside.append(url)
    assert len(beside) == 1
    for url in [hub, f"{own}/contents", f"{own}/kernels", f"{own}/sessions", *beside]:
        assert ada.get(url).ok
        assert bob.get(url).status_code in {403, 404}
    for url in [f"{hub}/server", f"{hub}/tokens", f"{own}/kernels", f"{own}/terminals"]:
        assert requests.post(url, headers=bob.token).status_code in {403, 404}
    assert requests.delete(f"{hub}/server", headers=bob.token).status_code in {403, 404}
    for url in [f"{PROXY_API}/routes", f"{HUB_API}/users", f"{HUB_API}/proxy"]:
        assert bob.get(url).status_code == 403
    assert bob.browser.get(f"{bob.server}/lab").ok
    assert bob.browser.get(f"{ada.server}/lab").status_code in {403, 404}


def test_another_learners_kernel(ada, bob):
    kernel, channel = ada.open("notebooks/01_translation.ipynb")
    ada.execute(channel, "1")
    for server in [ada.server, bob.server]:
        with pytest.raises(websocket.WebSocketBadStatusException):
            bob.connect(server, kernel)


def test_another_learners_files(hub, ada, bob):
    ada.execute(ada.open("notebooks/01_translation.ipynb")[1], "1")
    home = Path(f"~{ada.name}").expanduser()
    private = [home, home / "notebooks" / "01_translation.ipynb"]
    private += home.glob(".local/share/jupyter/runtime/*.json")
    private += [Path("/proc", str(p.pid), "environ") for p in processes(ada.name)]
    assert len(private) >= 5
    secret = [hub.state, *hub.state.iterdir()]
    code = f"""
import os
for path in {[str(path) for path in [*private, *secret]]}:
    try:
        os.listdir(path) if os.path.isdir(path) else open(path).close()
    except PermissionError:
        continue
    print(path)
"""
    assert ada.print(code).split() == [str(path) for path in private]
    assert bob.print(code) == ""
    assert hub.state.stat().st_mode & 0o777 == 0o700
    assert not list(ROOT.glob("jupyterhub*"))


def test_another_learners_outputs(ada, bob):
    """What a kernel prints is for its owner; what is sent openly, all can hear."""
    speak = """
import time, zmq
door = zmq.Context.instance().socket(zmq.PUB)
door.bind_to_random_port("tcp://127.0.0.1")
for _ in range(100):
    print("whispered", flush=True)
    door.send(b"shouted")
    time.sleep(0.1)
"""
    listen = f"""
import time, zmq
ear = zmq.Context.instance().socket(zmq.SUB)
ear.subscribe(b"")
for line in open("/proc/net/tcp").read().splitlines()[1:]:
    address, state, owner = [line.split()[column] for column in (1, 3, 7)]
    if state == "0A" and owner == "{pwd.getpwnam(ada.name).pw_uid}":
        ear.connect(f"tcp://127.0.0.1:{{int(address.split(':')[1], 16)}}")
heard, end = b"", time.time() + 5
while time.time() < end:
    if ear.poll(100):
        heard += b"".join(ear.recv_multipart())
print([word for word in ("shouted", "whispered") if word.encode() in heard])
"""
    with ThreadPoolExecutor() as pool:
        whispered = pool.submit(ada.print, speak)
        time.sleep(3)
        heard = bob.print(listen)
    assert "whispered" in whispered.result()
    assert heard.strip() == "['shouted']"


def test_greed_ends_in_an_error(ada):
    code = """
import numpy as np
for gigabytes in (1, 4):
    try:
        np.ones(gigabytes * 2**27)
        print("given")
    except MemoryError:
        print("refused")
"""
    assert ada.print(code).split() == ["given", "refused"]
