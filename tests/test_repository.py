"""What must hold for the whole checkout: no secrets, no machine, no network."""

import math
import os
import re
import shlex
import socket
import subprocess
import sys

import nbformat
import notebook_checks as checks
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

SECRET = re.compile(
    r"""
    \b(?: gh[pousr]_ | github_pat_ | glpat- | xox[abps]- | hf_ | pypi- )\w{16}
    | \b(?: AKIA | ASIA )[A-Z\d]{16}\b
    | -----BEGIN\ [A-Z\ ]*PRIVATE\ KEY-----
    | ://[^/\s:@"'`]+:[^/\s:@"'`]+@  # a password in an address
    | \b(?: token | password | secret )\s*[=:]\s*["'][^"'{}<]{8,}
    """,
    re.VERBOSE | re.IGNORECASE,
)


def faults(text):
    """Secrets and paths of one machine in a text."""
    found = [f"secret: {match[0][:12]}…" for match in SECRET.finditer(text)]
    paths = checks.machine_path().finditer(text)
    return found + [f"path of one machine: {match[0]}" for match in paths]


def stored_files():
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(
        listed, cwd=checks.ROOT, capture_output=True, text=True, check=True
    )
    return [name for name in names.stdout.split("\0") if name]


@pytest.mark.skipif(not (checks.ROOT / ".git").exists(), reason="not a checkout")
def test_no_secret_and_no_machine():
    own = ("tests/", ".github/", "handout/")  # they name what they look for
    found = {}
    for name in stored_files():
        path = checks.ROOT / name
        if path.suffix in {".jpg", ".png"} or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        text = re.sub(r'"image/png": "[^"]*"', "", text)  # chance alone spells a path
        kept = [fault for fault in faults(text) if not name.startswith(own)]
        if kept:
            found[name] = kept
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "ghp_" + "a1" * 18,
        "AKIA" + "A1" * 8,
        "-----BEGIN " + "RSA PRIVATE KEY-----",
        "https://someone:" + "word@example.org",
        'token = "' + "x" * 20 + '"',
        "/home/" + "someone/notes",
        "C:" + "\\Users\\someone",
    ],
)
def test_planted_secret(text):
    assert len(faults(f"It is {text} here.")) == 1


@pytest.mark.parametrize(
    "text", ["https://x.org/a:b", "a token, a password", "token=TOKEN", "~/notes"]
)
def test_no_secret(text):
    assert faults(text) == []


@pytest.mark.skipif(os.environ.get("NETWORK") != "cut", reason="there is a network")
def test_the_network_is_cut():
    """Where .ci/run says so: then every test has run without one."""
    assert [name for _, name in socket.if_nameindex()] == ["lo"]


# The README

