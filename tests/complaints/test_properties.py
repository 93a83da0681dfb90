"""Properties of complaints, compared with the simplest correct model."""

from __future__ import annotations

import io
import itertools
import json
import math
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from bloctel import PhoneNumber
from bloctel._util.statistics import ascents_tail, successes_tail
from bloctel.complaints import (
    Admissibility,
    Case,
    CaseOutcome,
    CaseState,
    Complaint,
    Complaints,
    Grounds,
    Known,
    new_id,
    read_complaint,
    read_file,
    received,
    write_file,
    written,
)
from bloctel.complaints.admissibility import ADMISSIBLE
from bloctel.complaints.complaint import without_number
from bloctel.errors import InputError
from bloctel.rules.law import Channel
from tests.helpers.callers import FICTION

NOW: Final = datetime(2026, 11, 25, 9, tzinfo=UTC)
NUMBERS: Final = st.builds(
    lambda first, last: PhoneNumber(first + last),
    st.sampled_from(FICTION),
    st.integers(0, 9_999),
)
#: Texts of people, with formulas and quotes.
TEXTS: Final = st.text(
    st.characters(exclude_categories=("Cc", "Cs")) | st.sampled_from("=+-@'\";,|\n\t"),
    max_size=30,
).map(str.strip)
COMPLAINTS: Final = st.builds(
    Complaint,
    called=st.none() | NUMBERS,
    called_on=st.none() | st.dates(date(2015, 1, 1), date(2026, 11, 24)),
    from_time=st.none() | st.times().map(lambda t: t.replace(microsecond=0)),
    time_zone=st.sampled_from(["", "Indian/Reunion", "America/Miquelon"]),
    shown=TEXTS | NUMBERS.map(str),
    caller=TEXTS,
    sector=TEXTS,
    purpose=TEXTS,
    text=TEXTS,
    siren=TEXTS,
    address=TEXTS,
    channel=st.sampled_from(Channel),
).map(lambda complaint: read_complaint(written(complaint), where="-"))


def begun(complaint: Complaint) -> Case:
    """Return the new case of a complaint."""
    return received(complaint, id=new_id(), at=NOW)


CASES: Final = st.lists(COMPLAINTS.map(begun), max_size=5)


# -- files -------------------------------------------------------------------------


@given(COMPLAINTS)
def test_what_is_written_is_read(complaint: Complaint) -> None:
    """The texts of a complaint give the same complaint back."""
    assert read_complaint(written(complaint), where="-") == complaint


@pytest.mark.parametrize("format", ["csv", "json"])
@given(cases=CASES)
def test_a_file_holds_what_was_written(format: str, cases: list[Case]) -> None:
    """CSV and JSON give the same complaints back for any texts."""
    file = io.BytesIO()
    write_file(file, cases, format=format)

    read = read_file(io.BytesIO(file.getvalue()), at=NOW)

    assert list(read) == cases


@given(CASES)
def test_no_cell_is_a_formula(cases: list[Case]) -> None:
    """No cell of the exported CSV is a formula; plain phone numbers are unchanged."""
    import csv

    file = io.BytesIO()
    write_file(file, cases, format="csv")

    for row in csv.reader(io.StringIO(file.getvalue().decode(), newline="")):
        for cell in row:
            is_number = cell[:1] == "+" and cell[1:].replace(" ", "").isdecimal()
            assert is_number or not cell.startswith(tuple("=+-@\t\r＝＋－＠"))  # noqa: RUF001


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_or_read_without_loss(data: bytes) -> None:
    """Random bytes are refused with InputError, or are complaints."""
    require_refused_or_complaints(data)


def require_refused_or_complaints(data: bytes) -> None:
    """Assert that bytes are refused, or that they can be written again."""
    try:
        cases = list(read_file(io.BytesIO(data), at=NOW))
    except InputError:
        return
    named = [replace(case, id=case.id or new_id()) for case in cases]
    file = io.BytesIO()
    write_file(file, named, format="json")
    assert list(read_file(io.BytesIO(file.getvalue()), at=NOW)) == named


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"called;telephone\n",
        b"called\n06 39 98 12 34;2026\n",
        b'called\n"06 39\n',
        b"{",
        b"{}",
        b'{"format": "bloctel.complaints", "version": 2, "complaints": []}',
        b'{"format": "bloctel.complaints", "version": 1, "complaints": {}}',
        b'{"format": "bloctel.complaints", "version": 1, "complaints": [1]}',
        b'{"format": "bloctel.complaints", "version": NaN, "complaints": []}',
        b'{"format": "a", "format": "b"}',
        b'{"a":' * 100_000,
    ],
)
def test_files_that_are_not_complaints_are_refused(data: bytes) -> None:
    """A file that does not contain complaints is refused; the error names the file."""
    with pytest.raises(InputError) as caught:
        list(read_file(io.BytesIO(data), at=NOW))

    assert str(caught.value.where).startswith("standard input")


_JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "called", "steps", "state", "at", "detail", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=9,
)


@given(_JSON)
@example({})
@example({"called": "x", "steps": None})
@example({"called": "x", "x": ""})
def test_json_of_wrong_types_is_refused_in_a_sentence(entry: object) -> None:
    """The reader accepts only objects with the keys and types of a complaint."""
    document = {"format": "bloctel.complaints", "version": 1, "complaints": [entry]}
    data = json.dumps(document).encode()

    if _may_be_a_complaint(entry):
        (case,) = read_file(io.BytesIO(data), at=NOW)
        assert case.state is CaseState.SIGNAL  # a signal lacks fields
    else:
        with pytest.raises(InputError):
            list(read_file(io.BytesIO(data), at=NOW))


def _may_be_a_complaint(entry: object) -> bool:
    """Return whether an object of `_JSON` has only keys and types of a complaint."""
    return (
        isinstance(entry, dict)
        and entry.keys() <= {"id", "called", "steps"}
        and entry.get("id") in (None, "")
        and entry.get("steps") is None
        and isinstance(entry.get("called"), str | None)
    )


# -- redaction ---------------------------------------------------------------------


@given(NUMBERS, TEXTS, TEXTS, st.sampled_from(["", " ", ".", "-", "  ", "/"]))
def test_a_number_is_never_left_in_a_text(
    number: PhoneNumber, before: str, after: str, gap: str
) -> None:
    """The called number is removed, whatever its separators and the text around it."""
    spelled = gap.join(number.national_significant_number)

    redacted = without_number(f"{before}{spelled}{after}", number)

    bare = "".join(c for c in redacted if c.isascii() and c not in " .-/()\n\t")
    assert number.national_significant_number not in bare or (
        number.national_significant_number
        in "".join(c for c in before + after if c.isascii())
    )


@given(NUMBERS, TEXTS)
def test_redaction_is_idempotent(number: PhoneNumber, text: str) -> None:
    """Removing the called number a second time does not change the text."""
    once = without_number(text, number)

    assert without_number(once, number) == once


# -- tail probabilities ------------------------------------------------------------


@given(st.lists(st.floats(0, 1), max_size=9), st.integers(-1, 10))
def test_the_tail_of_trials_is_the_sum_over_all_outcomes(
    chances: list[float], count: int
) -> None:
    """The tail is the sum over all outcomes, weighted by their probabilities."""
    total = 0.0
    for outcome in itertools.product((0, 1), repeat=len(chances)):
        weight = math.prod(
            p if hit else 1 - p for hit, p in zip(outcome, chances, strict=True)
        )
        total += weight if sum(outcome) >= count else 0.0

    assert successes_tail(count, chances) == pytest.approx(total, abs=1e-12)


@pytest.mark.parametrize("length", range(1, 8))
def test_the_tail_of_ascents_is_counted_over_all_orders(length: int) -> None:
    """The tail is the share of orders with as many ascents or more."""
    counts = [
        sum(b > a for a, b in itertools.pairwise(order))
        for order in itertools.permutations(range(length))
    ]

    for count in range(length + 2):
        share = sum(ups >= count for ups in counts) / len(counts)
        assert ascents_tail(count, length) == pytest.approx(share, abs=1e-12)


# -- life cycle --------------------------------------------------------------------

#: The steps that may follow, independent of the source.
_MAY: Final[dict[CaseState, set[str]]] = {
    CaseState.SIGNAL: {"complete", "close"},
    CaseState.RECEIVED: {"judge", "close"},
    CaseState.ADMISSIBLE: {"judge", "forward", "close"},
    CaseState.NOT_ADMISSIBLE: {"judge", "close"},
    CaseState.FORWARDED: {"close"},
    CaseState.CLOSED: set(),
}
_WHOLE: Final = Complaint(
    called=PhoneNumber(FICTION[0] + 1),
    called_on=date(2026, 11, 23),
    from_time=time(10, 30),
    shown="01 99 00 56 78",
    sector="insurance",
)


