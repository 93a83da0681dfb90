"""Import of a register: a list that its operator hands out as files (`us.dnc`)."""

from datetime import date
from typing import NamedTuple

from bloctel import rules
from bloctel.bulk.register_layouts import form_of, read_register
from bloctel.errors import InputError
from bloctel.registry.registry import Registry
from bloctel.tabular.csv_reader import Progress, Source


class ImportedRegister(NamedTuple):
    """Result of the import of a file that an operator handed out.

    Attributes:
        rows: The number of lines or XML elements with a phone number.
        areas: The number of areas, such as area codes, whose numbers were replaced.
        registered: The number of phone numbers that were added to the list.
        ended: The number of phone numbers that are no longer on the list.
    """

    rows: int
    areas: int
    registered: int
    ended: int


def import_register(  # noqa: PLR0913 - each is an option of the command
    registry: Registry,
    source: Source,
    *,
    list: str,
    layout: str,
    on: date,
    n_numbers: int | None = None,
    allow_fewer: bool = False,
    progress: Progress | None = None,
) -> ImportedRegister:
    """Replace the phone numbers of a list by those in a file of its operator.

    The file replaces the phone numbers of the areas in the file: in North America, the
    area codes of its numbers; in the United Kingdom, the whole list.  Phone numbers of
    other areas stay.  The registration of a number that is missing from the file ends
    on the day *on*.  After an error, nothing is changed.  If a file is imported twice,
    the second import changes nothing.

    Look-ups in the list know the phone numbers of these areas for as many days as the
    list's rules allow, which is 31 days for `us.dnc`.  All other phone numbers of the
    list's regions are not known, so look-ups never report them as clear.

    Args:
        registry: The registry.
        source: A path, or a binary stream in which one can seek: a zip archive, an XML
            file or a text file.
        list: The name of the list, such as `us.dnc`.
        layout: The layout of the file: `us-dnc`, `ca-dncl` or `uk-tps`.
        on: The day on which the operator handed out the file.
        n_numbers: The number of phone numbers in the file.  A text file that is not in
            a zip archive needs it, because such a file can be truncated.
        allow_fewer: True accepts that more than a tenth of the numbers of an area are
            no longer on the list; by default, this is refused as a mistake.
        progress: Function that gets the bytes read and the size (None if unknown).

    Raises:
        InputError: The file is not valid or may not be complete (the message names the
            line), or it is older than a file that was imported before, or too many
            numbers are missing.
        UnknownListError: The registry has no such list.
    """
    form, distribution = form_of(layout), rules.load(list).distribution
    if distribution is None or form.region not in distribution.regions:
        expected = f"a list whose files have the layout {layout}"
        raise InputError(expected, rules.shown_name(list), "list")
    found = read_register(source, layout, n_numbers=n_numbers, progress=progress)
    done = registry.replace_numbers(
        found.keys,
        list=list,
        on=on,
        area_digits=form.area_digits,
        allow_fewer=allow_fewer,
    )
    return ImportedRegister(found.n_lines, *done)
