"""Files with an operator's answers about phone numbers: opposed, clear or not known."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bloctel
from bloctel import (
    CannotAnswerError,
    InputError,
    ListClosedError,
    NotKnownError,
    Registry,
    Status,
    UnknownListError,
    rules,
)
from bloctel.bulk import answer_request, import_answers, write_request

if TYPE_CHECKING:
    from pathlib import Path

DAY = date(2024, 5, 3)
CLEAR, OPPOSED, ASKED_NEVER = 33199001201, 33199001202, 33199001203
LIST = "fr.bloctel"


def keys(*numbers: int) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """Return keys as a column."""
    return np.array(numbers, np.uint64)


@pytest.fixture
def registry() -> Registry:
    """A registry with an answer "opposed" and an answer "clear", for two numbers."""
    made = Registry.create("memory:", lists=[LIST])
    made.record_answers(list=LIST, on=DAY, opposed=keys(OPPOSED), clear=keys(CLEAR))
    return made


def test_the_three_answers(registry: Registry) -> None:
    """Opposed numbers are blocked, cleared numbers are clear, others are not known."""
    assert registry.is_blocked(OPPOSED, on=DAY)
    assert not registry.is_blocked(CLEAR, on=DAY)
    with pytest.raises(
        NotKnownError, match=r"no answer about the phone number.* - at list fr\.bloctel"
    ):
        registry.is_blocked(ASKED_NEVER, on=DAY)


def test_an_answer_stands_for_thirty_days(registry: Registry) -> None:
    """The list's rules limit clear answers; opposed numbers stay opposed."""
    last = DAY + timedelta(days=29)
    assert not registry.is_blocked(CLEAR, on=last)
    with pytest.raises(NotKnownError, match="has expired"):
        registry.is_blocked(CLEAR, on=last + timedelta(days=1))
    assert registry.is_blocked(OPPOSED, on=last + timedelta(days=1))


def test_nobody_knows_of_the_days_before(registry: Registry) -> None:
    """For a day before the operator's answer, a number is not known."""
    for number in (CLEAR, OPPOSED):
        with pytest.raises(NotKnownError):
            registry.is_blocked(number, on=DAY - timedelta(days=1))


def test_verdicts_say_what_is_not_known(registry: Registry) -> None:
    """A verdict on an unknown number is never clear, and has a reason."""
    later = DAY + timedelta(days=30)
    assert registry.check(CLEAR, on=DAY).status == Status.CLEAR
    for number, day, reason in (
        (ASKED_NEVER, DAY, "not_known"),
        (CLEAR, later, "stale_answer"),
        (OPPOSED, later, "registered"),
    ):
        verdict = registry.check(number, on=day)
        assert (verdict.status, verdict.list) == (Status.BLOCKED, LIST)
        assert verdict.reason == reason


def test_columns(registry: Registry) -> None:
    """An unknown number in a column raises an error with its row, or is blocked."""
    column = np.array([CLEAR, OPPOSED, ASKED_NEVER], np.int64)
    texts = [f"+{number}" for number in column]
    for asked in (column, texts, [*map(int, column)]):
        assert registry.check_many(asked, on=DAY).tolist() == [0, 1, 1]
        with pytest.raises(NotKnownError, match="row 2"):
            registry.is_blocked_many(asked, on=DAY)
        found = registry.is_blocked_many(asked, on=DAY, unknown="block")
        assert found.tolist() == [False, True, True]
    with pytest.raises(InputError, match="unknown"):
        registry.is_blocked_many(column, on=DAY, unknown="guess")  # type: ignore[arg-type]


def test_nine_digits_are_read_as_french_where_nobody_knows_the_other(
    registry: Registry,
) -> None:
    """A French number is clear even if its digits abroad have no answer."""
    shortened = CLEAR - 33 * 10**9

    assert registry.check(shortened, on=DAY).status == Status.CLEAR
    assert not registry.is_blocked(shortened, on=DAY)
    assert registry.check_many(np.array([shortened]), on=DAY).tolist() == [0]
    registry.add_list("own")
    registry.register("+687 12 34 56", list="own", on=DAY)
    registry.record_answers(
        list=LIST, on=DAY, opposed=keys(), clear=keys(33687123456, 687123456)
    )
    for column in (np.array([687123456]), [687123456]):
        assert registry.check_many(column, on=DAY).tolist() == [2]
    assert registry.check(687123456, on=DAY).reason == "ambiguous"


