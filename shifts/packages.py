"""Fetch PyTorch, and what goes with it, when a notebook first needs it."""

import importlib
import platform
import re
import shutil
import subprocess
import sys
import time
from http.client import HTTPException
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.request import urlopen

LISTED = Path(__file__).resolve().parent.parent / "requirements.txt"
# Where PyTorch is without CUDA, which is nine tenths of it.
SLIM = "https://download.pytorch.org/whl/cpu"


def need_networks() -> None:
    """Install what trains and measures networks, where it is not there.

    That is PyTorch and the rest of the section *Networks* in ``requirements.txt``. With
    all of it there, nothing is said and no network is asked.

    Raises
    ------
    ImportError : pip could not install it; the error says why, and what to do.

    Examples
    --------
    >>> need_networks()
    >>> import torch
    """
    missing = [line for line in _listed() if not _is_there(_name(line))]
    if not missing:
        return
    names = ", ".join(map(_name, missing))
    options, gigabytes = [], 0.3
    if "torch" in names and sys.platform == "linux":
        if not shutil.which("nvidia-smi") and _is_reached(SLIM):
            options = ["--extra-index-url", SLIM]
        else:
            gigabytes = 3
    print(
        f"From here on you need {names}. They come now, once: up to {gigabytes} GB, "
        f"{8000 * gigabytes / 50 / 60:.0f} minutes at 50 Mbit/s."
    )
    fault = _install(missing, options)
    importlib.invalidate_caches()
    if not fault and not all(_is_there(_name(line)) for line in missing):
        fault = "pip put them where this Python does not look"
    if fault:
        raise ImportError(
            f"{names}: not installed ({fault}). Notebooks 1, 3 and 4 need none of it. "
            "Is there a network, and room on the disk? Then run this cell again: what "
            f"has come is kept. {_place()}"
        )


def _listed() -> list[str]:
    section = LISTED.read_text("utf-8").partition("\n# Networks")[2]
    lines = section.partition("\n#")[0].splitlines()[1:]
    return [line.partition(" ")[0] for line in lines]


def _name(requirement: str) -> str:
    return requirement.partition("==")[0]


def _is_there(name: str) -> bool:
    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False


def _is_reached(index: str) -> bool:
    try:
        with urlopen(f"{index}/torch/", timeout=5):
            return True
    except (OSError, HTTPException):
        print(f"{index} is out of reach, so PyTorch comes with CUDA, too.")
        return False


def _place() -> str:
    return (
        "PyTorch is built for Python 3.11 to 3.14 on Linux, on Windows with an x86-64 "
        "processor, and on macOS 14 or newer with one of Apple's; this is Python "
        f"{platform.python_version()} on {platform.platform()}."
    )


def _install(requirements: list[str], options: list[str]) -> str:
    """Run pip under a progress bar; return what went wrong, in its words."""
    from tqdm import tqdm

    pip = [sys.executable, "-m", "pip"]
    quiet: dict = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    if not _is_there("pip"):  # in a folder that uv made
        subprocess.run([sys.executable, "-m", "ensurepip"], **quiet)
    if not _tells_progress():
        subprocess.run([*pip, "install", "pip>=25"], **quiet)
    kind = "raw" if _tells_progress() else "off"
    command = [*pip, "install", "--no-compile", "--progress-bar", kind]
    fault = ""
    with (
        subprocess.Popen(
            [*command, *options, *requirements],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # half a package would be worse than none
        ) as process,
        tqdm(unit="B", unit_scale=True, desc="asking") as bar,
    ):
        for line in process.stdout or ():
            words = line.split()
            if progress := re.match(r"Progress (\d+) of (\d+)", line):
                bar.n, bar.total = map(int, progress.groups())
                bar.refresh()
            elif words[:1] == ["Downloading"]:
                bar.set_description(words[1].split("/")[-1].split("-")[0])
            elif line.startswith("Installing collected packages:"):
                bar.unit, bar.unit_scale = " packages", False
                bar.set_description("unpacking")
                names = line.partition(":")[2].replace(" ", "").strip().split(",")
                _count(process, names, bar)
            elif line.startswith("ERROR:"):
                fault = line.removeprefix("ERROR:").strip()
    return fault or ("pip failed" if process.returncode else "")


def _tells_progress() -> bool:
    return int(version("pip").partition(".")[0]) >= 25


def _count(process: subprocess.Popen, names: list[str], bar) -> None:
    bar.reset(len(names))
    while process.poll() is None:
        bar.n = sum(map(_is_there, names))
        bar.refresh()
        time.sleep(0.5)
    bar.n = sum(map(_is_there, names))
    bar.refresh()
