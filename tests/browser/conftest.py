"""Chromium on the console of the shared stack; every page must keep quiet and to its own host."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from tests.browser.sample_board import write_boards
from tests.stack.running import COMMAND, Stack, clean_environment
from tests.support.console import running_console
from tests.support.prometheus import running_prometheus

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LIMIT_MS = 20_000


# The synchronous Playwright holds an event loop while it is open: it must be gone before others' asynchronous tests.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[*FLAGS])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def busy_stack(shared_stack: Stack) -> Iterator[Stack]:
    """The shared stack with a few visitors, and others who ask so often that they are refused."""
    load = (*COMMAND, "load", "--data", str(shared_stack.data), "--duration", "1h")
    crowds = (
        ("--rps", "8", "--users", "4", "--seed", "21"),
        ("--attack", "--rps", "20", "--users", "2", "--seed", "22"),
    )
    processes = [
        subprocess.Popen([*load, *crowd], env=clean_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for crowd in crowds
    ]
    yield shared_stack
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait(30)


def servers(stack: Stack) -> tuple[str, ...]:
    return ("--prometheus", stack.url("prometheus"), "--alertmanager", stack.url("alertmanager"))


@pytest.fixture(scope="session")
def console(shared_stack: Stack) -> Iterator[str]:
    """The console of the shared stack, in Korean; its base URL."""
    with running_console(*servers(shared_stack)) as url:
        yield url


@pytest.fixture(scope="session")
def sample_options(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ...]]:
    """Options of a console with boards whose panels' values are known (`sample_board`), on an empty Prometheus."""
    folder = write_boards(tmp_path_factory.mktemp("boards"))
    with running_prometheus(tmp_path_factory.mktemp("prometheus")) as prometheus:
        yield "--prometheus", f"http://127.0.0.1:{prometheus.port}", "--dashboards", str(folder)


@pytest.fixture(scope="session")
def sample_console(sample_options: tuple[str, ...]) -> Iterator[str]:
    """A console with those boards; its base URL."""
    with running_console(*sample_options) as url:
        yield url


@dataclass
class Watch:
    """What pages did that they should not; `allowed` are patterns of console lines that a test provokes."""

    # The tests themselves read the charts' pixels.
    allowed: list[str] = field(default_factory=lambda: ["willReadFrequently"])
    said: list[str] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        spoken = [line for line in self.said if not any(re.search(pattern, line) for pattern in self.allowed)]
        return spoken + [f"asked {url}" for host, url in self.asked if urlsplit(url).netloc != host]


@dataclass
class Opener:
    """Opens addresses in fresh profiles, and waits for their first answers; options are those of a context."""

    chromium: Browser
    watch: Watch = field(default_factory=Watch)
    contexts: list[BrowserContext] = field(default_factory=list)

    def __call__(self, url: str, *, wait: bool = True, **options: object) -> Page:
        usual: dict[str, object] = {"viewport": {"width": 1400, "height": 900}, "locale": "ko-KR"}
        usual |= {"color_scheme": "dark"} | options
        context = self.chromium.new_context(**usual)  # type: ignore[arg-type] # a context's own options
        self.contexts.append(context)
        host, page = urlsplit(url).netloc, context.new_page()
        page.set_default_timeout(LIMIT_MS)
        page.on("console", lambda line: self.watch.said.append(f"{line.type}: {line.text}"))
        page.on("pageerror", lambda error: self.watch.said.append(f"uncaught: {error}"))
        page.on("request", lambda request: self.watch.asked.append((host, request.url)))
        page.goto(url)
        if wait:
            page.locator("body[data-rounds]").wait_for(state="attached")
        return page

    def close(self) -> None:
        for context in self.contexts:
            context.close()
        assert self.watch.faults == []


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Opener]:
    opener = Opener(chromium)
    yield opener
    opener.close()


@pytest.fixture(scope="module")
def keep_page(chromium: Browser) -> Iterator[Opener]:
    """Opens pages that all tests of a module look at."""
    opener = Opener(chromium)
    yield opener
    opener.close()
