"""Make web pages, print and copies to hand out from the notebooks as they are stored.

python -m handout.build [folder] [01 02 …]    fills build/, or that folder

Numbers make an edition of these notebooks, and of the evidence that belongs to them.

Nothing is run and, once the page photo has its network, nothing is fetched; the same
notebooks give the same files.
"""

import dataclasses
import re
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout
from nbconvert.preprocessors import Preprocessor

from . import cheat_sheet, copies, figures, grading, paper, web
from .lesson import EVIDENCE, ROOT, Lesson, missing, process, read, without_links
from .quizzes import gift, qti


def build(
    folder: Path, notebooks: Path = ROOT / "notebooks", numbers: Sequence[str] = ()
) -> None:
    """Make everything anew in a folder; what is there stays until all is made."""
    lessons = edition(lessons_in(notebooks), numbers)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock", timeout=0):
        new = folder / ".new"
        shutil.rmtree(new, ignore_errors=True)  # of a build that was ended
        try:
            made, stage = new / "made", new / "stage"
            blank = [copies.blank(lesson) for lesson in lessons]
            copies.make(blank, made, "student")
            copies.make(lessons, made, "teacher")
            grading.make(blank, made)
            quiz = made / "student" / "notebooks" / "questions.md"
            text = quiz.read_text("utf-8")
            (made / "questions.gift").write_text(gift(text), "utf-8", newline="\n")
            qti(text, made / "questions_qti.zip")
            unsolved = [copies.without_solutions(lesson) for lesson in lessons]
            make_edition(unsolved, blank, made / "student.zip", made, stage / "1")
            target = made / "solutions"
            make_edition(lessons, lessons, made / "teacher.zip", target, stage / "2")
            replace(made, folder, new / "old")
        finally:
            shutil.rmtree(new, ignore_errors=True)


def make_edition(
    lessons: list[Lesson], given: list[Lesson], archive: Path, folder: Path, stage: Path
) -> None:
    """Make print and web pages, with a copy of the notebooks to download."""
    paper.make(lessons, folder / "pdf", stage / "pdf")
    cheat_sheet.make(lessons, folder / "pdf", stage / "sheet")
    sheet = stage / "figures.zip"
    figures.make(lessons, sheet, stage / "figures")
    files = [archive, *sorted((folder / "pdf").iterdir()), sheet]
    web.make(lessons, given, files, folder / "html", stage / "html")


def lessons_in(folder: Path) -> list[Lesson]:
    """Read the notebooks of a folder that have the form of the series."""
    lessons = []
    evidence = sorted(folder.joinpath(EVIDENCE).glob("*.ipynb"))
    for path in [*sorted(folder.glob("*.ipynb")), *evidence]:
        reason = (
            "its first cell does not begin with a title, a line like `# 8 · My own`"
        )
        try:
            lesson = read(path)
        except ValueError as fault:
            lesson, reason = None, str(fault)
        if lesson:
            lessons.append(lesson)
            if re.match(r"\d\d_", path.name) and not lesson.folder:
                for part in missing(lesson):
                    print(
                        f"{path.name} has no {part}, and its page lacks that. If it is "
                        "called otherwise, the words stand in handout/lesson.py.",
                        file=sys.stderr,
                    )
        else:
            print(f"{path.name} is left out: {reason}.", file=sys.stderr)
    if not lessons:
        raise SystemExit(f"There is no notebook with a title in {folder}.")
    return lessons


def edition(lessons: list[Lesson], numbers: Sequence[str]) -> list[Lesson]:
    """Return the lessons of these numbers, or all; links to others become text."""
    known = {lesson.name.partition("_")[0] for lesson in lessons}
    if unknown := set(numbers) - known:
        have = ", ".join(sorted(known))
        raise SystemExit(f"There is no notebook {min(unknown)}. There are: {have}.")
    chosen = [
        lesson
        for lesson in lessons
        if not numbers or lesson.name.partition("_")[0] in numbers
    ]
    unlinked = Unlinked({lesson.name for lesson in chosen})
    return [
        dataclasses.replace(lesson, node=process(lesson, unlinked)[0])
        for lesson in chosen
    ]


class Unlinked(Preprocessor):
    """Makes words of the links to notebooks that are left out."""

    def __init__(self, names: set[str]):
        super().__init__()
        self.names = names

    def preprocess_cell(self, cell, resources, index):
        """Change one cell."""
        if cell.cell_type == "markdown":
            cell.source = without_links(cell.source, self.names)
        return cell, resources


def replace(made: Path, folder: Path, old: Path) -> None:
    """Put each part in the place of its predecessor."""
    for part in grading.parts_of(made):
        place = folder / part.relative_to(made)
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists():
            kept = old / part.relative_to(made)
            kept.parent.mkdir(parents=True, exist_ok=True)
            place.rename(kept)
        part.rename(place)


def main(arguments: list[str]) -> None:
    """Fill the folder that was named, and say so."""
    start = time.perf_counter()
    numbers = [word for word in arguments if re.fullmatch(r"\d\d", word)]
    (folder,) = [Path(x) for x in arguments if x not in numbers] or [ROOT / "build"]
    try:
        build(folder, numbers=numbers)
    except Timeout:
        sys.exit(f"Another build fills {folder} just now. Wait until it is done.")
    except PermissionError as error:
        sys.exit(
            f"{folder} can't be filled, and stays as it was: {error}. Name a folder "
            "of your own: .venv/bin/python -m handout.build FOLDER"
        )
    except OSError as error:
        sys.exit(f"{folder} can't be filled, and stays as it was: {error}")
    except KeyboardInterrupt:
        sys.exit(f"Interrupted: {folder} stays as it was.")
    seconds = time.perf_counter() - start
    print(
        f"{folder}: html, pdf, student, teacher, nbgrader, solutions, "
        f"questions.gift, questions_qti.zip; {seconds:.0f} s"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
