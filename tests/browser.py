"""A page in a headless Chromium, which Playwright drives; the fixture `tab` of conftest.py gives it to a test."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


class Browser:
    """One page. `problems` are exceptions and console errors since a file was opened, `requests` the URLs asked for."""

    def __init__(self, page: "Page") -> None:
        self._page = page
        self.problems: list[str] = []
        self.requests: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", self._hear)
        page.on("request", lambda request: self.requests.append(request.url))

    def open(self, file: Path, *, width: int = 1200, height: int = 800, dark: bool = False) -> None:
        """Show a file, and wait until its scripts have run."""
        self.problems.clear()
        self.requests.clear()
        self._page.set_viewport_size({"width": width, "height": height})
        self._page.emulate_media(color_scheme="dark" if dark else "light")
        self._page.goto(file.resolve().as_uri())

    def run(self, script: str) -> Any:
        """Return the value of an expression in the page."""
        return self._page.evaluate(script)

    def click(self, script: str) -> None:
        """Click on the middle of the element that an expression gives, or near the upper left corner of a frame."""
        x, y = self.run(
            f"(() => {{ const e = {script}, r = e.getBoundingClientRect(); "
            "return e.matches('.cluster') ? [r.x + 8, r.y + 20] : [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        self._page.mouse.click(x, y)
        self._settle()

    def drag(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Press the mouse at one point and release it at another."""
        self._page.mouse.move(*start)
        self._page.mouse.down()
        self._page.mouse.move(*end)
        self._page.mouse.up()
        self._settle()

    def wheel(self, x: int, y: int, by: int) -> None:
        """Turn the wheel."""
        self._page.mouse.move(x, y)
        self._page.mouse.wheel(0, by)
        self._settle()

    def press(self, key: str) -> None:
        """Press and release a key."""
        self._page.keyboard.press(key)

    def type(self, text: str) -> None:
        """Type a text."""
        self._page.keyboard.insert_text(text)

    def picture(self, file: Path) -> None:
        """Write what is seen as PNG."""
        self._page.screenshot(path=file)

    def _hear(self, message: "ConsoleMessage") -> None:
        if message.type == "error":
            self.problems.append(message.text)

    def _settle(self) -> None:
        """Wait until the page has handled its events and is painted."""
        self.run("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 20)))")


@contextmanager
def browser() -> Iterator[Browser]:
    """Start a browser and end it; skip the test where no Chromium is installed."""
    program = os.environ.get("ARCHDSL_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("no Chromium is installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield Browser(chromium.new_page())
        chromium.close()
