"""A course folder of nbgrader: what it grades, and what it needs to know for that."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from nbconvert.preprocessors import Preprocessor

from .copies import parts
from .lesson import HERE, TITLE, Lesson, fill, process, tagged, write_notebook

COURSE = "nbgrader"
NBGRADER = "nbgrader==0.9.6"  # with which it was tried
ASSIGNMENT = "pixel"  # one, so that the links between the notebooks lead somewhere
UP = re.compile(r"""(\]\(|\b(?:src|href)=["'])\.\./""")
CALL = re.compile(r"((?:exercises\.)?check_\w+)(\(\w+\))")
HIDDEN = """
### BEGIN HIDDEN TESTS
hint = {checker}.hint{answer}
assert hint is None, hint
### END HIDDEN TESTS"""


class Source(Preprocessor):
    """Adds the hidden tests; links to what stands beside a notebook, not above it."""

    def preprocess_cell(self, cell, resources, index):
        """Change one cell."""
        if cell.cell_type == "markdown":
            cell.source = UP.sub(r"\1", cell.source)
        call = CALL.fullmatch(cell.source.strip())
        if tagged(cell, "check") and call:
            cell.source += HIDDEN.format(checker=call[1], answer=call[2])
        return cell, resources


def make(lessons: list[Lesson], folder: Path) -> None:
    """Write the course folder, of the lessons as a student gets them."""
    source = folder / COURSE / "source" / ASSIGNMENT
    for part, path in parts():
        target = source / part.removeprefix("notebooks/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    for lesson in lessons:
        write_notebook(process(lesson, Source())[0], source / f"{lesson.name}.ipynb")
    for name in ["nbgrader_config.py", "judge.py"]:
        shutil.copyfile(HERE / "course" / name, folder / COURSE / name)
    headings = [heading for lesson in lessons for heading in exercises(lesson)]
    optional = sum("optional" in heading for heading in headings)
    readme = fill(
        "course/README.md",
        title=TITLE,
        nbgrader=NBGRADER,
        exercises=str(len(headings) - optional),
        optional=str(optional),
    )
    (folder / COURSE / "README.md").write_text(readme, "utf-8", newline="\n")


def exercises(lesson: Lesson) -> list[str]:
    """Return the last heading above each check of a lesson."""
    found, heading = [], ""
    for cell in lesson.node.cells:
        if cell.cell_type == "markdown":
            heading = [heading, *re.findall("^#+ (.+)", cell.source, re.M)][-1]
        elif tagged(cell, "check"):
            found.append(heading)
    return found


def parts_of(made: Path) -> Iterator[Path]:
    """Yield what a new build replaces: in a course folder, only what it has made."""
    for part in sorted(made.iterdir()):
        if part.name == COURSE:
            yield from (path for path in sorted(part.iterdir()) if path.is_file())
            yield part / "source" / ASSIGNMENT
        else:
            yield part
