"""What the codes of a scrub mean, in words for who reads a report."""

from __future__ import annotations

from typing import Final

__all__ = ["MARKS", "REASONS"]

#: By the code of the reason, what is wrong with a cell.
REASONS: Final = {
    "empty": "no digit at all",
    "not_text": "neither text nor a whole number",
    "letters": "letters among the digits",
    "unexpected_character": "a character that nobody writes in a phone number",
    "several_numbers": "more than one number in one cell",
    "too_short": "digits are missing",
    "too_long": "too many digits",
    "short_number": "a short number, which is no subscriber's line",
    "machine_number": "the number of a machine (communication entre machines, M2M)",
    "rounded": "a spreadsheet rounded it, and its last digits are lost",
    "decimal": "a number with a fraction, such as a price",
    "unknown_country": "the country code is not assigned",
    "no_country": "a national form, and no region to read it by",
    "ambiguous": "digits that can be read as two numbers",
    "missing_field": "the row ends before the phone column",
    "stray_quote": "text stands behind a closing quote, so that fields and rows may be "
    "others than they seem",
    "cell_error": "a cell of a workbook with an error, or a formula without a value",
}

#: By the code of the finding, its title.
MARKS: Final = {
    "sequence": "Numbers in counting order",
    "neighbours": "Consecutive numbers",
    "dense_blocks": "Blocks that are densely filled",
    "even_blocks": "Blocks that are filled too evenly",
    "endings": "Endings that are covered too well",
    "unassigned": "Numbers that no operator has",
    "fiction": "Numbers that nobody has",
}
