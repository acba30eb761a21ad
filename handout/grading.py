"""A course folder of nbgrader: what it grades, and what it needs to know for that."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from nbconvert.preprocessors import Preprocessor

from .copies import copy_parts
from .lesson import (
    HERE,
    TITLE,
    Lesson,
    exercises,
    fill,
    optional,
    process,
    tagged,
    write_files,
    write_notebook,
)

COURSE = "nbgrader"
NBGRADER = "nbgrader==0.9.6"  # with which it was tried
ASSIGNMENT = "pixel"  # one, so that the links between the notebooks lead somewhere
UP = re.compile(r"""(\]\(|\b(?:src|href)=["'])\.\./""")
TWICE_UP = re.compile(UP.pattern + r"(?=\.\./)")  # from the folder of the evidence
CALL = re.compile(r"((?:exercises\.)?check_\w+)(\(\w+\))")
HIDDEN = """
### BEGIN HIDDEN TESTS
hint = {checker}.hint{answer}
assert hint is None, hint
### END HIDDEN TESTS"""


class Source(Preprocessor):
    """Adds the hidden tests; links to what stands beside a notebook, not above it."""

    def __init__(self, up: re.Pattern):
        super().__init__()
        self.up = up

    def preprocess_cell(self, cell, resources, index):
        """Change one cell."""
        if cell.cell_type == "markdown":
            cell.source = self.up.sub(r"\1", cell.source)
        call = CALL.fullmatch(cell.source.strip())
        if tagged(cell, "check") and call:
            cell.source += HIDDEN.format(checker=call[1], answer=call[2])
        return cell, resources


def make(lessons: list[Lesson], folder: Path) -> None:
    """Write the course folder, of the lessons as a student gets them."""
    source = folder / COURSE / "source" / ASSIGNMENT
    copy_parts(source, lessons, without="notebooks/")
    for lesson in lessons:
        changes = Source(TWICE_UP if lesson.folder else UP)
        notebook, files = process(lesson, changes)
        write_notebook(notebook, source / lesson.path)
        write_files(files, source / lesson.folder)
    for name in ["nbgrader_config.py", "judge.py", "grade.py"]:
        shutil.copyfile(HERE / "course" / name, folder / COURSE / name)
    titles = [title for lesson in lessons for title, _ in exercises(lesson)]
    bonus = sum(map(optional, titles))
    readme = fill(
        "course/README.md",
        title=TITLE,
        nbgrader=NBGRADER,
        exercises=str(len(titles) - bonus),
        optional=str(bonus),
    )
    (folder / COURSE / "README.md").write_text(readme, "utf-8", newline="\n")


def parts_of(made: Path) -> Iterator[Path]:
    """Yield what a new build replaces: in a course folder, only what it has made."""
    for part in sorted(made.iterdir()):
        if part.name == COURSE:
            yield from (path for path in sorted(part.iterdir()) if path.is_file())
            yield part / "source" / ASSIGNMENT
        else:
            yield part
