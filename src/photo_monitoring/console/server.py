"""The console's HTTP side: pages, assets, and the few questions that it passes on."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from html import escape
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import web

from photo_monitoring.configuration.settings import LANGUAGES, Language
from photo_monitoring.console import answers, parameters, silences
from photo_monitoring.console.access import COOKIE, SESSION_SECONDS, Sessions, middlewares
from photo_monitoring.console.alerts import AlertList
from photo_monitoring.console.assets import Assets
from photo_monitoring.console.boards import Boards
from photo_monitoring.console.overview import Overview
from photo_monitoring.console.pages import Frame, Page, link
from photo_monitoring.console.runbook_pages import RunbookPages, alert_names
from photo_monitoring.console.settings import ConsoleSettings
from photo_monitoring.console.upstream import MAX_BATCH_BYTES, Allowance, Upstream, UpstreamError
from photo_monitoring.criteria import Text
from photo_monitoring.runbooks import has_runbook

_COMPRESSED_FROM: Final = 2_048
_STATUS: Final = {"bad_data": 400, "not_found": 404, "overloaded": 503, "timeout": 504}

_NOW: Final = Text("지금 상태", "Now")
_ALERTS: Final = Text("알림", "Alerts")
_SILENCE: Final = Text("알림 잠시 끄기", "Silence alerts")
_RUNBOOKS: Final = Text("런북", "Runbooks")
_NOT_THERE: Final = Text("찾을 수 없습니다", "Not found")
_NO_BOARD: Final = Text("이런 대시보드는 없습니다: {name}", "There is no dashboard called {name}")
_NO_RUNBOOK: Final = Text("이런 런북은 없습니다: {name}", "There is no runbook called {name}")


class Console:
    """Every handler of one console."""

    def __init__(self, settings: ConsoleSettings, sessions: Sessions | None) -> None:
        self._default = settings.monitoring.lang
        self._sessions = sessions
        self._upstream = Upstream(settings)
        self._boards = Boards(settings.dashboards)
        self._assets = Assets()
        self._frame = Frame(self._assets, self._default, settings.timezone)
        self._alerts = AlertList(self._upstream, settings.monitoring, self._boards)
        self._overview = Overview(self._upstream, settings.monitoring, self._alerts)
        self._runbooks = RunbookPages(self._default)

    def routes(self) -> list[web.RouteDef]:
        """Return all routes; nothing else is reachable."""
        return [
            web.get("/", self._home_page),
            web.get("/alerts", self._alerts_page),
            web.get("/dashboards/{uid}", self._board_page),
            web.get("/runbooks", self._runbooks_page),
            web.get("/runbooks/{alert}", self._runbook_page),
            web.get("/silences/new", self._silence_page),
            web.get("/login", self._login_page),
            web.post("/login", self._log_in),
            web.get("/-/healthy", self._healthy),
            web.get("/static/{version}/{name:.+}", self._assets.serve),
            web.get("/api/overview", self._answer(self._read_overview)),
            web.get("/api/alerts", self._answer(self._read_alerts)),
            web.get("/api/boards/{uid}", self._board),
            web.get("/api/label-values", self._answer(self._label_values)),
            web.post("/api/query", self._query),
            web.get("/api/silences", self._answer(self._read_silences)),
            web.post("/api/silences", self._answer(self._create_silence)),
            web.delete("/api/silences/{identifier}", self._answer(self._expire_silence)),
        ]

    async def open_upstream(self, _: web.Application) -> AsyncIterator[None]:
        """Keep the connections to the two servers for as long as the console runs."""
        await self._upstream.open()
        yield
        await self._upstream.close()

    # Pages

    def _lang(self, request: web.Request) -> Language:
        return self._known(request.query.get("lang"))

    def _lang_of(self, target: str) -> Language:
        """Return the language of the page that a login leads to."""
        return self._known(dict(parse_qsl(urlsplit(target).query)).get("lang"))

    def _known(self, asked: str | None) -> Language:
        return next((one for one in LANGUAGES if one == asked), self._default)

    def _page(self, request: web.Request, page: Page, status: int = 200) -> web.Response:
        other: Language = "en" if page.lang == "ko" else "ko"
        rest = urlencode([(name, value) for name, value in request.query.items() if name != "lang"])
        swapped = link(f"{request.path}?{rest}" if rest else request.path, other, self._default)
        text = self._frame.document(page, self._boards.listed(page.lang), swapped)
        return web.Response(text=text, content_type="text/html", status=status)

    async def _home_page(self, request: web.Request) -> web.Response:
        lang = self._lang(request)
        return self._page(request, Page(kind="home", path="/", title=_NOW.in_language(lang), lang=lang))

    async def _alerts_page(self, request: web.Request) -> web.Response:
        lang = self._lang(request)
        return self._page(request, Page(kind="alerts", path="/alerts", title=_ALERTS.in_language(lang), lang=lang))

    async def _silence_page(self, request: web.Request) -> web.Response:
        lang = self._lang(request)
        page = Page(kind="silence", path="/silences/new", title=_SILENCE.in_language(lang), lang=lang)
        return self._page(request, page)

    async def _board_page(self, request: web.Request) -> web.Response:
        lang, uid = self._lang(request), request.match_info["uid"]
        board = self._boards.find(uid, lang)
        if board is None:
            return self._missing(request, _NO_BOARD, uid)
        path = f"/dashboards/{uid}"
        page = Page(kind="board", path=path, title=board.title, lang=lang, config={"uid": uid})
        return self._page(request, page)

    async def _runbooks_page(self, request: web.Request) -> web.Response:
        lang = self._lang(request)
        entries = "".join(
            f'<li><a href="{link(f"/runbooks/{name}", lang, self._default)}">{name}</a></li>'
            for name in alert_names()
            if has_runbook(name)
        )
        title = _RUNBOOKS.in_language(lang)
        content = f'<h1>{title}</h1>\n<ul class="runbook-list">{entries}</ul>'
        return self._page(request, Page(kind="runbooks", path="/runbooks", title=title, lang=lang, content=content))

    async def _runbook_page(self, request: web.Request) -> web.Response:
        lang, alert = self._lang(request), request.match_info["alert"]
        html = self._runbooks.html(alert, lang)
        if html is None:
            return self._missing(request, _NO_RUNBOOK, alert)
        content = f'<div id="live"></div>\n<article class="runbook">{html}</article>'
        page = Page(kind="runbook", path="/runbooks", title=alert, lang=lang, content=content, config={"alert": alert})
        return self._page(request, page)

    def _missing(self, request: web.Request, text: Text, name: str) -> web.Response:
        lang = self._lang(request)
        title, said = _NOT_THERE.in_language(lang), text.in_language(lang).format(name=name[:100])
        content = f'<h1>{title}</h1>\n<p class="empty">{escape(said)}</p>'
        return self._page(request, Page(kind="missing", path="", title=title, lang=lang, content=content), status=404)

    # Access

    async def _healthy(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _login_page(self, request: web.Request) -> web.Response:
        target = _local(request.query.get("next", "/"))
        if self._sessions is None:
            raise web.HTTPSeeOther(target)
        return web.Response(text=self._frame.login(self._lang_of(target), target), content_type="text/html")

    async def _log_in(self, request: web.Request) -> web.Response:
        form = await parameters.form(request)
        target = _local(form.get("next", "/"))
        if self._sessions is None:
            raise web.HTTPSeeOther(target)
        if not self._sessions.opens(form.get("token", "")):
            often = self._sessions.guessed_too_often()
            return self._refused(target, "often", 429) if often else self._refused(target, "wrong", 403)
        answer = web.HTTPSeeOther(target)
        answer.set_cookie(
            COOKIE,
            self._sessions.cookie(),
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="Lax",
            secure=request.secure or request.headers.get("X-Forwarded-Proto") == "https",
        )
        raise answer

    def _refused(self, target: str, problem: str, status: int) -> web.Response:
        text = self._frame.login(self._lang_of(target), target, problem)
        return web.Response(text=text, content_type="text/html", status=status)

    # Data

    def _answer(
        self, read: Callable[[web.Request], Awaitable[object]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Turn what is read into JSON (bytes are that already), and an upstream's fault into a status with one line."""

        async def handler(request: web.Request) -> web.Response:
            try:
                content = await read(request)
            except UpstreamError as error:
                return _json(error.as_json(), _STATUS.get(error.kind, 502))
            if isinstance(content, bytes):
                return _json(content)
            # A browser's JSON has neither NaN nor infinities.
            return _json(json.dumps(content, ensure_ascii=False, allow_nan=False).encode())

        return handler

    async def _read_overview(self, request: web.Request) -> object:
        return await self._overview.read(self._lang(request))

    async def _read_alerts(self, request: web.Request) -> object:
        return await self._alerts.read(self._lang(request))

    async def _read_silences(self, _: web.Request) -> object:
        return silences.current(answers.silences(await self._upstream.silences()))

    async def _create_silence(self, request: web.Request) -> object:
        wanted = silences.silence(await parameters.json_object(request))
        return {"id": (await self._upstream.create_silence(wanted)).get("silenceID")}

    async def _expire_silence(self, request: web.Request) -> object:
        await self._upstream.expire_silence(silences.identifier(request))
        return {}

    async def _board(self, request: web.Request) -> web.Response:
        board = self._boards.find(request.match_info["uid"], self._lang(request))
        if board is None:
            raise web.HTTPNotFound(text="no such dashboard\n")
        return _json(board.content)

    async def _label_values(self, request: web.Request) -> object:
        label, (start, end) = parameters.label_name(request.query), parameters.time_range(request.query)
        match = request.query.get("match")
        if match is not None:
            match = parameters.text(request.query, "match", parameters.MAX_EXPRESSION)
        return await self._upstream.label_values(label, match, start, end)

    async def _query(self, request: web.Request) -> web.Response:
        """Answer a batch: a JSON list of Prometheus' own answers, in the order of the queries."""
        wanted = parameters.queries(await parameters.json_object(request))
        allowance = Allowance(MAX_BATCH_BYTES)
        return _json(b"[" + b",".join(await asyncio.gather(*(self._one(one, allowance) for one in wanted))) + b"]")

    async def _one(self, query: parameters.Query, allowance: Allowance) -> bytes:
        try:
            if query.step is None:
                return await self._upstream.query(query.expr, query.end, allowance)
            return await self._upstream.query_range(query.expr, query.start, query.end, query.step, allowance)
        except UpstreamError as error:
            return error.as_json()


