"""HTML pages in a browser, and the rules that all of them follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SCHEMES: Final = ("light", "dark")
WIDTHS: Final = (360, 1280)


def opened(
    browser: Browser, address: str, scheme: str = "light", width: int = 1280
) -> tuple[Page, list[str]]:
    """Open a page; return it with all further requests, messages and errors."""
    colours: Literal["light", "dark"] = "dark" if scheme == "dark" else "light"
    page = browser.new_page(
        viewport={"width": width, "height": 900}, color_scheme=colours
    )
    noticed: list[str] = []
    page.on("request", lambda request: noticed.append(request.url))
    page.on("console", lambda message: noticed.append(message.text))
    page.on("pageerror", lambda error: noticed.append(str(error)))
    page.goto(address)
    noticed.remove(address)
    return page, noticed


def violations(page: Page) -> list[tuple[str, str]]:
    """Return the violations of the WCAG 2.2 AA rules that a program can check."""
    from axe_playwright_python.sync_playwright import Axe

    levels = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found: Any = Axe().run(page, options={"runOnly": levels}).response
    checked = {rule["id"] for rule in found["passes"]}
    assert {"color-contrast", "document-title", "html-has-lang"} <= checked
    return [(v["id"], v["nodes"][0]["html"]) for v in found["violations"]]
