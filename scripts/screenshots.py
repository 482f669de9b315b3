"""Take the pictures in docs/images from the console of the running stack, in both languages.

Run by `make screenshots` beside `make run` and `photo-stack load`, once there is something to see. Each picture is
reduced to 256 colours, which these pages do not miss, and is a few dozen kilobytes.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image
from playwright.sync_api import Error, sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = "/usr/bin/chromium"
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
COLOURS = 256
WAIT_MS = 30_000


@dataclass(frozen=True)
class Picture:
    """One page as one picture: its file is `<name>.<lang>.png`."""

    name: str
    path: str
    width: int
    height: int
    scheme: str = "dark"
    options: tuple[tuple[str, Any], ...] = ()


PICTURES = (
    Picture("home", "/", 1280, 860),
    Picture("overview", "/dashboards/photo-api-overview?from=now-15m", 1600, 1975),
    Picture("growth", "/dashboards/photo-api-growth?from=now-15m", 1600, 1010, scheme="light"),
    Picture("phone", "/", 390, 844, options=(("device_scale_factor", 2), ("is_mobile", True), ("has_touch", True))),
)


def main() -> int:
    """Take every picture; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(".data/stack"), help="the running stack's directory")
    parser.add_argument("--console", help="the console's URL, instead of the running stack's")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    arguments = parser.parse_args()
    try:
        url = arguments.console or json.loads((arguments.data / "stack.json").read_text())["urls"]["console"]
    except (OSError, ValueError, KeyError):
        return failed(f"{arguments.data}/stack.json names no console: start the system with `make run` first")
    arguments.out.mkdir(parents=True, exist_ok=True)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])
            for picture in PICTURES:
                for lang in ("ko", "en"):
                    target = arguments.out / f"{picture.name}.{lang}.png"
                    target.write_bytes(reduced(taken(browser, url, picture, lang)))
                    sys.stdout.write(f"{target}  {target.stat().st_size // 1024} kB\n")
    except Error as error:
        return failed(f"{url}: {error.message.splitlines()[0]}; does the stack run?")
    return 0


def taken(browser: Browser, url: str, picture: Picture, lang: str) -> bytes:
    """Return a page's picture, once every panel has what it asked for."""
    context = browser.new_context(
        viewport={"width": picture.width, "height": picture.height},
        color_scheme="light" if picture.scheme == "light" else "dark",
        locale="ko-KR",
        **dict(picture.options),
    )
    try:
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(f"{url}{picture.path}{'&' if '?' in picture.path else '?'}lang={lang}")
        page.locator("body[data-rounds]").wait_for(state="attached")
        page.locator("body:not([data-busy])").wait_for(state="attached")
        return page.screenshot()
    finally:
        context.close()


def reduced(png: bytes) -> bytes:
    """Return the same picture with fewer colours."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    written = io.BytesIO()
    # Thin lines have few pixels: their colours must not be averaged away.
    palette = image.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    palette.save(written, "PNG", optimize=True)
    return written.getvalue()


def failed(line: str) -> int:
    """Say why in one line; return the exit status."""
    sys.stderr.write(f"screenshots: {line}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
