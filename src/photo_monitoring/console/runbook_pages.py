"""Runbooks as HTML: Markdown without raw HTML, whose links between runbooks stay on the console."""

import re
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

from photo_monitoring.alerts import ALERTS
from photo_monitoring.configuration.settings import Language
from photo_monitoring.console.pages import link
from photo_monitoring.runbooks import RunbookMissingError, runbook

_PAGE: Final = re.compile(r"(?P<alert>[A-Za-z0-9]+)(?:\.ko)?\.md")


def alert_names() -> list[str]:
    """Return the names of all alerts, in the order of their declaration."""
    return list(dict.fromkeys(alert.name for alert in ALERTS))


class RunbookPages:
    """Renders runbooks; a link to another runbook's file leads to its page here, other relative links nowhere."""

    def __init__(self, default: Language) -> None:
        self._default = default
        self._markdown = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])

    def html(self, alert: str, lang: Language) -> str | None:
        """Return a runbook's HTML; None when there is none by that name."""
        try:
            source = runbook(alert, lang)
        except RunbookMissingError:
            return None
        tokens = self._markdown.parse(source)
        for token in tokens:
            for child in token.children or ():
                if child.type == "link_open":
                    self._mend(child, lang)
        body = str(self._markdown.renderer.render(tokens, self._markdown.options, {}))
        # What is wider than a phone scrolls by itself, by keyboard too.
        body = body.replace("<pre>", '<pre tabindex="0">')
        return body.replace("<table>", '<div class="scrolls" tabindex="0"><table>').replace(
            "</table>", "</table></div>"
        )

    def _mend(self, token: Token, lang: Language) -> None:
        target = str(token.attrGet("href") or "")
        parts = urlsplit(target)
        if parts.scheme in {"http", "https"}:
            token.attrSet("rel", "noreferrer")
            return
        page = _PAGE.fullmatch(PurePosixPath(parts.path).name)
        if page and page["alert"] in alert_names():
            token.attrSet("href", link(f"/runbooks/{page['alert']}", lang, self._default))
        elif not target.startswith("#"):
            # A file of the repository: the console has no address for it.
            token.attrs = {"class": "nowhere", "title": target}
