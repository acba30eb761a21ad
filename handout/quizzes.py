"""The questions for a learning management system: Moodle's format GIFT, and QTI."""

import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from text2qti.config import Config
from text2qti.qti import QTI
from text2qti.quiz import Quiz


@dataclass
class Question:
    """A question with one right choice, and what is to be said of each."""

    title: str
    text: str
    choices: list[tuple[str, str, bool]]  # what it says, its reason, if it is right


def questions_in(page: str) -> list[Question]:
    """Read the questions of a page: choices as **a** ·, and reasons below them."""
    _, *parts = re.split(r"(?m)^## ", page)
    return list(map(_question, parts))


def _question(part: str) -> Question:
    asked, _, answer = part.partition("<details>")
    title, _, text = asked.partition("\n")
    answer = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", answer)
    (right, reason), *_ = re.findall(r"(?m)^\*\*(\w)\*\* is right: (.+)", answer)
    reasons = {right: f"Right: {reason}"}
    reasons |= dict(re.findall(r"(?m)^- \*\*(\w)\*\*: (.+)", answer))
    choices = [
        (choice, reasons[letter], letter == right)
        for letter, choice in re.findall(r"(?m)^- \*\*(\w)\*\* · (.+)", text)
    ]
    return Question(title.strip(), text.partition("\n- **")[0].strip(), choices)


def gift(page: str) -> str:
    r"""Return the questions of a page in GIFT, with the reasons as feedback.

    The format: https://docs.moodle.org/en/GIFT_format

    Examples
    --------
    >>> page = '''# One question
    ...
    ... ## 1 · A sum
    ...
    ... What is 1 + 1?
    ...
    ... - **a** · 2
    ... - **b** · {1}
    ...
    ... <details>
    ... <summary><b>Answer and reasons</b></summary>
    ...
    ... **a** is right: count. [Notebook 1](01.ipynb) counts.
    ...
    ... - **b**: that is the half.
    ...
    ... </details>'''
    >>> print(gift(page))
    ::1 · A sum::[markdown]What is 1 + 1?{
    =2#Right\: count. Notebook 1 counts.
    ~\{1\}#that is the half.
    }
    <BLANKLINE>
    """
    written = []
    for question in questions_in(page):
        head = f"::{_plain(question.title)}::[markdown]{_plain(question.text)}"
        lines = [
            f"{'=' if right else '~'}{_plain(choice)}#{_plain(reason)}\n"
            for choice, reason, right in question.choices
        ]
        written.append(head + "{\n" + "".join(lines) + "}\n")
    return "\n".join(written)


def _plain(text: str) -> str:
    """Mark what GIFT would read as its own."""
    text = re.sub(r"([\\~=#{}:])", r"\\\1", text.strip())
    return text.replace("\n", r"\n")


def qti(page: str, path: Path) -> None:
    """Write the questions of a page as a package of QTI 1.2, as Canvas imports it."""
    title = re.search(r"(?m)^# (.+)", page)
    lines = [f"Quiz title: {title[1] if title else 'Questions'}", ""]
    for number, question in enumerate(questions_in(page), 1):
        lines += [f"Title: {question.title}", f"{number}.  {_indented(question.text)}"]
        for letter, (choice, reason, right) in zip(
            "abcdefgh", question.choices, strict=False
        ):
            lines += [f"{'*' * right}{letter})  {choice}", f"...  {reason}"]
        lines.append("")
    quiz = Quiz("\n".join(lines), config=Config(), source_name=path.name)
    made = ZipFile(BytesIO(QTI(quiz).zip_bytes()))
    with ZipFile(path, "w") as package:
        for name in made.namelist():  # without the time at which it was made
            package.writestr(ZipInfo(name), made.read(name), ZIP_DEFLATED)


def _indented(text: str) -> str:
    """Let a paragraph go on below its number."""
    return re.sub(r"\n(?=.)", "\n    ", text)
