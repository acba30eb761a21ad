"""The questions for a learning management system, in Moodle's format GIFT."""

import re


def gift(questions: str) -> str:
    r"""Return questions in GIFT, with the reasons as feedback.

    The format: https://docs.moodle.org/en/GIFT_format

    Examples
    --------
    >>> print(gift('''# One question
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
    ... </details>'''))
    ::1 · A sum::[markdown]What is 1 + 1?{
    =2#Right\: count. Notebook 1 counts.
    ~\{1\}#that is the half.
    }
    <BLANKLINE>
    """
    _, *parts = re.split(r"(?m)^## ", questions)
    return "\n".join(map(_question, parts))


def _question(part: str) -> str:
    asked, _, answer = part.partition("<details>")
    title, _, text = asked.partition("\n")
    answer = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", answer)
    (right, reason), *_ = re.findall(r"(?m)^\*\*(\w)\*\* is right: (.+)", answer)
    reasons = {right: f"Right: {reason}"}
    reasons |= dict(re.findall(r"(?m)^- \*\*(\w)\*\*: (.+)", answer))
    lines = [
        f"{'=' if letter == right else '~'}{_plain(choice)}#{_plain(reasons[letter])}\n"
        for letter, choice in re.findall(r"(?m)^- \*\*(\w)\*\* · (.+)", text)
    ]
    text = text.partition("\n- **")[0]
    head = f"::{_plain(title)}::[markdown]{_plain(text)}"
    return head + "{\n" + "".join(lines) + "}\n"


def _plain(text: str) -> str:
    """Mark what GIFT would read as its own."""
    text = re.sub(r"([\\~=#{}:])", r"\\\1", text.strip())
    return text.replace("\n", r"\n")
