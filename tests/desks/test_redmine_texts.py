"""What people see of our texts in a real Redmine: the HTML that its own formatters make of them."""

from __future__ import annotations

import json
import re

import pytest

from connectors.content import canonical, from_html
from connectors.redmine.texts import write_text
from tests.connectors.redmine.test_texts import MARKDOWN
from tests.desks.redmine_server import RedmineServer

pytestmark = [pytest.mark.desk, pytest.mark.timeout(300)]

FORMATTINGS = ("textile", "common_mark")
#: other people's words, and what must not become of them where an issue shows them
LOUD = (
    ("ask @admin and see #1", ("user active", "/users/", "/issues/1")),
    ("{{toc}} and {{macro_list}}", ('<ul class="toc', "<dl", "collapsed")),
    ("[[Wiki]] and r1 and project:support", ("/wiki/", "/projects/")),
    ("<script>alert(1)</script> <b>x</b>", ("<script", "<b>")),
)


def shown(server: RedmineServer, text: str, formatting: str) -> str:
    """Return the HTML of a text as a page of an issue shows it to an administrator."""
    return str(
        server.ruby(
            f"""
            Setting.text_formatting = {json.dumps(formatting)}
            User.current = User.find_by_login("admin")
            view = ActionView::Base.with_empty_template_cache.empty
            view.extend(ApplicationHelper, Rails.application.routes.url_helpers, ERB::Util)
            view.define_singleton_method(:controller) {{ nil }}
            view.define_singleton_method(:default_url_options) {{ {{ only_path: true }} }}
            text = {json.dumps(text, ensure_ascii=False)}
            view.textilizable(text, object: nil, project: Project.find("support"), only_path: true).to_s
            """
        )
    )


@pytest.mark.parametrize("formatting", FORMATTINGS)
@pytest.mark.parametrize("text", MARKDOWN)
def test_redmine_shows_what_was_written(redmine_server: RedmineServer, text: str, formatting: str) -> None:
    """Its HTML, read as any desk's HTML is, is the Markdown that we had."""
    html = shown(redmine_server, write_text(text, formatting, {}), formatting)
    # what Redmine adds for its own pages: the sign of a heading's address, and the colours of code
    plain = re.sub(r'<a href="#[^"]*" class="wiki-anchor">[^<]*</a>|\u2060', "", html)
    plain = re.sub(r'class="(\w+) syntaxhl"', r'class="language-\1"', plain)
    read = from_html(plain).markdown
    assert " ".join(read.replace("\\", "").split()) == " ".join(text.split()), html


@pytest.mark.parametrize("formatting", FORMATTINGS)
@pytest.mark.parametrize(("text", "never"), LOUD)
def test_words_of_others_do_nothing(
    redmine_server: RedmineServer, text: str, never: tuple[str, ...], formatting: str
) -> None:
    """They call nobody, link nothing and run nothing; as they stand they would."""
    html = shown(redmine_server, write_text(canonical(text), formatting, {}), formatting)
    assert not [word for word in never if word in html], html
