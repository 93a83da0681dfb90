"""Browser of the tests: headless Chromium of Debian, without network access."""

from __future__ import annotations

import importlib.util
import os
import shutil
from typing import TYPE_CHECKING, Final

import pytest

from tests.helpers.servers import unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

#: The browser makes no requests by itself.
_QUIET: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Browser for all tests of a session."""
    required = os.environ.get("BLOCTEL_REQUIRE_SERVERS")
    program = shutil.which("chromium")
    if program is None:
        unavailable("chromium is not installed (Debian's package chromium)", required)
    if importlib.util.find_spec("axe_playwright_python") is None:
        unavailable("the package axe-playwright-python is not installed", required)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # the profile is in an empty folder that is deleted with the browser
        started = playwright.chromium.launch(executable_path=program, args=list(_QUIET))
        yield started
        started.close()