def test_a_scrub_of_a_frame_never_calls_unknown_numbers_clear(
    registry: Registry,
) -> None:
    """Numbers that are not known are blocked, in frames as in files."""
    column = np.array([CLEAR, OPPOSED, ASKED_NEVER], np.int64)

    scrubbed = bloctel.scrub_frame(
        pl.DataFrame({"tel": column}), registry, columns="tel", on=DAY
    )

    assert scrubbed["bloctel"].to_list() == ["clear", "blocked", "blocked"]
    assert scrubbed["bloctel_reason"][2] == "fr.bloctel not known"


def test_a_scrub_never_calls_unknown_numbers_clear(
    registry: Registry, tmp_path: Path
) -> None:
    """Unknown numbers are among the blocked rows, with the reason."""
    calls = tmp_path / "calls.csv"
    calls.write_text(f"tel\n+{CLEAR}\n+{OPPOSED}\n+{ASKED_NEVER}\nno number\n")
    outputs = bloctel.Outputs(blocked=tmp_path / "blocked.csv")
    summary = bloctel.scrub_csv(
        calls, registry.question(on=DAY), columns=["tel"], outputs=outputs
    )
    assert (summary.clear, summary.blocked, summary.invalid) == (1, 2, 1)
    assert summary.blocked_lists == {LIST: 1, "fr.bloctel not known": 1}
    assert ";fr.bloctel not known\n" in (tmp_path / "blocked.csv").read_text()


@pytest.mark.parametrize("later_first", [False, True])
def test_the_latest_answer_counts(later_first: bool) -> None:
    """The answer of the latest day counts; on the same day, opposed counts."""
    registry = Registry.create("memory:", lists=[LIST])
    later = DAY + timedelta(days=10)
    history = [(DAY, keys(CLEAR), keys()), (later, keys(), keys(CLEAR))]
    for on, opposed, clear in reversed(history) if later_first else history:
        registry.record_answers(list=LIST, on=on, opposed=opposed, clear=clear)
    assert registry.is_blocked(CLEAR, on=later - timedelta(days=1))
    assert not registry.is_blocked(CLEAR, on=later)
    # record the number again, as opposed, on the same day
    registry.record_answers(list=LIST, on=later, opposed=keys(CLEAR), clear=keys())
    assert registry.is_blocked(CLEAR, on=later)
    registry.record_answers(list=LIST, on=later, opposed=keys(), clear=keys(CLEAR))
    assert registry.is_blocked(CLEAR, on=later)


NUMBERS = range(33199000000, 33199000004)


@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.sampled_from(NUMBERS), st.booleans()),
        max_size=12,
    ),
    st.integers(0, 90),
)
@settings(max_examples=3 * settings().max_examples)
def test_the_plainest_oracle(
    said: list[tuple[int, int, bool]], asked_after: int
) -> None:
    """The registry agrees with a simple model, in which the last answer counts."""
    registry = Registry.create("memory:", lists=[LIST, f"{LIST}.cleared"])
    for after, number, is_opposed in said:
        columns = {"opposed": keys(), "clear": keys()}
        columns["opposed" if is_opposed else "clear"] = keys(number)
        registry.record_answers(list=LIST, on=DAY + timedelta(days=after), **columns)

    for number in NUMBERS:
        known = sorted(
            (after, is_opposed)
            for after, asked, is_opposed in said
            if asked == number and after <= asked_after
        )
        verdict = registry.check(number, on=DAY + timedelta(days=asked_after))
        if not known:
            assert verdict.reason == "not_known"
        elif known[-1][1]:
            assert (verdict.status, verdict.reason) == (Status.BLOCKED, "registered")
        elif known[-1][0] + 30 > asked_after:
            assert verdict.status == Status.CLEAR
        else:
            assert (verdict.status, verdict.reason) == (Status.BLOCKED, "stale_answer")


