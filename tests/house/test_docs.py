"""What the documents say exists, and what must not be in the tree is not."""

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.house.tree import ROOT, files, relative, text_of

DOCUMENTS = sorted([*files(".md", under="docs"), *(path for path in ROOT.glob("*.md"))])
CODE = [path for folder in ("gateway", "connectors", "rules", "dead_letters") for path in files(".py", under=folder)]
MOST_LINES = 400

#: Written in pieces, so that this file holds neither.
REGISTRY = re.compile(
    r"(?:\b(?:pypi|pythonhosted|npmjs|rubygems|crates)\.(?:org|com|io)\b)"
    r"|(?:\b(?:deb|security|snapshot)\.debian\.org\b)|(?:\bindex-url\b)",
    re.IGNORECASE,
)
MACHINE_PATH = re.compile(r"(?<![\w.})\]>*-])(?:/(?:home|Users|root|work|farm|mnt)/[\w.-]+|[A-Z]:\\Users\\)")
#: The options by which the lock file stays free of them.
ALLOWED = {"Makefile": re.compile(r"--no-emit-index-url")}


def tokens(path: Path) -> list[Token]:
    """Parse a document."""
    return MarkdownIt("commonmark").enable("table").parse(path.read_text(encoding="utf-8"))


def links(path: Path) -> list[str]:
    """Return the targets of a document's links and images, code left out."""
    inline = [child for token in tokens(path) for child in token.children or []]
    return [str(child.attrs.get("href", child.attrs.get("src", ""))) for child in inline if child.nesting >= 0]


def anchors(path: Path) -> set[str]:
    """Return the anchors of a document's headings, as code forges make them."""
    parsed = tokens(path)
    headings = [after.content for token, after in pairwise(parsed) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def local(path: Path) -> list[tuple[str, Path, str]]:
    """Return a document's links within the project: as written, the file they name, the anchor in it."""
    found = []
    for link in links(path):
        if link and not re.match(r"[a-z][a-z0-9+.-]*:", link):
            target, _, anchor = link.partition("#")
            found.append((link, (path.parent / target).resolve() if target else path, anchor))
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_every_link_leads_somewhere(document: Path) -> None:
    """A relative link names a file that exists, and an anchor a heading in it."""
    broken = [link for link, target, _ in local(document) if not target.exists()]
    assert not broken, f"{relative(document)} links to what is not there"
    lost = [
        link
        for link, target, anchor in local(document)
        if anchor and target.suffix == ".md" and anchor not in anchors(target)
    ]
    assert not lost, f"{relative(document)} links to headings that are not there"


def test_every_document_can_be_found() -> None:
    """A reader who starts at the README and follows links reaches every document."""
    reached: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        document = waiting.pop()
        if document in reached or document.suffix != ".md" or not document.exists():
            continue
        reached.add(document)
        waiting += [target for _, target, _ in local(document)]
    assert [relative(path) for path in DOCUMENTS if path not in reached] == []


def test_every_document_that_the_code_names_exists() -> None:
    """A comment or docstring that sends its reader to a document names one in this project."""
    named = {
        (relative(path), name) for path in [*CODE, *files(".py", under="tests")] for name in mentions(text_of(path))
    }
    missing = sorted(f"{where}: {name}" for where, name in named if not ((ROOT / name).exists()))
    assert missing == []


def mentions(text: str) -> set[str]:
    """Return the documents that a file's text names by path, or in capitals."""
    return set(re.findall(r"\bdocs/[\w./-]+\.md\b|(?<![\w/.-])[A-Z][A-Z_]+\.md\b", text))


def test_every_decision_is_in_the_index() -> None:
    """The index of decisions lists each record once, by number and title, and nothing else."""
    index = ROOT / "docs" / "adr" / "README.md"
    rows = re.findall(r"^\| (\d+) \| \[(.+)\]\((.+\.md)\) \| (.+) \|$", index.read_text(encoding="utf-8"), re.MULTILINE)
    records = []
    for path in sorted(index.parent.glob("[0-9]*.md")):
        text = path.read_text(encoding="utf-8")
        title = re.match(r"# (\d+)\. (.+)\n\nStatus: (.+)\n", text)
        assert title, f"{relative(path)} opens with '# <number>. <title>' and its status"
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"], relative(path)
        assert path.name.startswith(f"{int(title[1]):04d}-"), relative(path)
        records.append((title[1], title[2], path.name, title[3]))
    assert rows == records


def test_every_make_target_that_is_named_exists() -> None:
    """A document that says `make something` names a target of the Makefile, and `make help` lists it."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    explained = set(re.findall(r"^([a-z]+):.*## .+$", makefile, re.MULTILINE))
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        named = set(re.findall(r"(?:`|^)make ([a-z][a-z-]*)", text, re.MULTILINE))
        assert named <= explained, relative(document)
    assert {"run", "test", "check", "bench", "lock"} <= explained


def test_the_readme_says_the_two_commands_first() -> None:
    """The first block of the README is `make run` and `make test`, and nothing else."""
    first = next(token.content for token in tokens(ROOT / "README.md") if token.type == "fence")
    assert [line.split("#")[0].strip() for line in first.splitlines()] == ["make run", "make test"]


def test_no_file_names_a_registry_or_a_machine() -> None:
    """No file holds the address of a package registry or a path of somebody's machine."""
    found = []
    for path in files():
        allowed = ALLOWED.get(relative(path))
        for number, line in enumerate(text_of(path).splitlines(), 1):
            rest = allowed.sub("", line) if allowed else line
            if path != Path(__file__) and (REGISTRY.search(rest) or MACHINE_PATH.search(rest)):
                found.append(f"{relative(path)}:{number}: {line.strip()[:100]}")
    assert found == []


@pytest.mark.parametrize("path", CODE, ids=relative)
def test_a_module_says_why_and_stays_small(path: Path) -> None:
    """A module of the product opens with a docstring and has at most 400 lines."""
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), f"{relative(path)} has no docstring"
    assert len(text.splitlines()) <= MOST_LINES, f"{relative(path)}: does it still do one thing?"


def test_the_folders_of_the_product_hold_code() -> None:
    """The four folders are there, so that the tests above have looked at something."""
    assert {path.relative_to(ROOT).parts[0] for path in CODE} == {"gateway", "connectors", "rules", "dead_letters"}
