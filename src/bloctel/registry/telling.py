"""What a registry can tell of its registrations, without any look-up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bloctel._util import clock
from bloctel.errors import StorageDeniedError
from bloctel.numbers.phone_number import check_region, normalize
from bloctel.periods import plain_day
from bloctel.registry import journal, prefix_rules, registrations
from bloctel.registry.snapshot_export import build_snapshot, identity_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, timedelta
    from pathlib import Path

    from bloctel.registry.journal import (
        Change,
        DueRenewal,
        HistoryEntry,
        RegistrationColumns,
    )
    from bloctel.registry.prefix_rules import PrefixEntry
    from bloctel.snapshot import SnapshotInfo
    from bloctel.storage.interface import Storage

__all__ = ["Telling"]


class Telling:
    """A storage's registrations, told in the words of its users.

    Attributes:
        region: The region by which national forms are read unless a call says
            otherwise.
    """

    def __init__(self, storage: Storage) -> None:
        """Join an existing storage."""
        self._storage = storage
        with storage.read() as reader:
            settings = reader.settings()
        self._identity = identity_of(settings)
        self._signs_with = settings.get("token_key", "")
        self.region = check_region(settings.get("region") or None)

    def history(
        self, number: object, *, region: str | None = None
    ) -> list[HistoryEntry]:
        """Return every registration that is known of a number, oldest first.

        Raises:
            InvalidNumberError: No single number can be read.
        """
        key = self._key(number, region)
        with self._storage.read() as reader:
            return journal.history(reader, key)

    def registrations(self, *, list: str) -> Iterator[RegistrationColumns]:
        """Yield every registration of a list, in parts of bounded size.

        Raises:
            UnknownListError: The registry holds no such list.
        """
        return journal.registrations(self._storage, list)

    def changes(self, *, since: int = 0) -> Iterator[Change]:
        """Return the journal after the cursor *since*, in order.

        A follower keeps the cursor of the last change that it has seen.

        Raises:
            CursorPurgedError: Lines after it have been dropped by `trim_journal`.
        """
        return journal.changes(self._storage, since)

    def prefixes(self) -> list[PrefixEntry]:
        """Return every prefix rule that there is or was, by list and prefix."""
        with self._storage.read() as reader:
            return prefix_rules.entries(reader)

    def due_for_renewal(
        self, *, within: timedelta, on: date | None = None
    ) -> Iterator[DueRenewal]:
        """Yield the numbers whose protection ends soon, to be reminded.

        Args:
            within: How soon it ends.
            on: The day from which that counts; today if not given.
        """
        return journal.due_for_renewal(self._storage, within, self._first_day(on))

    def build_snapshot(
        self, path: str | Path, *, on: date | None = None
    ) -> SnapshotInfo:
        """Write all that the registry knows to a snapshot file, and describe it.

        The file replaces an older one whole: a reader sees the one or the other.

        Args:
            path: Where it goes.
            on: The day it is built; today in the lists' time zone if not given.
                The snapshot can be asked about days up to the end of the answers'
                validity from then on (30 days for `fr.bloctel`).

        Raises:
            CannotAnswerError: The registry holds no list.
            InputError: The day is yet to come.
        """
        return build_snapshot(
            self._storage, path, region=self.region, identity=self._identity, on=on
        )

    @property
    def _token_key(self) -> bytes:
        """What signs tokens.

        Raises:
            StorageDeniedError: It is kept from this user of the database, who could
                confirm for others with it.
        """
        try:
            key = bytes.fromhex(self._signs_with)
        except ValueError:
            key = b""
        if not key:
            raise StorageDeniedError(
                "a registry whose key for tokens may be read", "one without it"
            )
        return key

    def _key(self, number: object, region: str | None) -> int:
        return normalize(number, region=self.region if region is None else region).key

    def _last_day(self) -> date:
        """Return the latest day that it is in any list's zone."""
        return max(self._todays(), default=clock.today("UTC"))

    def _todays(self) -> set[date]:
        with self._storage.read() as reader:
            zones = {held.rules.time_zone for held in registrations.book_lists(reader)}
        return {clock.today(zone) for zone in zones}

    def _first_day(self, on: date | None) -> date:
        """Return the day, by default the earliest that it is in any list's zone."""
        if on is not None:
            return plain_day(on)
        return min(self._todays(), default=clock.today("UTC"))
