"""What nbgrader needs to know of this course. Your own settings: nbgrader_config.json.

Each check asks the student's kernel; `Execute` below has what it says confirmed by a
checker in another process, which no answer can reach, and goes on where a kernel dies.
"""

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from threading import Timer

from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbconvert.preprocessors import ClearMetadataPreprocessor
from nbformat.v4 import new_code_cell, new_output
from nbgrader import preprocessors
from nbgrader.plugins import ExtractorPlugin
from nbgrader.utils import is_grade, is_solution
from traitlets import Integer

ROOT = Path(__file__).resolve().parent
JUDGE = ROOT / "judge.py"
CHECK, HANDED_IN = map(
    runpy.run_path(str(ROOT / "grade.py")).get, ["CHECK", "HANDED_IN"]
)


class Execute(preprocessors.Execute):
    """Runs the first cell and the exercises; all of a notebook where they need more.

    A check passes if it raises nothing and the judge confirms it. Where a kernel dies
    or no longer listens, a new one goes on.
    """

    timeout = Integer(120, help="Seconds for a cell of the exercises.").tag(config=True)
    lesson_timeout = Integer(900, help="Seconds for one before them.").tag(config=True)

    def preprocess(self, nb, resources, km=None):
        """Run a notebook."""
        code = [i for i, cell in enumerate(nb.cells) if cell.cell_type == "code"]
        self.start = next((i for i in code if is_solution(nb.cells[i])), 0)
        self.skipped = [i for i in code[1:] if i < self.start]
        self.fatal, self.judge = [], None
        try:
            result = super().preprocess(nb, resources, km)
            shown = str([nb.cells[i].outputs for i in code])
            above = "\n".join(nb.cells[i].source for i in self.skipped)
            missing = re.findall(r"name '(\w+)' is not defined", shown)
            if set(missing) & set(re.findall(r"\w+", above)):
                self.skipped = []
                result = super().preprocess(nb, resources, km)
        finally:
            if self.judge:
                self.judge.kill()
                self.judge.communicate()
        return result

    def preprocess_cell(self, cell, resources, index):
        """Run a cell, and have a check that passes confirmed."""
        if index in self.skipped or index in self.fatal or cell.cell_type != "code":
            return cell, resources
        seconds = self.lesson_timeout if index < self.start else self.timeout
        self.timeout_func = lambda _: seconds
        try:
            super().preprocess_cell(cell, resources, index)
            if "CellTimeoutError" in str(cell.outputs):
                self.fatal.append(index)
            if is_grade(cell) and not failed(cell):
                self.confirm(cell, index)
        except (DeadKernelError, CellTimeoutError) as error:
            fail(cell, type(error).__name__, "The kernel died, or did not listen.")
            self.fatal.append(index)
            self.renew(resources, index)
        return cell, resources

    def confirm(self, cell, index):
        """Fail a check that the judge does not confirm."""
        found = CHECK.search(cell.source)
        if not found:
            return  # a test of the teacher's own
        checker, answer = found.groups()
        if not self.judge or self.judge.poll() is not None:
            self.judge = self.call_judge()
        code = f"__import__('runpy').run_path({str(JUDGE)!r})['lend']"
        lend = new_code_cell(f"{code}({answer}, {self.judge.port})")
        self.judge.stdin.write(f"{checker}\n")
        self.judge.stdin.flush()
        try:
            self.execute_cell(lend, index)
        finally:
            self.nb.cells[index] = cell
            late = Timer(self.timeout, self.judge.kill)  # if nothing was lent
            late.start()
            verdict = self.judge.stdout.readline()
            late.cancel()
        hint = json.loads(verdict or '"no answer was handed over."')
        if hint is not None:
            fail(cell, "NotConfirmed", f"Asked from outside, {checker} says: {hint}")

    def call_judge(self):
        """Start a judge."""
        source = ROOT / "source" / self.resources["nbgrader"]["assignment"]
        pipes = dict.fromkeys(["stdin", "stdout"], subprocess.PIPE)
        where = self.resources["metadata"]["path"]
        command = [sys.executable, "-I", JUDGE, source]
        judge = subprocess.Popen(command, cwd=where, text=True, **pipes)
        judge.port = int(judge.stdout.readline())
        return judge

    def renew(self, resources, index):
        """Start a new kernel, and bring it to where the old one was."""
        self._cleanup_kernel()
        self.create_kernel_manager()
        self.start_new_kernel()
        self.start_new_kernel_client()
        for earlier, cell in enumerate(self.nb.cells[:index]):
            if cell.cell_type == "code" and not is_grade(cell) and not failed(cell):
                self.preprocess_cell(cell, resources, earlier)


class Bonus(preprocessors.SaveAutoGrades):
    """Gives a point beyond what is asked for a check of 0 points that passes."""

    points = Integer(1, help="For each of them.").tag(config=True)

    def preprocess_cell(self, cell, resources, index):
        """Write it into the gradebook."""
        if is_grade(cell) and not cell.metadata["nbgrader"]["points"]:
            names = self.notebook_id, self.assignment_id, self.student_id
            name = cell.metadata["nbgrader"]["grade_id"]
            grade = self.gradebook.find_grade(name, *names)
            passed = cell.cell_type == "code" and not failed(cell)
            grade.extra_credit = self.points * passed
            self.gradebook.db.commit()
        return cell, resources


class Extractor(ExtractorPlugin):
    """Unpacks hand-ins; of copies of a notebook, keeps the one a student made last."""

    def extract(self, archive_path, extracted_path):
        """Fill the folder."""
        super().extract(archive_path, extracted_path)
        last = {}
        for path in sorted(Path(extracted_path).rglob("*.ipynb")):
            place = path.relative_to(extracted_path).as_posix()
            if found := re.match(HANDED_IN, place):
                whose = found["student_id"], found["file_id"]
                number = int(found["copy"] or found["own"] or 0)
                *older, newest = sorted([*last.get(whose, []), (number, path)])
                last[whose] = [newest]
                for _, left in older:
                    left.unlink()


def failed(cell):
    """Say whether a cell has ended with an error."""
    return any(output.output_type == "error" for output in cell.outputs)


def fail(cell, kind, words):
    """Give a cell an error that nbgrader counts, and shows in the feedback."""
    error = {"ename": kind, "evalue": words, "traceback": [f"{kind}: {words}"]}
    cell.outputs.append(new_output("error", **error))


# nbgrader calls `alembic` by its name, which stands beside this Python.
os.environ["PATH"] = os.pathsep.join(
    [str(Path(sys.executable).parent), os.environ["PATH"]]
)

c = get_config()  # type: ignore # noqa: F821 (by nbgrader)
c.CourseDirectory.course_id = "pixel"
c.ClearSolutions.enabled = False  # the stubs are there, with their signatures
c.IgnorePattern.enabled = True  # a warning or a progress bar is no error
c.IgnorePattern.pattern = "."
c.Autograde.autograde_preprocessors = [
    Execute,
    preprocessors.IgnorePattern,
    ClearMetadataPreprocessor,
    preprocessors.LimitOutput,
    preprocessors.SaveAutoGrades,
    Bonus,
    preprocessors.AssignLatePenalties,
    preprocessors.CheckCellMetadata,
]
# One zip or folder for each student, named by him, or Moodle's zip of all of them.
c.ZipCollectApp.extractor_plugin = Extractor
c.FileNameCollectorPlugin.valid_ext = [".ipynb", ".jpg", ".jpeg", ".png"]
c.FileNameCollectorPlugin.named_regexp = rf".*[/\\]extracted[/\\]{HANDED_IN}"