def test_other_lists_are_asked_as_ever(registry: Registry) -> None:
    """The firm's own list does not depend on the operator's answers."""
    registry.add_list("own")
    registry.register(ASKED_NEVER, list="own", on=DAY)
    assert registry.is_blocked(ASKED_NEVER, on=DAY)
    assert registry.is_blocked(ASKED_NEVER, on=DAY, lists="own")
    assert not registry.is_blocked(OPPOSED, on=DAY, lists="own")
    with pytest.raises(UnknownListError):
        registry.is_blocked(CLEAR, on=DAY, lists="fr.bloctel.cleared")
    with pytest.raises(NotKnownError):
        registry.is_blocked(33199001299, on=DAY)
    # the French list has closed, but the firm's own list is open
    assert not registry.is_blocked(CLEAR, on=date(2026, 8, 11))


def test_clearances_alone_answer_nothing() -> None:
    """A book of cleared numbers without an opposition list cannot answer "clear"."""
    registry = Registry.create("memory:", lists=["own.cleared"])
    with pytest.raises(CannotAnswerError, match="the book has no list"):
        registry.is_blocked(CLEAR, on=DAY)


def test_a_snapshot_carries_the_answers(registry: Registry, tmp_path: Path) -> None:
    """A snapshot gives its registry's answers: opposed, clear or not known."""
    path = tmp_path / "answers.bloctel"
    registry.build_snapshot(path, on=DAY)
    with bloctel.open(path) as book:
        assert book.check_many([CLEAR, OPPOSED, ASKED_NEVER], on=DAY).tolist() == [
            0,
            1,
            1,
        ]
        with pytest.raises(NotKnownError):
            book.is_blocked(ASKED_NEVER, on=DAY)


def test_a_registration_that_is_not_yet_protected_stays(registry: Registry) -> None:
    """An answer "clear" within the 30 days before protection is not a contradiction."""
    registry.register(CLEAR, list=LIST, on=DAY)
    on = DAY + timedelta(days=5)
    registry.record_answers(list=LIST, on=on, opposed=keys(), clear=keys(CLEAR))
    assert not registry.is_blocked(CLEAR, on=on)
    assert registry.is_blocked(CLEAR, on=DAY + timedelta(days=30))


def test_clearances_follow_the_rules_of_the_list() -> None:
    """A scope has the rules of its list; a closed list has no answers."""
    cleared = rules.load("fr.bloctel.cleared:brand-a")
    assert (cleared.name, cleared.opposition_list) == (
        "fr.bloctel.cleared:brand-a",
        "fr.bloctel:brand-a",
    )
    assert cleared.registration_period(date(2026, 8, 1)).ends_on == date(2026, 8, 11)
    registry = Registry.create("memory:", lists=[LIST])
    with pytest.raises(ListClosedError):
        registry.record_answers(
            list=LIST, on=date(2026, 8, 11), opposed=keys(), clear=keys(CLEAR)
        )


RETURNED = (
    "Telephone;Identifiant;Statut\r\n"
    "0199001201;a1;OK\r\n"
    "0199001202;a2;KO\r\n"
    "0199001204;a3; OK \r\n"
    "0199001205;a4;ok\r\n"
    "0199001206;a5;\r\n"
    "0199001207;a6;OK\r\n"
    "0199001207;a7;INSCRIT\r\n"
    "unknown;a8;OK\r\n"
    ";a9;OK\r\n"
)


