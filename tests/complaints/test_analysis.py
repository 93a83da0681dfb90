"""Patterns in complaints: each appears where it should, and nowhere else."""

from __future__ import annotations

import random
import re
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import pytest

from bloctel import PhoneNumber
from bloctel.complaints import (
    Actor,
    Case,
    Complaint,
    Pattern,
    find_callers,
    find_patterns,
    new_id,
    received,
)
from bloctel.complaints.analysis.callers import find_actors
from bloctel.complaints.analysis.name_similarity import NameTable, name_key
from bloctel.complaints.analysis.observations import observe, plain, siren_of
from bloctel.complaints.analysis.spoofing import claim_of
from bloctel.errors import MissingExtraError
from bloctel.numbers.phone_number import french_nsn
from tests.helpers.callers import FICTION, Population

if TYPE_CHECKING:
    from collections.abc import Iterable

FIRST: Final = date(2026, 9, 1)
NOW: Final = datetime(2026, 12, 31, tzinfo=UTC)
#: A range for platforms that no one has, and one for mobile phones.
PLATFORM: Final = 33_162_000_000
MOBILE: Final = 33_600_000_000


def case(called: int, shown: str, **fields: Any) -> Case:
    """Return a complaint."""
    given: dict[str, Any] = {
        "called_on": FIRST,
        "from_time": time(10, 30),
        "sector": "insurance",
    }
    complaint = Complaint(called=PhoneNumber(called), shown=shown, **(given | fields))
    return received(complaint, id=new_id(), at=NOW)


def line(index: int) -> int:
    """Return the key of the fictional phone number with this index."""
    return FICTION[index % len(FICTION)] + index // len(FICTION)


def lines(n: int, seed: int = 1) -> list[int]:
    """Return the keys of *n* different fictional phone numbers in random order."""
    draw = random.Random(seed)  # noqa: S311 - the same each time
    return [line(index) for index in draw.sample(range(60_000), n)]


def shown(index: int) -> str:
    """Return a phone number in a range for calling platforms."""
    return str(PhoneNumber(PLATFORM + index))


def codes(cases: Iterable[Case]) -> Counter[str]:
    """Return the number of patterns of each kind."""
    return Counter(pattern.code for pattern in find_patterns(cases))


def one(cases: Iterable[Case], code: str) -> Pattern:
    """Return the pattern of this kind; assert that there is only one."""
    (found,) = [pattern for pattern in find_patterns(cases) if pattern.code == code]
    return found


@cache
def plain_cases(n: int = 600, seed: int = 7) -> tuple[Case, ...]:
    """Return complaints about many ordinary callers, in which there is no pattern."""
    draw = random.Random(seed)  # noqa: S311 - the same each time
    return tuple(
        case(
            called,
            shown(draw.randrange(200)),
            called_on=FIRST + timedelta(days=draw.randrange(90)),
            from_time=time(draw.randrange(10, 20), draw.randrange(60)),
        )
        for called in lines(n, seed)
    )


@pytest.mark.parametrize("seed", range(5))
def test_plain_complaints_show_nothing(seed: int) -> None:
    """Callers with one number each and random calls give no pattern."""
    assert codes(plain_cases(600, seed)) == {}


def test_no_complaints_show_nothing() -> None:
    """Without complaints, or with a single complaint, there are no patterns."""
    assert find_patterns([]) == []
    assert find_patterns(plain_cases()[:1]) == []
    assert find_patterns([received(Complaint(), id=new_id(), at=NOW)]) == []


# -- false claims ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("06 39 98 12 34", "fiction"),
        ("00 99 00 12 34 56", "impossible"),
        ("01 99 00 12", "impossible"),
        ("+33 1 99 00 12 34 56 78", "impossible"),
        ("+999 12 34 56 78", "impossible"),
        ("0216 71 123 456", "foreign_as_local"),
        ("04 00 00 00 00", "unassigned"),
        ("01 62 00 00 00", None),
        ("+216 71 123 456", None),
        ("3949", None),
        ("masqué", None),
    ],
)
def test_a_number_is_what_it_claims_or_not(text: str, claim: str | None) -> None:
    """A presented number is checked with metadata, ranges for fiction, and its form."""
    assert claim_of(Complaint(shown=text).shown_key, text) == claim


