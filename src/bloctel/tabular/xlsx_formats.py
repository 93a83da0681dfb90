"""Number formats in workbooks: the text that Excel shows for the value of a cell.

A format can add digits: the format `"+32 "0` shows the value 465710001 as
+32 465710001.
"""

import re
from functools import lru_cache
from typing import Final

#: Pattern of plain formats, which show only the digits of a value (also as 1.2E+3).
_PLAIN: Final = re.compile(r"general|@|0|[0#?]{1,3}(\.[0#?]*)?e[+-]0+", re.IGNORECASE)
#: Ids of the built-in formats of Excel, except percentages, dates and times.
PLAIN_BUILT_IN: Final = frozenset({*range(9), 11, 12, 13, *range(37, 45), 48, 49})

_TOKEN: Final = re.compile(
    r"""
      (?P<literal> "[^"]*" | \\. | \[\$[^]]*\] | [^\w%/*[\]"\\.,@;?#] )
    | (?P<blank> _. | \*[ ] | \[(?:black|blue|cyan|green|magenta|red|white|yellow)\] )
    | (?P<place> [0#?] | general )
    | (?P<other> . )
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
#: The format General shows more digits than this in scientific notation (1.2E+11).
_LONGEST_GENERAL: Final = 11
_MOST_SECTIONS: Final = 4
_Token = tuple[str, str]  # kind and text


def is_plain(code: str) -> bool:
    """Return True if a format shows only the digits of a value (a plain format)."""
    return bool(_PLAIN.fullmatch(code))


def shown(code: str, value: str | int) -> str | None:
    """Return the text that Excel shows for *value* in the format *code*, or None.

    *value* is a text or a positive integer.  None means that the text is not certain.

    >>> shown('"+33 "0', 639981234), shown('00" "00" "00" "00" "00', 639981234)
    ('+33 639981234', '06 39 98 12 34')
    >>> shown("0%", 639981234) is None
    True
    """
    sections = _sections(code)
    if len(sections) > _MOST_SECTIONS:
        return None
    if isinstance(value, int):
        # a condition in brackets, such as [>9], can select another section
        if any(("other", "[") in section for section in sections):
            return None
        return _shown_number(sections[0], str(value))
    has_text_section = len(sections) == _MOST_SECTIONS or ("other", "@") in sections[-1]
    return _shown_text(sections[-1], value) if has_text_section else value


@lru_cache
def _sections(code: str) -> list[list[_Token]]:
    """Split a format at semicolons; the first section is for positive numbers."""
    sections: list[list[_Token]] = [[]]
    for match in _TOKEN.finditer(code):
        kind, text = str(match.lastgroup), match[0]
        if text == ";":
            sections.append([])
            continue
        if kind == "blank":
            kind, text = "literal", " "
        elif text.startswith("[$"):  # a currency and a language, such as [$EUR-409]
            text = text[2:-1].partition("-")[0]
        elif kind == "literal" and len(text) > 1:
            text = text[1:].removesuffix('"') if text[0] == '"' else text[1:]
        sections[-1].append((kind, text))
    return sections


def _shown_text(section: list[_Token], value: str) -> str | None:
    if any(kind != "literal" and text != "@" for kind, text in section):
        return None
    shows_value = ("other", "@") in section
    parts = [text if kind == "literal" else value for kind, text in section]
    return "".join(parts) if shows_value else None


def _shown_number(section: list[_Token], digits: str) -> str | None:
    point = section.index(("other", ".")) if ("other", ".") in section else len(section)
    whole, fraction = section[:point], section[point:]
    for kind, text in fraction:
        if not (kind == "place" or text == "." or text.isspace()):
            return None
    places = [index for index, (kind, _) in enumerate(whole) if kind == "place"]
    is_general = any(len(whole[index][1]) > 1 for index in places)
    if is_general and (len(places) > 1 or len(digits) > _LONGEST_GENERAL):
        return None
    # from the first placeholder 0 on, a placeholder without a digit shows 0
    zeros = whole.index(("place", "0")) if ("place", "0") in whole else len(whole)
    parts: list[str] = []
    for index, (kind, text) in reversed(list(enumerate(whole))):
        if kind == "literal":
            parts.append(text)
        elif kind == "place":
            # the first placeholder shows all remaining digits
            cut = max(0, len(digits) - 1) if index > places[0] else 0
            parts.append(digits[cut:] or ("0" if index >= zeros else ""))
            digits = digits[:cut]
        elif text != "," or not places or index > places[-1]:
            return None  # a comma after the last placeholder divides by 1000
    return "".join(reversed(parts)) if places else None