def _json(body: bytes, status: int = 200) -> web.Response:
    response = web.Response(body=body, status=status, content_type="application/json")
    if len(body) > _COMPRESSED_FROM:
        response.enable_compression()
    return response


def _local(target: str) -> str:
    """Return an address on this console: what leads elsewhere becomes the first page."""
    try:
        parts = urlsplit(target)
    except ValueError:
        return "/"
    if parts.scheme or parts.netloc or not target.startswith("/") or target.startswith(("//", "/\\")):
        return "/"
    return target if target.isprintable() else "/"


def application(settings: ConsoleSettings) -> web.Application:
    """Return the whole console; `ConsoleError` when its dashboards cannot be read."""
    sessions = None if settings.token is None else Sessions(settings.token)
    console = Console(settings, sessions)
    app = web.Application(middlewares=middlewares(settings, sessions), client_max_size=parameters.MAX_BODY_BYTES)
    app.add_routes(console.routes())
    app.cleanup_ctx.append(console.open_upstream)
    return app


def serve(settings: ConsoleSettings, say: Callable[[str], Any]) -> None:
    """Serve until SIGTERM or SIGINT; `OSError` when the address is taken."""
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    web.run_app(
        application(settings),
        host=settings.host,
        port=settings.port,
        print=lambda *_: say(f"the console is on http://{shown}:{settings.port}"),
        access_log=None,
        shutdown_timeout=1.0,
        keepalive_timeout=75.0,
        handler_cancellation=True,
    )
