"""The page on measuring a network of one's own: each block runs, and prints that."""

import contextlib
import io
import re

from notebook_checks import ROOT

PAGE = (ROOT / "handout" / "measure.md").read_text("utf-8")
BLOCK = re.compile(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.S)


def faults(page):
    """What the blocks of code, run one after the other, print otherwise."""
    names: dict = {}
    found = []
    for code, said in BLOCK.findall(page):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, names)
        if printed.getvalue() != said:
            found.append(f"said {said!r}, prints {printed.getvalue()!r}")
    names["test_it_keeps_its_answer"]()
    return found


def test_each_block_prints_what_the_page_says():
    assert faults(PAGE) == []


def test_another_number_is_found():
    page = re.sub(r"consistency \d+\.", "consistency 9.", PAGE, count=1)
    assert len(faults(page)) == 1
