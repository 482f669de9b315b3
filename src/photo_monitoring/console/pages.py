"""The pages' frame: one HTML document without inline script or style, filled by the modules that it names."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, Final

from photo_monitoring.configuration.settings import Language
from photo_monitoring.console.assets import Assets
from photo_monitoring.console.boards import Board
from photo_monitoring.criteria import Text

TITLE: Final = "photo-api"

_NAVIGATION: Final = (("/", Text("지금", "Now")), ("/alerts", Text("알림", "Alerts")))
_RUNBOOKS: Final = ("/runbooks", Text("런북", "Runbooks"))
_CURRENT: Final = ' aria-current="page"'
_SKIP: Final = Text("본문으로", "Skip to content")
_MENU: Final = Text("메뉴", "Menu")
_LANGUAGE: Final = Text("English", "한국어")
_THEME: Final = Text("밝은 화면과 어두운 화면 바꾸기", "Switch between light and dark")
_NO_SCRIPT: Final = Text("이 화면에는 자바스크립트가 필요합니다.", "This page needs JavaScript.")
_LOGIN: Final = Text("로그인", "Log in")
_PASSWORD: Final = Text("접속 토큰", "Access token")
_WRONG: Final = Text("토큰이 맞지 않습니다.", "That is not the token.")
_TOO_OFTEN: Final = Text("실패가 너무 많습니다. 1분 뒤에 다시 시도하세요.", "Too many failures: try again in a minute.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page: its script's name for it, title, content that needs no script, and what the script has to know."""

    kind: str
    path: str
    title: str
    lang: Language
    content: str = ""
    config: dict[str, Any] = field(default_factory=dict)


def link(path: str, lang: Language, default: Language) -> str:
    """Return a local address that keeps the language where it is not the default one."""
    if lang == default:
        return path
    return f"{path}{'&' if '?' in path else '?'}lang={lang}"


def short_title(title: str) -> str:
    """Return a dashboard's title without the name of the system, which the menu says already."""
    short = re.sub(r"^photo[ -]api[:·–-]?\s+", "", title, flags=re.IGNORECASE)
    return short[:1].upper() + short[1:]


class Frame:
    """Writes whole documents around pages."""

    def __init__(self, assets: Assets, default: Language, timezone: str) -> None:
        self._assets = assets
        self._default = default
        self._timezone = timezone

    def document(self, page: Page, boards: Sequence[Board], swapped: str) -> str:
        """Return a page's HTML; `swapped` is its address in the other language."""
        config = {
            "page": page.kind,
            "lang": page.lang,
            "defaultLang": self._default,
            "timezone": self._timezone,
            "boards": [{"uid": one.uid, "title": one.title} for one in boards],
            **page.config,
        }
        other = "en" if page.lang == "ko" else "ko"
        scripts = ""
        if page.kind == "board":
            scripts += f'<script defer src="{self._assets.address("vendor/uplot/uPlot.iife.min.js")}"></script>\n'
        scripts += f'<script type="module" src="{self._assets.address("app.js")}"></script>\n'
        preloads = "".join(f'<link rel="modulepreload" href="{address}">\n' for address in self._assets.modules())
        return (
            f"{self._head(page.title, page.lang)}{preloads}{scripts}</head>\n"
            f'<body data-config="{escape(json.dumps(config, ensure_ascii=False))}">\n'
            f'<a class="skip" href="#main">{_SKIP.in_language(page.lang)}</a>\n'
            f'<header class="top"><a class="brand" href="{link("/", page.lang, self._default)}">'
            f'<img src="{self._assets.address("icon.svg")}" alt="" width="22" height="22">{TITLE}</a>\n'
            f'<nav aria-label="{_MENU.in_language(page.lang)}">{self._navigation(page, boards)}</nav>\n'
            f'<div class="tools"><a class="button" hreflang="{other}" lang="{other}" id="language" '
            f'href="{escape(swapped)}">{_LANGUAGE.in_language(page.lang)}</a>'
            f'<button type="button" id="theme" aria-label="{_THEME.in_language(page.lang)}" '
            f'title="{_THEME.in_language(page.lang)}">◐</button></div></header>\n'
            f'<div id="banner" role="status"></div>\n<main id="main" tabindex="-1" class="page-{page.kind}">'
            f"<noscript><p>{_NO_SCRIPT.in_language(page.lang)}</p></noscript>\n{page.content}</main>\n</body></html>\n"
        )

    def login(self, lang: Language, target: str, problem: str | None = None) -> str:
        """Return the login form, without any script."""
        said = {"wrong": _WRONG, "often": _TOO_OFTEN}.get(problem or "")
        alert = f'<p role="alert" class="wrong">{said.in_language(lang)}</p>' if said else ""
        return (
            f'{self._head(_LOGIN.in_language(lang), lang)}</head>\n<body>\n<main class="login">'
            f'<h1><img src="{self._assets.address("icon.svg")}" alt="" width="28" height="28">{TITLE}</h1>\n'
            f'<form method="post" action="/login">{alert}'
            f'<input type="hidden" name="next" value="{escape(target)}">'
            # Password managers ask for a name to keep the token under.
            '<input type="text" name="username" value="console" autocomplete="username" hidden>'
            f'<label for="token">{_PASSWORD.in_language(lang)}</label>'
            '<input id="token" name="token" type="password" required maxlength="1024" '
            'autocomplete="current-password" autofocus>'
            f'<button type="submit" class="primary">{_LOGIN.in_language(lang)}</button></form></main>\n</body></html>\n'
        )

    def _head(self, title: str, lang: Language) -> str:
        return (
            f'<!doctype html>\n<html lang="{lang}">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="color-scheme" content="dark light">\n'
            f"<title>{escape(title)} · {TITLE}</title>\n"
            f'<link rel="icon" type="image/svg+xml" href="{self._assets.address("icon.svg")}">\n'
            f'<script src="{self._assets.address("theme/early.js")}"></script>\n'
            f'<link rel="stylesheet" href="{self._assets.address("console.css")}">\n'
        )

    def _navigation(self, page: Page, boards: Sequence[Board]) -> str:
        entries = [(path, label.in_language(page.lang)) for path, label in _NAVIGATION]
        entries += [(f"/dashboards/{board.uid}", short_title(board.title)) for board in boards]
        entries.append((_RUNBOOKS[0], _RUNBOOKS[1].in_language(page.lang)))
        return "".join(
            f'<a href="{link(path, page.lang, self._default)}"{current}>{escape(label)}</a>'
            for path, label in entries
            for current in (_CURRENT if path == page.path else "",)
        )