def test_the_file_that_came_back(tmp_path: Path) -> None:
    """Only the answer OK permits calls; contradictory answers count as opposed."""
    file = tmp_path / "retour_2024.csv"
    file.write_text(RETURNED)
    registry = Registry.create("memory:", lists=[LIST])
    for _ in range(2):
        found = import_answers(registry, file, on=DAY)
        assert found == (8 + 0, 2, 4, 1, 1)
    numbers = [f"019900120{i}" for i in (1, 2, 4, 5, 6, 7, 8)]
    assert registry.check_many(numbers, on=DAY).tolist() == [0, 1, 0, 1, 1, 1, 1]
    assert registry.check(numbers[-1], on=DAY).reason == "not_known"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Telephone;Identifiant\n0199001201;a1\n", "column"),
        ("Telephone;Identifiant;Statut\n0199001201;a1\n", "row 2"),
        ("Telephone;Identifiant;Statut\n", "a row with a phone number and its status"),
        (
            "Telephone;Identifiant;Statut\n0199001202;lot;OK;KO\n",
            "a row with as many fields as the first row, got a longer row .*, row 2",
        ),
        (
            "Telephone;Identifiant;Statut\n0199001202;lot;OK;;KO\n",
            "a row with as many fields as the first row, got a longer row .*, row 2",
        ),
        (
            "Telephone;Identifiant;Statut;Mobile\n0199001202;a;KO;0199001203\n",
            "2 columns may contain",
        ),
        (
            "Telephone;Etat;Ancien\n0199001201;inscrit;OK\n0199001202;;OK\n",
            "three columns without names, got a header without 'Statut'",
        ),
        ("0199001201;OK;lot\n0199001202;;lot\n", "got statuses in another column"),
        (
            "Telephone;Identifiant;Statut;Statut\n0199001201;a;OK;KO\n",
            "one column 'statut', got 2 columns of that name",
        ),
        (
            "0199001201;a;OK;ok\n0199001202;b;OK;Oppos\u00e9\n",
            "got 4 columns without names",
        ),
        (
            'Telephone;Identifiant;Statut\n0199001201;"a1;KO\n0199001202;"a2;OK\n',
            "got text after a closing quote .*, row 2",
        ),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, expected: str) -> None:
    """A file that is not the operator's answer is refused, and nothing is recorded."""
    file = tmp_path / "sent.csv"
    file.write_text(text)
    registry = Registry.create("memory:", lists=[LIST])
    with pytest.raises(InputError, match=expected) as refused:
        import_answers(registry, file, on=DAY)
    assert "199001201" not in str(refused.value)
    assert not list(registry.changes())


def test_a_status_elsewhere_is_read_where_it_is_named(tmp_path: Path) -> None:
    """The status column is found by its name; empty surplus fields are ignored."""
    file = tmp_path / "retour.csv"
    file.write_text("Telephone;Statut;Identifiant\n0199001201;KO;OK\n0199001202;OK;;\n")
    registry = Registry.create("memory:", lists=[LIST])

    found = import_answers(registry, file, on=DAY, status_column="statut")

    assert (found.clear, found.opposed) == (1, 1)
    assert import_answers(registry, file, on=DAY) == found
    file.write_text("Telephone;Id;Statut;Ancien\n0199001203;a;OK;KO\n")
    assert import_answers(registry, file, on=DAY).clear == 1
    file.write_text("Telephone;Etat;Ancien\n0199001201;KO;OK\n0199001202;OK;KO\n")
    found = import_answers(registry, file, on=DAY, status_column="etat")
    assert (found.clear, found.opposed) == (1, 1)


@pytest.mark.parametrize(
    ("row", "got"),
    [("0199001203", "a shorter row"), ("0199001204;e;f", "a longer row")],
)
def test_no_answer_is_given_that_could_not_be_read(
    tmp_path: Path, row: str, got: str
) -> None:
    """A row of another length is refused: its status would be misplaced."""
    request, answer = tmp_path / "request.csv", tmp_path / "retour_1.csv"
    request.write_text(f"Telephone;Identifiant\n0199001201;a1\n\n{row}\n")
    operator = Registry.create("memory:")
    operator.register(OPPOSED, list="own", on=DAY)

    with pytest.raises(InputError, match=f"got {got} - at .*, row 4") as refused:
        answer_request(request, operator.question(on=DAY), answer)

    assert "19900" not in str(refused.value)
    assert not answer.exists()


@pytest.mark.parametrize(
    "text",
    [
        'Telephone;Identifiant\n0199001201;"a\n0199001202;b"\n',
        '"Telephone\n0199001202;x\nTel";Identifiant\n0199001201;a\n',
        "Telephone;Tel2\n0199001201;0199001202\n",
        "0199001201;0199001202\n",
    ],
    ids=["row", "header", "second column", "no header"],
)
def test_numbers_that_no_answer_covers_are_refused(text: str, tmp_path: Path) -> None:
    """A request with phone numbers in other cells than the first is refused."""
    request, answer = tmp_path / "request.csv", tmp_path / "answer.csv"
    request.write_text(text)
    operator = Registry.create("memory:", lists=["own"])
    with pytest.raises(InputError, match="a cell that is not read") as refused:
        answer_request(request, operator.question(on=DAY), answer)
    assert "19900" not in str(refused.value)
    assert not answer.exists()


