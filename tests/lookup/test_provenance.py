"""Provenance of a question: registry, generation, lists and days."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bloctel import Registry, Snapshot
from bloctel._util import clock
from bloctel.errors import CannotAnswerError
from bloctel.lookup.question import Provenance
from bloctel.scrub import open_against

if TYPE_CHECKING:
    from pathlib import Path

    from bloctel.lookup.book import Book

DAY = date(2024, 5, 3)
NUMBERS = (33199001201, 33199001202, 33199001203)


def provenance(book: Book) -> Provenance:
    """Return the provenance of a book's questions."""
    known = book.question().provenance
    assert known is not None
    return known


@pytest.mark.parametrize("exact", ["memory", "storage"])
def test_a_registry_knows_its_last_change(exact: str, tmp_path: Path) -> None:
    """The generation is the cursor of the journal, and grows with each change."""
    url = f"sqlite:///{tmp_path}/r.db"
    Registry.create(url, lists=["own"]).close()
    with Registry.open(url, exact=exact) as registry:  # type: ignore[arg-type]
        for number in NUMBERS:
            registry.register(number, list="own", on=DAY)
            known = provenance(registry)
            assert known.generation == max(c.cursor for c in registry.changes())
            assert known.built_on is None
    with Registry.open(url) as again:
        assert provenance(again) == known


def test_a_question_keeps_the_generation_that_it_began_with() -> None:
    """A question keeps its generation, even if the registry changes later."""
    registry = Registry.create("memory:", lists=["own"])
    registry.register(NUMBERS[0], list="own", on=DAY)
    question = registry.question()
    before = question.provenance

    registry.register(NUMBERS[1], list="own", on=DAY)

    assert question.provenance == before
    assert provenance(registry).generation > (before.generation if before else 0)


def test_a_snapshot_knows_its_registry(tmp_path: Path) -> None:
    """Identity and generation come from the registry, the day from the file."""
    registry = Registry.create("memory:", lists=["own"])
    registry.register(NUMBERS[0], list="own", on=DAY)
    info = registry.build_snapshot(tmp_path / "s.bloctel", on=DAY)

    with Snapshot.open(tmp_path / "s.bloctel") as book:
        known = book.question(on=DAY).provenance

    assert known is not None
    assert known.token > 0
    assert known == Provenance(info.registry, info.generation, DAY, known.token)
    assert known.registry == provenance(registry).registry


def test_a_plain_file_is_none(tmp_path: Path) -> None:
    """A plain file has no provenance."""
    (tmp_path / "list.csv").write_text("tel\n0199001234\n")

    with open_against(str(tmp_path / "list.csv")) as book:
        question = book.question()

    assert question.provenance is None
    assert [(asked.rules.name, asked.on) for asked in question.requested_lists] == [
        ("own", clock.today("Europe/Paris"))
    ]


def test_closed_lists_are_not_asked() -> None:
    """Only lists that answer are reported, each with its day."""
    registry = Registry.create("memory:", lists=["own", "fr.bloctel", "own:brand"])

    def asked(on: date) -> list[str]:
        return [held.rules.name for held in registry.question(on=on).requested_lists]

    assert asked(DAY) == ["own", "fr.bloctel", "own:brand"]
    assert asked(date(2026, 8, 11)) == ["own", "own:brand"]
    with pytest.raises(CannotAnswerError):
        registry.question(on=date(2026, 8, 11), lists=["fr.bloctel"])


def test_what_a_snapshot_knows_grows_too_old(tmp_path: Path) -> None:
    """A snapshot's lists are known until the day `covered_until` of the file."""
    registry = Registry.create("memory:", lists=["own"])
    info = registry.build_snapshot(tmp_path / "s.bloctel", on=DAY)

    with Snapshot.open(tmp_path / "s.bloctel") as book:
        (asked,) = book.question(on=DAY + timedelta(days=20)).requested_lists

    assert asked.known_until == info.covered_until == DAY + timedelta(days=30)


@pytest.mark.parametrize("was_asked", [True, False])
def test_the_oldest_answer_in_use_says_how_long(was_asked: bool) -> None:
    """The oldest answer that is valid on the day limits how long a result is known.

    Answers recorded after the first look-up are in the overlay, and count as well.
    """
    registry = Registry.create("memory:", lists=["fr.bloctel"])
    _record(registry, DAY - timedelta(days=60), NUMBERS[2])
    if was_asked:
        assert registry.question(on=DAY - timedelta(days=60)).requested_lists

    for days, number in ((20, NUMBERS[0]), (5, NUMBERS[1]), (-1, NUMBERS[2])):
        _record(registry, DAY - timedelta(days=days), number)

    (asked,) = registry.question(on=DAY).requested_lists
    assert asked.known_until == DAY + timedelta(days=10)


def _record(registry: Registry, on: date, number: int) -> None:
    clear, none = np.array([number], np.uint64), np.array([], np.uint64)
    registry.record_answers(list="fr.bloctel", on=on, opposed=none, clear=clear)


def test_a_registry_that_is_kept_up_to_date_says_nothing() -> None:
    """A registry sets no limit to the validity of an answer, unlike a snapshot."""
    registry = Registry.create("memory:", lists=["own"])

    (asked,) = registry.question().requested_lists

    assert asked.known_until is None
