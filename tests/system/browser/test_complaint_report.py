"""Report on complaints in a browser: colour schemes and window sizes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Final

import pytest

from bloctel.complaints import ReportOptions, write_report
from tests.helpers.callers import Population
from tests.helpers.pages import SCHEMES, WIDTHS, opened, violations

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

_HOSTILE: Final = "<script>window.hit = 1</script>" + "without-a-blank-" * 8


@pytest.fixture(scope="module", params=["masked", "full", "full in French"])
def address(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Address of a report on complaints whose names contain HTML."""
    cases = [case for case, _ in Population(3).complaints(400)]
    hostile = [
        replace(
            case, complaint=replace(case.complaint, caller=_HOSTILE, sector=_HOSTILE)
        )
        for case in cases[:20]
    ]
    path: Path = tmp_path_factory.mktemp("report") / "report.html"
    options = ReportOptions(
        title=_HOSTILE,
        made_on=date(2026, 12, 1),
        full=request.param != "masked",
        lang="fr" if "French" in request.param else "en",
    )
    write_report(path, [*hostile, *cases[20:]], options)
    return path.as_uri()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_is_accessible_and_inert(
    browser: Browser, address: str, scheme: str, width: int
) -> None:
    """The page fits, makes no request, runs no script, and passes WCAG 2.2 AA."""
    page, messages = opened(browser, address, scheme, width)

    assert messages == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("window.hit") is None
    assert "<script>window.hit = 1</script>" in page.inner_text("h1")
    assert violations(page) == []
    page.close()


def test_heights_of_columns_are_proportional_to_counts(
    browser: Browser, address: str
) -> None:
    """The column of the largest count reaches the top."""
    page, _ = opened(browser, address)

    heights = page.evaluate(
        "[...document.querySelectorAll('.columns rect')].map(column => "
        "[column.getBoundingClientRect().height, "
        "Number(column.textContent.split(': ')[1])])"
    )

    most = max(count for _, count in heights)
    assert [round(height / 144, 2) for height, _ in heights] == [
        round(count / most, 2) for _, count in heights
    ]
    page.close()


def test_the_page_prints_on_white(browser: Browser, address: str) -> None:
    """The background is white on paper, also with a dark colour scheme."""
    page, _ = opened(browser, address, "dark")
    page.emulate_media(media="print", color_scheme="dark")

    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")

    assert paper == "rgb(255, 255, 255)"
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.close()