def test_an_identifier_may_look_like_a_phone_number(tmp_path: Path) -> None:
    """The column `Identifiant` of a request may contain any text."""
    request, answer = tmp_path / "request.csv", tmp_path / "answer.csv"
    request.write_text("Telephone;identifiant\n0199001201;0199001202\n")
    operator = Registry.create("memory:", lists=["own"])
    counts = answer_request(request, operator.question(on=DAY), answer)
    assert counts == {"OK": 1, "OPPOSE": 0, "INVALIDE": 0}


SENT = (
    "code;tel;ville\n"
    "a1;+33 1 99 00 12 01;Lyon\n"
    'a2;01 99 00 12 02;"Paris; 15e"\n'
    "a3;+44 7700 900123;Leeds\n"
    "a4;12;Nice\n"
    '"a;5";+262639981234;Mamoudzou\n'
)


def test_there_and_back(tmp_path: Path) -> None:
    """A request, the operator's answer, and its import give the expected state."""
    file, request = tmp_path / "calls.csv", tmp_path / "request.csv"
    file.write_text(SENT)
    done = write_request(file, request, column="tel", id_column="code")
    assert done == (5, 3, 1, 1)
    assert request.read_bytes() == (
        b"Telephone;Identifiant\r\n0199001201;a1\r\n0199001202;a2\r\n"
        b'0639981234;"a;5"\r\n'
    )

    operator = Registry.create("memory:")
    operator.register(OPPOSED, list="own", on=DAY)
    answer = tmp_path / "retour_1.csv"
    counts = answer_request(request, operator.question(on=DAY), answer)
    assert counts == {"OK": 2, "OPPOSE": 1, "INVALIDE": 0}
    assert answer.read_bytes() == (
        b"Telephone;Identifiant;Statut\r\n0199001201;a1;OK\r\n"
        b'0199001202;a2;OPPOSE\r\n0639981234;"a;5";OK\r\n'
    )

    firm = Registry.create("memory:", lists=[LIST])
    assert import_answers(firm, answer, on=DAY) == (3, 2, 1, 0, 0)
    assert firm.check_many(["+262639981234", OPPOSED], on=DAY).tolist() == [0, 1]


def test_a_request_leaves_out_rows_that_hide_rows(tmp_path: Path) -> None:
    """A row is not written if one of its cells contains another row."""
    file, request = tmp_path / "calls.csv", tmp_path / "request.csv"
    file.write_text(
        'code;tel\n"a;0199001201\nb;0199001202\nc";0199001203\nd;0199001204\n'
    )

    done = write_request(file, request, column="tel", id_column="code")

    assert done == (2, 1, 0, 1)
    assert request.read_bytes() == b"Telephone;Identifiant\r\n0199001204;d\r\n"
    file.write_text('code;tel;"x\n0199001201\n"\nb;0199001202;\n')
    with pytest.raises(InputError, match=r"cell that is not read .*, row 1"):
        write_request(file, request, column="tel", id_column="code")


def test_an_answer_never_takes_the_place_of_its_request(tmp_path: Path) -> None:
    """The request is not overwritten, and a missing folder is named."""
    file = tmp_path / "calls.csv"
    file.write_text(SENT)
    question = Registry.create("memory:", lists=["own"]).question(on=DAY)
    with pytest.raises(InputError, match="the same file as the input"):
        answer_request(file, question, file)
    with pytest.raises(InputError, match="the same file as the input"):
        write_request(file, file, column="tel", id_column="code")
    assert file.read_text() == SENT
    with pytest.raises(InputError, match="got no such folder"):
        write_request(file, tmp_path / "no" / "x.csv", column="tel", id_column="code")
    with pytest.raises(InputError, match="got the same column for two fields"):
        write_request(file, tmp_path / "x.csv", column="tel", id_column="tel")
