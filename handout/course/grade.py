"""Say who did which exercise, without nbgrader: hand-ins in, a CSV out.

python grade.py FOLDER >grades.csv

FOLDER holds a zip or a folder for each student, named by him, or Moodle's zip of all.
An answer runs in a kernel of its own; whether it is right is decided in another
process, which no answer can reach. `source/pixel` beside this file says what is asked.
"""

import csv
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from queue import Empty
from threading import Thread, Timer
from typing import Any

import nbformat
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpecManager

ROOT = Path(__file__).resolve().parent
SOURCE, JUDGE = ROOT / "source" / "pixel", ROOT / "judge.py"
CHECK = re.compile(r"^(?:exercises\.)?(check_\w+)\((\w+)\)", re.M)
PICTURES = (".jpg", ".jpeg", ".png")
# Whose a file is, and which; a browser adds " (1)" to its name, JupyterLab "-Copy1".
# Moodle puts all into one folder, of folders or of files that are named by students.
HANDED_IN = (
    r"(?:[^/\\]+[/\\](?=[^/\\]+_\d+_assignsubmission_file))?"
    r"(?P<student_id>[^/\\]+?)(?:_assignsubmission_file_?[/\\]?|[/\\])"
    r"(?:(?!images)[^/\\.][^/\\]*[/\\])*"
    r"(?P<file_id>[^/\\.][^/\\]*?)(?: ?\((?P<copy>\d+)\)|-Copy(?P<own>\d+))?\.\w+$"
)
SECONDS, LESSON_SECONDS = 120, 900  # for a cell from the first exercise on; above it


class Stopped(Exception):
    """Why a kernel is of no more use."""


