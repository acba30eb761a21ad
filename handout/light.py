"""Make a site light: what its pages do not use goes, icons come with the page."""

import re
from functools import cache
from pathlib import Path

import tinycss2

SELECTORS = re.compile(r",(?![^()]*\))")  # commas, but for those in :is(…)
CONDITION = re.compile(r":(?:not|is|where|has)\([^)]*\)")
CLASS = re.compile(r"\.([\w-]+)")


def lighten(site: Path) -> None:
    """Take 3 of 4 parts of what a page loads of the theme out of a site."""
    scripts = site / "_static" / "scripts"
    icons = scripts.joinpath("fontawesome.js").read_text("utf-8")
    for path in [scripts / "fontawesome.js", *site.rglob("*.map")]:
        path.unlink()
    used = set()
    for page in site.rglob("*.html"):
        text = with_icons(page.read_text("utf-8"), icons)
        # What the page's end loads anyway would come before the styles: no paint.
        text = re.sub(r'<link rel="preload" as="script"[^>]*>', "", text)
        if page.name != "search.html":  # on all others nobody waits for the index
            text = re.sub(
                r"<script(?= src=\S*(?:search|language_))", "<script defer", text
            )
        page.write_text(text, "utf-8")
        for names in re.findall(r'class="([^"]*)"', text):
            used |= set(names.split())
    for script in site.rglob("*.js"):  # what a script adds, it has to name
        used |= set(re.findall(r"[\w-]+", script.read_text("utf-8")))
    for style in site.joinpath("_static").rglob("*.css"):
        rules = tinycss2.parse_stylesheet(style.read_text("utf-8"), True, True)
        style.write_text(used_rules(rules, used), "utf-8")


def with_icons(page: str, icons: str) -> str:
    """Draw a page's icons into it; the script that would holds all there are.

    Examples
    --------
    >>> with_icons('<i class="fas fa-x"></i>', '{"x":[8,9,[],"f0","M0"]}')
    '<svg class="fas fa-x" aria-hidden="true" viewBox="0 0 8 9"><path d="M0"/></svg>'
    """

    @cache
    def shape(name):  # the last of its name: solid comes after brands and outlines
        form = rf'[{{,]"?{name}"?:\[(\d+),(\d+),\[[^\]]*\],"[^"]*","([^"]*)"\]'
        width, height, path = re.findall(form, icons)[-1]
        return f'viewBox="0 0 {width} {height}"><path d="{path}"/></svg>'

    def draw(match):
        return f'<svg{match[1]} aria-hidden="true" {shape(match[2])}'

    page = re.sub(r"<script[^>]*fontawesome.js[^>]*></script>", "", page)
    return re.sub(r'<i( class="fa\S* fa-([\w-]+)[^>]*)></i>', draw, page)


def used_rules(rules: list, used: set[str]) -> str:
    """Return the rules of a style sheet that can meet one of the classes in use.

    Examples
    --------
    >>> sheet = "p,.a{color:red}.b .a{top:0}@media print{.b{top:0}.a{left:0}}"
    >>> used_rules(tinycss2.parse_stylesheet(sheet), {"a"})
    'p,.a{color:red}@media print{.a{left:0}}'
    """
    kept = []
    for rule in rules:
        if rule.type == "qualified-rule":
            selectors = SELECTORS.split(tinycss2.serialize(rule.prelude))
            needs = [set(CLASS.findall(CONDITION.sub("", one))) for one in selectors]
            if any(names <= used for names in needs):
                kept.append(rule.serialize())
        elif rule.lower_at_keyword in ("media", "supports", "layer") and rule.content:
            inner = used_rules(tinycss2.parse_rule_list(rule.content, True, True), used)
            condition = tinycss2.serialize(rule.prelude)
            kept.append(f"@{rule.at_keyword}{condition}{{{inner}}}" if inner else "")
        else:
            kept.append(rule.serialize())
    return "".join(kept)