def test_a_number_that_three_people_read_alike_is_not_mistyped() -> None:
    """A false number that three people report is a pattern; one report is a mistake."""
    honest = list(plain_cases())
    false = [case(called, "06 39 98 00 00") for called in lines(3, 2)]

    found = one(honest + false, "fiction")

    assert found.observed == 3
    assert found.numbers == (33639980000,)
    assert set(found.evidence) == {each.id for each in false}
    assert found.probability == pytest.approx(603 * 0.02 * (0.02 / 81) ** 2)
    assert codes(honest + false[:1]) == {}
    # a person who reports the call again counts once
    again = [case(lines(1, 2)[0], "06 39 98 00 00") for _ in range(9)]
    assert codes(honest + again)["fiction"] == 0


def test_more_false_numbers_than_people_mistype_are_a_pattern() -> None:
    """Many false numbers are a pattern even if each of them is reported only once."""
    draw = random.Random(3)  # noqa: S311 - the same each time
    drawn = [f"06 39 98 {draw.randrange(100):02} {i:02}" for i in range(60)]
    false = [case(c, text) for c, text in zip(lines(60, 5), drawn, strict=True)]

    found = one([*plain_cases(), *false], "false_numbers")

    assert found.observed == 60
    assert found.numbers == ()


def test_people_who_are_shown_their_own_number_are_a_pattern() -> None:
    """Calls that present the called person's own number are a pattern."""
    own = [case(called, str(PhoneNumber(called))) for called in lines(30, 8)]

    found = one([*plain_cases(), *own], "own_number")

    assert found.observed == 30
    assert set(found.evidence) == {each.id for each in own}


def test_a_mobile_number_that_calls_too_many_is_a_platform() -> None:
    """Since 2023-01-01, 06 and 07 are for people (Arcep, décision n° 2022-1583)."""
    calls = [case(called, "06 00 00 00 00") for called in lines(30, 9)]
    before = [
        replace(each, complaint=replace(each.complaint, called_on=date(2022, 12, 31)))
        for each in calls
    ]
    fixed = [case(called, shown(900)) for called in lines(30, 9)]
    few = calls[:8]

    assert one([*plain_cases(), *calls], "mobile_platform").observed == 30
    assert "2022-1583" in one(calls, "mobile_platform").text("assumption", "en")
    assert codes([*plain_cases(), *before])["mobile_platform"] == 0
    assert codes([*plain_cases(), *fixed])["mobile_platform"] == 0
    assert codes([*plain_cases(), *few])["mobile_platform"] == 0


# -- neighbours --------------------------------------------------------------------


def _neighbour(called: int, index: int) -> str:
    """Return a number of the block of the line called."""
    return str(PhoneNumber(called - called % 10_000 + index % 10_000))


def _spoofed() -> list[Case]:
    """Return calls to an area of a hundred blocks, each from the block of the line."""
    draw = random.Random(13)  # noqa: S311 - the same each time
    called = [PLATFORM + draw.randrange(1_000_000) for _ in range(20)]
    return [case(key, _neighbour(key, 37 * i)) for i, key in enumerate(called)]


def test_neighbour_spoofing_is_found() -> None:
    """Each of many presented numbers is similar to the number of the called person."""
    spoofed = _spoofed()

    found = one([*plain_cases(), *spoofed], "neighbours")

    assert found.observed == 20
    assert found.expected < 5
    assert found.numbers == ()
    assert set(found.evidence) == {each.id for each in spoofed}


def test_a_local_shop_is_no_neighbour_spoofer() -> None:
    """A shop that calls many people of its town with one number is not a pattern."""
    calls = [case(FICTION[1] + index, "02 61 91 99 99") for index in range(200)]

    assert codes([*plain_cases(), *calls])["neighbours"] == 0