class Answers:
    """A kernel that has run what a student handed in, but for what ended it."""

    def __init__(self, cells: Sequence[tuple[str, float]], folder: Path):
        self.cells, self.folder = cells, folder
        self.fatal: set[int] = set()
        self.missing: set[str] = set()
        self.judge: Any = None  # Popen, with its pipes
        self.start()

    def start(self) -> None:
        """Run the cells in a new kernel, but for those that end it."""
        self.manager = KernelManager(
            kernel_name="python3",
            # No folder to search: a user's own kernel may also be called python3.
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
            transport_encryption="auto",  # without it the kernel prints a warning
        )
        self.manager.start_kernel(cwd=self.folder)
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=600)  # on a busy machine
        for index, (source, seconds) in enumerate(self.cells):
            if index not in self.fatal:
                try:
                    error = self.run(source, seconds)
                    self.missing |= {*re.findall(r"name '(\w+)' is not defined", error)}
                except Stopped:
                    self.fatal.add(index)
                    self.end_kernel()
                    return self.start()

    def run(self, source: str, seconds: float, done=lambda: False) -> str:
        """Run a cell, no longer than until it is done; return its error, or nothing."""
        asked = self.client.execute(source, store_history=False, allow_stdin=False)
        error, end = "", time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                message = self.client.get_iopub_msg(timeout=1)
            except Empty:
                if not self.manager.is_alive():
                    raise Stopped("the kernel died.") from None
                if done():
                    break
                continue
            if message["parent_header"].get("msg_id") == asked:
                said = message["content"]
                if message["msg_type"] == "error":
                    error = f"{said['ename']}: {said['evalue']}"
                elif said.get("execution_state") == "idle":
                    return error
        raise Stopped(f"it took longer than {seconds:.0f} seconds.")

    def hint(self, checker: str, name: str) -> str | None:
        """Return what a checker says of an answer, or None if it is right."""
        if not self.judge or self.judge.poll() is not None:
            self.judge = subprocess.Popen(
                [sys.executable, "-I", str(JUDGE), str(SOURCE)],
                cwd=self.folder,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            self.port = int(self.judge.stdout.readline())
        judge = self.judge
        judge.stdin.write(f"{checker}\n")
        judge.stdin.flush()
        said = Future[str]()
        Thread(target=lambda: said.set_result(judge.stdout.readline())).start()
        lend = f"__import__('runpy').run_path({str(JUDGE)!r})['lend']"
        try:
            error = self.run(f"{lend}({name}, {self.port})", SECONDS, said.done)
        except Stopped as stopped:
            error = str(stopped)
            self.end_kernel()
            self.start()
        late = Timer(2 if error else SECONDS, judge.kill)  # if nothing was lent
        late.start()
        verdict = said.result()
        late.cancel()
        if not verdict:
            judge.wait()  # on a busy machine it takes a while to be gone
        return json.loads(verdict) if verdict else error or "nothing was lent."

    def end(self) -> None:
        """End the kernel, and the judge."""
        self.end_kernel()
        if self.judge:
            self.judge.kill()
            self.judge.communicate()

    def end_kernel(self) -> None:
        """End the kernel alone."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def asked_in(source: Path) -> dict[str, list[tuple[str, bool, str, str]]]:
    """Return each notebook's exercises: title, bonus, checker, name of the answer."""
    asked = {}
    for path in sorted(source.rglob("*.ipynb")):
        title, found = "", []
        for cell in nbformat.read(path, 4).cells:
            if cell.cell_type == "markdown":
                headings = re.findall(r"(?m)^#+ (.+)$", cell.source)
                title = headings[-1] if headings else title
            elif (mark := cell.metadata.get("nbgrader", {})).get("grade"):
                call = CHECK.search(cell.source)
                if call:
                    found.append((title, not mark["points"], call[1], call[2]))
        if found:
            asked[path.stem] = found
    return asked


def hand_ins(folder: Path, unpacked: Path) -> dict[str, list[Path]]:
    """Return what each student handed in, out of its zips."""
    shutil.copytree(folder, unpacked, dirs_exist_ok=True)
    while archives := sorted(unpacked.rglob("*.zip")):
        for path in archives:
            try:
                with zipfile.ZipFile(path) as archive:
                    archive.extractall(path.with_suffix(""))
            except (zipfile.BadZipFile, OSError) as error:
                print(f"{path.name} can't be unpacked: {error}", file=sys.stderr)
            path.unlink()
    found: dict[str, list[Path]] = {}
    for path in sorted(unpacked.rglob("*")):
        if path.suffix in (".ipynb", *PICTURES) and not path.name.startswith("."):
            place = path.relative_to(unpacked).as_posix()
            match = re.match(HANDED_IN, place)
            student = match["student_id"] if match else path.stem
            if match or "/" not in place:
                found.setdefault(student, []).append(path)
    return found


def grade(path: Path, asked: dict, pictures: list[Path]) -> dict:
    """Return the hint for each exercise of a hand-in, or None where it is right.

    Which notebook it is, its exercises tell, whatever the file is called.
    """
    cells = nbformat.read(path, 4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    called = {name for cell in code for name, _ in CHECK.findall(cell.source)}
    fits = {n: len(called & {c for _, _, c, _ in found}) for n, found in asked.items()}
    name = max(fits, key=fits.__getitem__)
    if not fits[name]:
        names = [name for name in asked if name in path.name]
        if not names:
            raise ValueError("none of its cells is an exercise of the series")
        name = names[0]
    marks = [cell.metadata.get("nbgrader", {}) for cell in code]
    first = next((i for i, mark in enumerate(marks) if mark.get("solution")), 1)
    runs = [
        (cell.source, SECONDS if i >= first else LESSON_SECONDS)
        for i, cell in enumerate(code)
        if not CHECK.search(cell.source)
    ]
    above = [cell.source for cell in code[1:first]]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "pixel"
        shutil.copytree(SOURCE, folder)
        for picture in pictures:
            shutil.copy(picture, folder)
        answers = Answers([run for run in runs if run[0] not in above], folder)
        try:
            words = set(re.findall(r"\w+", "\n".join(above)))
            if answers.missing & words:  # an answer needs a name from further up
                answers.end()
                answers = Answers(runs, folder)
            return {
                (name, title, bonus): answers.hint(checker, variable)
                for title, bonus, checker, variable in asked[name]
            }
        finally:
            answers.end()


def main(folder: Path) -> None:
    """Print the table; say on the way who is done, and what can't be read."""
    asked = asked_in(SOURCE)
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(["student", "notebook", "exercise", "right", "hint"])
    with tempfile.TemporaryDirectory() as place:
        for student, paths in hand_ins(folder, Path(place)).items():
            start = time.perf_counter()
            results: dict[tuple, str | None] = {}
            pictures = [path for path in paths if path.suffix in PICTURES]
            for path in [path for path in paths if path.suffix == ".ipynb"]:
                try:
                    # Of two copies of a notebook, a right answer in either counts.
                    for exercise, hint in grade(path, asked, pictures).items():
                        if results.get(exercise, "") is not None:
                            results[exercise] = hint
                except Exception as error:
                    reason = str(error).partition("\n")[0]
                    table.writerow(
                        [student, path.name, "", "no", f"not read: {reason}"]
                    )
            for (name, title, _), hint in results.items():
                row = [student, name, title, "no" if hint else "yes", hint or ""]
                table.writerow(row)
            sys.stdout.flush()
            right = Counter(bonus for (*_, bonus), hint in results.items() if not hint)
            print(
                f"{student}: {right[False]} right, and {right[True]} optional; "
                f"{time.perf_counter() - start:.0f} s",
                file=sys.stderr,
            )


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        sys.exit("Name the folder of the hand-ins: python grade.py FOLDER >grades.csv")
    main(Path(sys.argv[1]))
