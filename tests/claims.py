"""The series' general sentences: where each is asserted, and over what it ranges.

python tests/claims.py      the table of all, as ``make claims`` prints it

A general sentence stands in italics, or is a row of a table of verdicts. A comment that
no reader sees follows it: ``<!-- holds in drifts: 7 photos, every shift to 64 -->``.
"""

import ast
import re
from pathlib import Path

import nbformat
import notebook_checks as checks

HOLDS = re.compile(r"\s*<!--\s*holds in ([\w-]+(?:,\s*[\w-]+)*):\s*(.+?)\s*-->", re.S)
ITALIC = re.compile(r"(?<![\w*])\*(?=[^\s*])([^*]+?[.:!])\*(?![\w*])")
NO_CLAIM = re.compile(r"(?s)<details>.*?</details>|```.*?```|`[^`\n]*`|\[[^\]]*\]")
VERDICTS = re.compile(r"verdict|what you measured|found", re.I)
# A number of photos or of seeds that is small enough to be said in words.
FEW = {"photo": 6, "image": 6, "seed": 10, "network": 10, "start": 10}
WORDS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def general_sentences(text):
    """Yield each general sentence of a Markdown cell, and what follows it."""
    hidden = NO_CLAIM.sub(lambda match: "·" * len(match[0]), text)
    for match in ITALIC.finditer(hidden):
        yield text[match.start(1) : match.end(1)], text[match.end() :]
    for table in re.findall(r"(?m)(?:^\|.*\n?)+", text):
        head, _, *rows = table.strip().splitlines()
        if VERDICTS.search(head):
            yield from ((row, row[i:]) for row in rows for i in [_comment(row)])


def _comment(row):
    found = HOLDS.search(row)
    return found.start() if found else len(row)


def claims(notebook, name):
    """Yield (sentence, notebook, cells, range) of each; None where it is not said."""
    for cell in notebook.cells[1:]:
        if cell.cell_type == "markdown" and not cell.source.startswith("### Further"):
            reading = cell.source.split("### Further reading")[0]
            for sentence, rest in general_sentences(reading):
                found = HOLDS.match(rest)
                cells = re.split(r",\s*", found[1]) if found else None
                yield sentence, name, cells, found[2] if found else None, reading


def check_claims(notebook, name=""):
    """What a general sentence lacks: a cell, its assert, a range, the word for few."""
    cells = {cell.id: cell for cell in checks.code_cells(notebook)}
    faults = []
    for sentence, _, named, over, text in claims(notebook, name):
        if named is None:
            faults.append(f"says neither where it holds nor over what: {sentence}")
            continue
        if not set(named) <= cells.keys():
            faults.append(f"no such code cell as {', '.join(named)}: {sentence}")
        elif not any(_asserts(cells[each]) for each in named):
            faults.append(f"nothing is asserted in {', '.join(named)}: {sentence}")
        for number, what in re.findall(r"(\d+) (?:\w+ )?(\w+?)s?\b", over):
            few = int(number) < FEW.get(what, 0)
            said = rf"\b({number}|{_word(int(number))})\b"
            if few and not re.search(
                said, HOLDS.sub("", _paragraph(text, sentence)), re.I
            ):
                faults.append(f"{number} {what}s, which it does not say: {sentence}")
    return faults


def _asserts(cell):
    return any(
        isinstance(node, ast.Assert) for node in ast.walk(ast.parse(cell.source))
    )


def _word(number):
    return WORDS[number] if number < len(WORDS) else str(number)


def _paragraph(text, sentence):
    return next(part for part in text.split("\n\n") if sentence in part)


def main():
    print("| claim | asserted in | over |\n|---|---|---|")
    for path in checks.NOTEBOOKS:
        notebook = nbformat.read(path, as_version=4)
        for sentence, name, cells, over, _ in claims(notebook, Path(path).stem):
            short = re.sub(r"<!--.*?-->|\s+", " ", sentence.strip("| ")).strip()
            where = ", ".join(cells) if cells else "?"
            print(f"| {short} | {name}: {where} | {over or '?'} |")


if __name__ == "__main__":
    main()