def test_shops_of_a_large_town_are_no_neighbours() -> None:
    """Shops and called people of one area share blocks of numbers only by chance."""
    draw = random.Random(4)  # noqa: S311 - the same each time
    # the area has a hundred blocks, from 01 62 00 to 01 62 99
    area = [PLATFORM + draw.randrange(1_000_000) for _ in range(800)]
    calls = [
        case(called, str(PhoneNumber(shop)))
        for called, shop in zip(area[:400], area[400:], strict=True)
    ]

    assert codes(calls)["neighbours"] == 0


# -- bursts and sequences ----------------------------------------------------------


def test_a_burst_is_found() -> None:
    """Twenty calls of one caller within an hour are a burst."""
    draw = random.Random(6)  # noqa: S311 - the same each time
    calls = [
        case(
            called,
            shown(900),
            called_on=FIRST + timedelta(days=40),
            from_time=time(11, draw.randrange(60)),
        )
        for called in lines(20, 10)
    ]

    found = one([*plain_cases(), *calls], "burst")

    assert found.observed == 20
    assert "an hour" in found.says
    assert found.numbers == (PLATFORM + 900,)


def test_a_burst_needs_no_other_caller() -> None:
    """All complaints can be about one caller."""
    days = [FIRST + timedelta(days=day) for day in (0, 20, 20, 20, 20, 20, 20)]
    cases = [
        case(line(index), "01 99 00 56 78", called_on=day)
        for index, day in enumerate(days)
    ]

    assert "burst" in {pattern.code for pattern in find_patterns(cases)}


def test_a_day_on_which_everybody_complains_is_no_burst() -> None:
    """If all callers have more complaints on a day, no caller has a burst."""
    draw = random.Random(6)  # noqa: S311 - the same each time
    calls = [
        case(called, shown(draw.randrange(200)), called_on=FIRST + timedelta(days=40))
        for called in lines(300, 11)
    ]

    assert codes([*plain_cases(), *calls])["burst"] == 0


@pytest.mark.parametrize("step", [1, -1])
def test_dialling_in_order_is_found(step: int) -> None:
    """Calls in the order of the numbers are found despite gaps between the numbers."""
    draw = random.Random(12)  # noqa: S311 - the same each time
    indexes = sorted(draw.sample(range(10_000), 12))[::step]
    calls = [
        case(
            FICTION[3] + index,
            shown(900),
            called_on=FIRST + timedelta(days=4 * i),
            from_time=time(10 + i % 9, draw.randrange(60)),
        )
        for i, index in enumerate(indexes)
    ]
    shuffled = [
        replace(each, complaint=replace(each.complaint, called=other.complaint.called))
        for each, other in zip(calls, draw.sample(calls, len(calls)), strict=True)
    ]

    found = one([*plain_cases(), *calls], "sequence")

    assert found.observed == 11
    assert codes([*plain_cases(), *shuffled])["sequence"] == 0


def test_of_a_slot_the_order_is_not_known() -> None:
    """A time slot such as "in the morning" does not give an order."""
    calls = [
        case(
            FICTION[3] + i,
            shown(900),
            called_on=FIRST + timedelta(days=7 * i),
            until_time=time(12),
        )
        for i in range(12)
    ]

    assert codes([*plain_cases(), *calls])["sequence"] == 0


# -- callers -----------------------------------------------------------------------


def test_a_siren_is_checked_and_no_placeholder() -> None:
    """A SIREN is read from SIRET and TVA numbers; placeholders are not valid."""
    assert siren_of("732 829 320") == "732829320"
    assert siren_of("732 829 320 00074") == "732829320"
    assert siren_of("FR44732829320") == "732829320"
    for wrong in ("732829321", "000000000", "111111118", "123456782", "12", "", "abc"):
        assert siren_of(wrong) == ""


def _joined(*fields: dict[str, Any]) -> list[set[int]]:
    """Return the sets of complaints of one caller, by their indexes."""
    cases = [
        case(c, **each) for c, each in zip(lines(len(fields)), fields, strict=True)
    ]
    index = {each.id: i for i, each in enumerate(cases)}
    return [{index[id] for id in actor.complaints} for actor in find_callers(cases)]


_NAME: Final = "Brelovantis Habitat"
#: They pass the checksum, and begin as those of no firm.
_SIRENS: Final = ("001234574", "004567897")