README = (checks.ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_is_short():
    """A visitor decides in seconds. Comments and addresses are not read."""
    shown = re.sub(r"<!--.*?-->|(?<=\])\([^)]*\)", "", README)
    assert len(re.findall(r"\S*\w\S*", shown)) < 700


def with_all_outputs(text):
    """A text, and what each notebook prints as one cell, which has its name."""
    cells = [new_markdown_cell(words) for words in ["", text, ""]]
    for path in sorted((checks.ROOT / "notebooks").rglob("*.ipynb")):
        printed = checks.outputs(nbformat.read(path, as_version=4))
        cells.append(new_code_cell(outputs=printed, id=path.stem))
    return new_notebook(cells=cells)


def test_what_was_found_is_printed():
    """Each number of the README's findings stands where the comment behind it says."""
    found = re.search(r"(?s)## What was found\n(.*?)\n## ", README)[1]
    notebook = with_all_outputs(found)
    assert checks.check_numbers(notebook) == []
    numbers = [claim.spelling for claim in checks.claims(notebook)]
    assert len(numbers) >= 5
    for number in numbers:  # planted: each of them, off by one in its first digit
        notebook.cells[1].source = found.replace(
            number, f"{int(number[0]) + 1}{number[1:]}"
        )
        assert len(checks.check_numbers(notebook)) == 1


# What GitHub runs

WORKFLOWS = sorted((checks.ROOT / ".github" / "workflows").glob("*.yml"))


def steps(workflow):
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow(path):
    """It may read, but where a job says more; GitHub's own actions, of a version."""
    workflow = yaml.safe_load(path.read_text("utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    used = [step["uses"] for step in steps(workflow) if "uses" in step]
    assert [u for u in used if not re.fullmatch(r"actions/[\w-]+@v\d+", u)] == []
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())
    targets = re.search(r"\.PHONY: (.*)", (checks.ROOT / "Makefile").read_text("utf-8"))
    lines = "\n".join(step.get("run", "") for step in steps(workflow))
    asked = {*re.findall(r"(?m)^make ([\w/]+)", lines)} - {"$"}
    assert asked <= {*targets[1].split()}


PAGES = yaml.safe_load((checks.ROOT / ".github/workflows/pages.yml").read_text("utf-8"))


def test_pages_publishes_main_and_attaches_to_tags():
    when = PAGES[True]  # YAML's word for `on`
    assert when == {"push": {"branches": ["main"], "tags": ["v*"]}}
    jobs = PAGES["jobs"]
    writes = {name: job.get("permissions") for name, job in jobs.items()}
    assert writes == {
        "build": None,
        "publish": {"pages": "write", "id-token": "write"},
        "attach": {"contents": "write"},
    }
    assert jobs["publish"]["if"] == "github.ref_type == 'branch'"
    assert jobs["attach"]["if"] == "github.ref_type == 'tag'"
    uploads = [s["with"].get("path") for s in jobs["build"]["steps"] if "with" in s]
    uploads = [path for path in uploads if path]
    assert uploads == ["build/html", "build/release"]


@pytest.mark.skipif(os.name == "nt", reason="GitHub runs it on Linux")
@pytest.mark.parametrize("known", [True, False])
def test_what_is_attached(tmp_path, known):
    """Its script, with a `gh` that only writes down what it is asked for."""
    (script,) = [s["run"] for s in PAGES["jobs"]["attach"]["steps"] if "run" in s]
    gh = tmp_path / "bin" / "gh"
    gh.parent.mkdir()
    gh.write_text(
        f'#!/bin/sh\necho "$@" >>asked\ntest "$2" != view || {str(known).lower()}\n',
        "utf-8",
    )
    gh.chmod(0o755)
    (tmp_path / "release").mkdir()
    for name in ["html.zip", "student.zip"]:
        (tmp_path / "release" / name).touch()
    path = f"{gh.parent}:{os.environ['PATH']}"
    subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=tmp_path,
        env={"PATH": path, "TAG": "v1.2.3"},
        check=True,
    )
    view, *made, upload = (tmp_path / "asked").read_text("utf-8").splitlines()
    assert view == "release view v1.2.3"
    created = ["release create v1.2.3 --verify-tag --notes-from-tag"]
    assert made == ([] if known else created)
    files = "release/html.zip release/student.zip"
    assert upload == f"release upload v1.2.3 {files} --clobber"


def test_the_site_has_one_address():
    """The README's first link and its picture lead to it."""
    address = re.search(r"(?m)^\[site\]: (https://\S+/)$", README)[1]
    links = re.findall(r"\]\[site\]|\]\((?!images/)[^)]*\)", README)
    assert links[:2] == ["][site]", "][site]"]
    for name in stored_files():
        path = checks.ROOT / name
        if path.suffix in (".md", ".html", ".py", ".yml") and path.is_file():
            assert (address in path.read_text("utf-8")) == (name == "README.md"), name


# How large a server


def sizes(memory, seconds):
    """The rows of the table, from the GB and the processor seconds of a learner.

    2 GB are for the system and the Hub; all first figures come within a minute.
    """
    return [
        f"| {n} | {math.ceil(n * memory + 2)} GB | {math.ceil(n * seconds / 60)} |"
        for n in [30, 100, 300]
    ]


def test_sizes_are_computed():
    page = (checks.ROOT / "handout" / "elsewhere.md").read_text(encoding="utf-8")
    memory = re.search(r"at most (\d\.\d+) GB", page)[1]
    seconds = re.search(r"(\d+\.\d) processor seconds", page)[1]
    rows = re.findall(r"(?m)^\| \d+ \|.*", page)
    assert rows == sizes(float(memory), float(seconds))


# The form for a number that differs

FORM = checks.ROOT / ".github" / "ISSUE_TEMPLATE" / "number.yml"


def test_the_form_asks_for_versions():
    """Its command prints them, and no name of the machine."""
    text = FORM.read_text(encoding="utf-8")
    command = re.search(r"(?m)^ *(\.venv/bin/python -c .*)$", text)[1]
    _, *arguments = shlex.split(command)
    run = [sys.executable, *arguments]
    printed = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    for name in ["numpy", "matplotlib", "opencv-python-headless"]:
        assert re.search(rf"(?m)^{name} \d", printed)
    assert f"Python {sys.version.split()[0]}" in printed
    assert socket.gethostname() not in printed.split()
    body = yaml.safe_load(text)["body"]
    ids = [part["id"] for part in body if part["type"] != "markdown"]
    assert ids == ["cell", "printed", "stored", "processor", "versions"]