class LivesOfComplaints(RuleBasedStateMachine):
    """Complaints in a store, compared with a list of their states."""

    @initialize()
    def begin(self) -> None:
        """Create an empty store."""
        self.store = Complaints.create("memory:")
        self.states: dict[str, list[CaseState]] = {}
        self.at = NOW

    def teardown(self) -> None:
        """Close the store."""
        if hasattr(self, "store"):
            self.store.close()

    def moment(self) -> datetime:
        """Return an instant that is later than the last one."""
        self.at += timedelta(minutes=1)
        return self.at

    @rule(missing=st.sampled_from(["", "sector", "shown", "called"]))
    def add(self, missing: str) -> None:
        """Store a complaint that may have a missing field."""
        blank: dict[str, Any] = {missing: None if missing == "called" else ""}
        complaint = replace(_WHOLE, **blank) if missing else _WHOLE
        case = self.store.add(complaint, at=self.moment())
        self.states[case.id] = [CaseState.SIGNAL if missing else CaseState.RECEIVED]

    @precondition(lambda self: self.states)
    @rule(
        data=st.data(), step=st.sampled_from(["complete", "judge", "forward", "close"])
    )
    def step(self, data: st.DataObject, step: str) -> None:
        """Take any step; it is refused if it may not follow the last step."""
        id = data.draw(st.sampled_from(sorted(self.states)))
        may = step in _MAY[self.states[id][-1]]
        try:
            case = self.take(id, step, data)
        except InputError:
            assert not may
        else:
            assert may
            self.states[id].append(case.state)

    def take(self, id: str, step: str, data: st.DataObject) -> Case:
        """Call the method of the store that has this name."""
        at = self.moment()
        if step == "complete":
            return self.store.complete(id, _WHOLE, at=at)
        if step == "forward":
            return self.store.forward(id, at=at)
        if step == "close":
            return self.store.close_case(
                id, data.draw(st.sampled_from(CaseOutcome)), at=at
            )
        return self.store.judge(
            id, known=Known(consent=data.draw(st.booleans())), at=at
        )

    @precondition(lambda self: self.states)
    @rule(data=st.data())
    def go_back_in_time(self, data: st.DataObject) -> None:
        """A step with an earlier time than the last step is refused."""
        id = data.draw(st.sampled_from(sorted(self.states)))
        with pytest.raises(InputError):
            self.store.close_case(id, at=NOW - timedelta(days=1))

    @precondition(lambda self: self.states)
    @rule(data=st.data())
    def erase(self, data: st.DataObject) -> None:
        """Erase a complaint; its name is not known afterwards."""
        id = data.draw(st.sampled_from(sorted(self.states)))
        self.store.erase(id)
        del self.states[id]
        with pytest.raises(InputError):
            self.store.describe_status(id)

    @rule()
    def hand_over(self) -> None:
        """Import a file of all complaints into another store, twice."""
        file = io.BytesIO()
        write_file(file, self.store.cases(), format="json")
        with Complaints.create("memory:") as other:
            for known in (0, len(self.states)):
                read = read_file(io.BytesIO(file.getvalue()), at=NOW)
                assert other.import_cases(read).known == known
            assert list(other.cases()) == list(self.store.cases())

    @invariant()
    def has_all_steps(self) -> None:
        """Each complaint has the state of its steps, and a text with each day."""
        if not hasattr(self, "store"):
            return
        found = {case.id: case for case in self.store.cases()}
        assert list(found) == list(self.states)
        for id, case in found.items():
            assert [step.state for step in case.steps] == self.states[id]
            moments = [step.at for step in case.steps]
            assert moments == sorted(moments)
            text = self.store.describe_status(id, lang="en")
            assert text.count("2026-") >= len(moments)

    @invariant()
    def is_chained(self) -> None:
        """The hash chain is intact."""
        if hasattr(self, "store"):
            self.store.verify()


TestLivesOfComplaints = LivesOfComplaints.TestCase


@given(st.sampled_from(Grounds))
def test_grounds_decide_the_admissibility(grounds: Grounds) -> None:
    """Only the grounds decide whether a complaint is admissible."""
    assert Admissibility(grounds).is_admissible == (grounds in ADMISSIBLE)