@pytest.mark.parametrize("share", ["shown", "siren", "name", "address"])
def test_what_hardly_any_two_firms_share_joins(share: str) -> None:
    """Complaints with the same number, SIREN, address or rare name have one caller."""
    first: dict[str, Any] = {
        "shown": shown(1),
        "caller": "",
        "siren": "",
        "address": "",
    }
    second = first | {"shown": shown(2)}
    if share == "shown":
        second["shown"] = "0033 162 00 00 01"
    if share == "siren":
        first["siren"], second["siren"] = _SIRENS[0], f"{_SIRENS[0]} 00018"
    if share == "name":
        first["caller"], second["caller"] = _NAME, "habitat brelovantes SARL"
    if share == "address":
        first["address"] = "12, rue des Essais 75000 Ville"
        second["address"] = "12 RUE DES ESSAIS, 75000 VILLE"

    # other callers have other sectors: a sector that all share proves nothing
    others = [{"shown": shown(10 + i), "sector": f"sector {i % 9}"} for i in range(40)]

    assert {0, 1} in _joined(first, second, *others)


@pytest.mark.parametrize(
    "fields",
    [
        {"caller": "Service client energie"},
        {"caller": "Énergie conseil France"},
        {"caller": "Stéphanie"},
        {"caller": "EDF"},
        {"caller": "operateurmobile"},
        {"siren": "000 000 000"},
        {"siren": "123456782"},
        {"shown": ""},
        {"shown": "masqué"},
        {"shown": "01 23 45 67 89"},
        {"shown": "06 06 06 06 06"},
        {"shown": "3949"},
        {"address": "Paris"},
    ],
    ids=str,
)
def test_common_features_join_nothing(fields: dict[str, Any]) -> None:
    """Complaints that share only a common name or a withheld number are not joined."""
    first: dict[str, Any] = {"shown": shown(1)} | fields
    second: dict[str, Any] = {"shown": shown(2)} | fields

    assert all(len(indexes) == 1 for indexes in _joined(first, second))


def test_a_firm_that_reopens_is_one_caller() -> None:
    """A new SIREN and a new name, with the earlier number and address."""
    address = "12 rue des Essais 75000 Ville"
    fields = [
        {"shown": shown(1), "siren": _SIRENS[0], "caller": _NAME, "address": address},
        {"shown": shown(1), "siren": _SIRENS[1], "caller": "Oxyduval"},
        {"shown": shown(2), "siren": _SIRENS[1], "address": address},
        {"shown": shown(1)},
    ]

    assert _joined(*fields) == [{0, 1, 2, 3}]
    cases = [case(c, **each) for c, each in zip(lines(4), fields, strict=True)]
    found = one(cases, "reopened")
    assert "firms of the register: 2" in found.says
    assert found.probability < 0.01


def test_firms_that_share_one_thing_stay_apart() -> None:
    """Firms are not joined by a call centre's number or a rented address alone."""
    for same in ({"shown": shown(1)}, {"address": "12 rue des Essais 75000 Ville"}):
        fields = [
            {"shown": shown(10 + i), "siren": siren, "caller": name, **same}
            for i, (siren, name) in enumerate(
                [(_SIRENS[0], _NAME), (_SIRENS[1], "Oxyduval")]
            )
        ]

        assert sorted(map(sorted, _joined(*fields))) == [[0], [1]]


def test_a_line_under_several_names_is_that_of_a_call_centre() -> None:
    """Firms that also call by themselves are not joined by a shared line."""
    names = (_NAME, "Oxyduval Chauffage", "Quintarelle Mutuelle")
    fields = [{"shown": shown(1), "caller": name} for name in names for _ in range(2)]
    fields += [{"shown": shown(2 + i), "caller": name} for i, name in enumerate(names)]

    sizes = [len(indexes) for indexes in _joined(*fields)]

    assert max(sizes) < 6


def _pairs(n: int) -> int:
    return n * (n - 1) // 2


