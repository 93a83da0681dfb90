"""Make `prospects.csv` and `oppositions.csv` again.

    python examples/generate.py tests/data/town-halls.csv

Every registered number comes from the six ranges reserved for fiction; the town
halls are never registered.
"""

import csv
import random
import sys
from pathlib import Path

FICTION = ("0199 00", "0261 91", "0353 01", "0465 71", "0536 49", "0639 98")
TOWN_HALLS = 850
INVENTED = 150
OPPOSITIONS = 400
FOLDER = Path(__file__).parent

# the ways in which people write the same number
FORMS = (
    "0{a} {b} {c} {d} {e}",
    "0{a}{b}{c}{d}{e}",
    "0{a}.{b}.{c}.{d}.{e}",
    "+33 {a} {b} {c} {d} {e}",
    "+33{a}{b}{c}{d}{e}",
    "0033{a}{b}{c}{d}{e}",
    "+33 (0){a} {b} {c} {d} {e}",
)


def write_number(national: str, source: random.Random) -> str:
    """Write a national number, 0 and nine digits, in one of the forms."""
    return source.choice(FORMS).format(
        a=national[1], b=national[2:4], c=national[4:6], d=national[6:8], e=national[8:]
    )


def invent(count: int, source: random.Random) -> list[str]:
    """Draw distinct numbers from the ranges reserved for fiction."""
    ranges = [start.replace(" ", "") for start in FICTION]
    drawn: dict[str, None] = {}
    while len(drawn) < count:
        drawn[f"{source.choice(ranges)}{source.randrange(10_000):04}"] = None
    return list(drawn)


def main(town_halls: str) -> None:
    """Write the two files."""
    source = random.Random(20160601)  # noqa: S311 - the day on which the list opened
    with open(town_halls, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter=";"))[1:]
    odd = [row for row in rows if len(row[2]) != 14]
    chosen = odd + source.sample([row for row in rows if row not in odd], TOWN_HALLS)
    invented = invent(OPPOSITIONS + INVENTED, source)
    oppositions, others = invented[:OPPOSITIONS], invented[OPPOSITIONS:]
    called = source.sample(oppositions, INVENTED // 2) + others[: INVENTED // 2]
    people = [
        (f"P{place:04}", f"Prospect {place}", write_number(number, source))
        for place, number in enumerate(called, 1)
    ]
    prospects = [tuple(row) for row in chosen[:TOWN_HALLS]] + people
    source.shuffle(prospects)
    with (FOLDER / "prospects.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\n")
        writer.writerow(("code", "nom", "telephone"))
        writer.writerows(prospects)
    with (FOLDER / "oppositions.csv").open("w", encoding="utf-8", newline="") as file:
        file.write("telephone\n")
        file.writelines(write_number(number, source) + "\n" for number in oppositions)


if __name__ == "__main__":
    main(sys.argv[1])