def _right(actors: Iterable[Actor], truth: dict[str, int]) -> int:
    return sum(
        _pairs(count)
        for actor in actors
        for count in Counter(truth[id] for id in actor.complaints).values()
    )


def test_of_a_population_few_are_joined_wrongly() -> None:
    """At least 97 % of the joined pairs are right; half of the true pairs are joined.

    Firms with up to five numbers, some of which close and reopen, impostors under
    well-known names, call centres for several firms, rented addresses; a third of the
    names misheard, one number in fifty mistyped, one in ten withheld.
    """
    right = joined = real = 0
    for seed in range(8):
        made = Population(seed).complaints(1_000)
        truth = {one.id: actor for one, actor in made}
        actors = find_actors([observe(one) for one, _ in made])
        right += _right(actors, truth)
        joined += sum(_pairs(len(actor.complaints)) for actor in actors)
        real += sum(map(_pairs, Counter(truth.values()).values()))

    assert right / joined >= 0.97
    assert right / real >= 0.5


def test_the_order_of_complaints_does_not_matter() -> None:
    """In reverse order of the complaints, at least 98 % of the callers are the same."""
    made = [one for one, _ in Population(2).complaints(400)]
    turned = made[::-1]

    def as_sets(cases: list[Case]) -> set[frozenset[str]]:
        return {frozenset(actor.complaints) for actor in find_callers(cases)}

    same = as_sets(made) & as_sets(turned)
    assert len(same) >= 0.98 * len(as_sets(made))


def test_names_are_compared_as_they_sound() -> None:
    """Accents, legal forms and the order of the words do not matter."""
    assert name_key(plain("S.A.R.L. Éco-Habisol")) == name_key(plain("habisol eco"))
    table = NameTable([name_key(_NAME.lower()), "stephanie", "conseil energie"])
    chances = {pair.first: pair.chance for pair in table.alike()}
    assert chances["stephanie"] == 1.0
    assert chances["conseil energie"] > 0.1
    assert chances["brelovantis habitat"] < 1e-3


@pytest.mark.parametrize(
    ("module", "package"), [("stdnum.fr", "stdnum"), ("rapidfuzz", "rapidfuzz")]
)
def test_a_missing_package_is_named_by_its_extra(
    monkeypatch: pytest.MonkeyPatch, module: str, package: str
) -> None:
    """Only the analysis needs the extra `complaints`, not the store."""
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setitem(sys.modules, module, None)
    siren_of.cache_clear()

    with pytest.raises(MissingExtraError, match="complaints"):
        find_patterns((*plain_cases()[:2], case(line(1), shown(1), siren=_SIRENS[0])))


# -- all of them -------------------------------------------------------------------


def test_no_pattern_contains_a_number_called() -> None:
    """No pattern contains a called number, even if callers present such numbers."""
    calls = lines(40)
    # each caller presents the number of another person who complains
    cases = [
        case(called, str(PhoneNumber(other)))
        for called, other in zip(calls, calls[1:] + calls[:1], strict=True)
        for _ in range(2)
    ]

    for pattern in find_patterns(cases):
        assert not set(pattern.numbers) & set(calls)
        digits = re.sub(
            r"\D", "", f"{pattern}{pattern!r}{pattern.text('assumption', 'en')}"
        )
        assert not any((french_nsn(key) or "?") in digits for key in calls)
    for actor in find_callers(cases):
        assert not set(actor.numbers) & set(calls)


def test_every_pattern_says_its_basis() -> None:
    """A pattern has evidence, a statistic, a probability, a threshold and a title."""
    made = [one for one, _ in Population(1).complaints(600)]
    spoofed = _spoofed()

    found = find_patterns([*made, *spoofed])

    assert {"fiction", "one_caller", "neighbours"} <= {each.code for each in found}
    known = {each.id for each in [*made, *spoofed]}
    for pattern in found:
        assert pattern.text("title", "fr") != pattern.text("title", "en")
        assert pattern.evidence
        assert set(pattern.evidence) <= known
        assert 0 <= pattern.probability < 0.01
        assert pattern.says
        assert pattern.text("statistic", "en")
        assert pattern.text("assumption", "en")
        assert "chance of being wrong" in str(pattern)
