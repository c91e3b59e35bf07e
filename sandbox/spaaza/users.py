"""Users as in Spaaza's export: the five of the vendor's page, and any number of generated ones."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from random import Random

from isal import isal_zlib

_SAMPLE = Path(__file__).with_name("spaaza-users.csv")

FIRST_ID = 404_097
"""The ID of the first generated user; the others follow."""

POOL_ROWS = 2_048
"""Number of different rows; after them only the IDs differ. A gzip window (32 KiB) sees no repetition."""

BLOCK_ROWS = 512
"""Rows in a block, about 180 KiB. Divides POOL_ROWS, so that no block crosses the end of the pool."""

AWKWARD_EVERY_ROWS = 25
AWKWARD = (
    "Janssen, de Vries & Zn.",
    'the "old" mill',
    '"',
    "c/o Bakker\nsecond door",
    "ring twice\r\nthen wait",
    "Zoë Müller-Ångström",
    "Renée 🎉🛍️",
    "C:\\shop\\",
    'quoted, "with \\" and\nmore\\',
    "jan@example.com, piet@example.org",
    "100% cotton",
)
"""Values that break naive readers: one row in AWKWARD_EVERY_ROWS has one of them, in turn, in a field of free text."""

FREE_TEXT = ("First name", "Last name", "Town/City", "Address Line 2", "Street Name", "Home Store Name")

Maker = Callable[[Random], str]


def sample_csv() -> bytes:
    """The header and the five users of the vendor's page, byte for byte."""
    return _SAMPLE.read_bytes()


HEADER: tuple[str, ...] = tuple(next(csv.reader(io.StringIO(sample_csv().decode()))))
"""The 68 column names of the vendor's page, in its order."""


def generated_csv(
    users: int, *, seed: int = 1, columns: Sequence[str] = HEADER, extra_columns: Sequence[str] = ()
) -> Iterator[bytes]:
    """Yield the header, then blocks of about 180 KiB of CSV, made on demand in constant memory.

    A user's values depend only on `seed` and the column's name, so columns may be reordered, removed or added; a column
    unknown to Spaaza gets generated text. The IDs are consecutive.
    """
    names = (*columns, *extra_columns)
    yield _csv_line(names)
    templates = _row_templates(min(users, POOL_ROWS), seed, names)
    ids_per_row = names.count("ID")
    for done in range(0, users, BLOCK_ROWS):
        rows = min(BLOCK_ROWS, users - done)
        in_pool = done % POOL_ROWS
        ids = [number for number in range(FIRST_ID + done, FIRST_ID + done + rows) for _ in range(ids_per_row)]
        yield b"".join(templates[in_pool : in_pool + rows]) % tuple(ids)


def gzipped(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield one gzip member with the blocks in it, compressed fast rather than small."""
    gzip = isal_zlib.compressobj(level=1, wbits=31)
    for block in blocks:
        if compressed := gzip.compress(block):
            yield compressed
    yield gzip.flush()


def _csv_line(values: Iterable[str]) -> bytes:
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\n").writerow(values)
    return line.getvalue().encode()


@lru_cache(maxsize=16)  # a few megabytes each; the tests ask for the same ones all the time
def _row_templates(rows: int, seed: int, names: tuple[str, ...]) -> tuple[bytes, ...]:
    """Make CSV lines with a %d for each ID and all other percent signs doubled."""
    known, unknown = Random(seed), Random(seed)  # one each, so that a new column leaves the other values unchanged
    templates = []
    for row in range(rows):
        user = _user(known)
        if row % AWKWARD_EVERY_ROWS == 0:
            user[known.choice(FREE_TEXT)] = AWKWARD[row // AWKWARD_EVERY_ROWS % len(AWKWARD)]
        values = (user[name] if name in user else unknown.choice(_WORDS) for name in names)
        cells = (value.replace("%", "%%") for value in values)
        templates.append(_csv_line("%d" if name == "ID" else cell for name, cell in zip(names, cells, strict=True)))
    return tuple(templates)


def _user(random: Random) -> dict[str, str]:
    return {name: make(random) for name, make in _MAKERS.items()}


def _one_of(*values: str) -> Maker:
    return lambda random: random.choice(values)


def _sometimes(make: Maker, share: float = 0.5) -> Maker:
    return lambda random: make(random) if random.random() < share else ""


def _number(low: int, high: int) -> Maker:
    return lambda random: str(random.randint(low, high))


def _amount(high: float) -> Maker:
    return lambda random: f"{random.uniform(0, high):.2f}"


def _digits(length: int) -> Maker:
    return lambda random: f"{random.randrange(10**length):0{length}}"


def _text(pattern: str, *parts: Maker) -> Maker:
    return lambda random: pattern.format(*(part(random) for part in parts))


def _day(first: date, last: date) -> Maker:
    return lambda random: (first + timedelta(random.randrange((last - first).days))).isoformat()


def _moment(first_year: int, last_year: int) -> Maker:
    first, last = datetime(first_year, 1, 1), datetime(last_year, 1, 1)
    seconds = int((last - first).total_seconds())
    return lambda random: f"{(first + timedelta(seconds=random.randrange(seconds))).isoformat()}Z"


_WORDS = ("indigo", "ochre", "sage green", "teal", "", "crimson", "off-white", "saffron")
_FIRST_NAMES = _one_of("Anna", "Bram", "Chloé", "Daan", "Emma", "Finn", "José", "Lotte", "Noor", "Søren", "Tess", "Zoë")
_LAST_NAMES = _one_of("Bakker", "de Boer", "Dubois", "García", "Jansen", "Kroger", "Müller", "O'Neill", "van den Berg")
_EMAIL = _text(
    "{}.{}{}@example.{}",
    _one_of("anna", "bram", "chloe", "emma", "finn", "lotte", "noor", "tess"),
    _one_of("bakker", "dubois", "garcia", "jansen", "kroger", "muller"),
    _number(1, 99_999),
    _one_of("com", "org", "net"),
)
_TOWN = _one_of("Amsterdam", "Antwerpen", "Dresden", "Ghent", "Køge", "Liège", "Lyon", "Utrecht", "'s-Hertogenbosch")
_STORE = _text("{} {}", _TOWN, _one_of("Centrum", "Noord", "Outlet", "Station"))
_CODE = _text("{}{}", _one_of("8ai", "p4q", "9tl", "o16", "tf5", "xk0"), _digits(3))
_FLAG = _one_of("true", "false")
_SCORE = _number(0, 5)

_MAKERS: dict[str, Maker] = {
    "First name": _FIRST_NAMES,
    "Last name": _LAST_NAMES,
    "email (username)": _EMAIL,
    "Facebook email": _sometimes(_EMAIL, 0.05),
    "Other email": _sometimes(_EMAIL, 0.05),
    "Facebook ID": _sometimes(_digits(15), 0.05),
    "Gender": _one_of("male", "female", "unspecified", ""),
    "Birthday": _sometimes(_day(date(1940, 1, 1), date(2008, 1, 1)), 0.8),
    "Overall": _SCORE,
    "Recency": _SCORE,
    "Frequency": _SCORE,
    "Monetary": _SCORE,
    "Created date": _moment(2016, 2026),
    "Last login date": _sometimes(_moment(2020, 2026), 0.3),
    "Last purchase date": _sometimes(_moment(2020, 2026), 0.4),
    "Last loyalty activity date": _sometimes(_moment(2020, 2026)),
    "Cashback Balance": _sometimes(_amount(50), 0.9),
    "Brands Purchased": _sometimes(_one_of("Acme", "Acme|Northwind", "Globex", "Initech|Globex"), 0.2),
    "Stores": _sometimes(_STORE, 0.3),
    "Opted-in": _FLAG,
    "Country": _one_of("NL", "BE", "DE", "FR", "DK", ""),
    "Sign-up store": _sometimes(_STORE, 0.2),
    "Postal code": _one_of("", "", "1017CB", "01067", "0150", "9000", "06000", "3511 AB"),
    "Town/City": _sometimes(_TOWN, 0.6),
    "Points Balance": _number(0, 5_000),
    "Authentication Point ID": _sometimes(_number(1, 400), 0.2),
    "Mailing List Subscriber": _FLAG,
    "Print Mailing List Subscriber": _FLAG,
    "Loyalty Status Level": _one_of("", "bronze", "silver", "gold"),
    "Average Spend Value": _amount(250),
    "Days Since Last Purchase": _sometimes(_number(0, 2_000)),
    "Number of Purchases": _number(0, 60),
    "Offline Shopper": _FLAG,
    "Online Shopper": _FLAG,
    "Region/State": _sometimes(_one_of("Noord-Holland", "Vlaanderen", "Sachsen", "Rhône"), 0.3),
    "House Number": _sometimes(_number(1, 999), 0.5),
    "House Number Extension": _sometimes(_one_of("A", "bis", "II", "3-hoog"), 0.1),
    "Address Line 2": _sometimes(_one_of("Unit 4", "2e etage", "Achterhuis"), 0.1),
    "Address Line 3": _sometimes(_one_of("Haven 12", "Bedrijvenpark Zuid"), 0.03),
    "Phone Number": _sometimes(_text("{}{}", _one_of("06", "+316", "0032 4", "(214)-"), _digits(8)), 0.4),
    "Street Name": _sometimes(_one_of("Herengracht", "Rue de l'Église", "Königstraße", "Lange Munt"), 0.5),
    "Signup Channel": _one_of("webshop", "mobile:ios", "mobile:android", "unknown:spaaza-sales-associate-a", ""),
    "Spaaza Join Date": _sometimes(_moment(2016, 2026), 0.4),
    "Spaaza User ID": _number(1_900_000, 99_999_999),
    "Auxiliary Identifier": _sometimes(_digits(12), 0.2),
    "Opt in Secondary": _FLAG,
    "Registered": _FLAG,
    "Language": _one_of("nl", "en", "fr", "de", ""),
    "Points to Proceed to Next Status Level": _sometimes(_number(0, 1_000), 0.3),
    "Points to Remain at Current Status Level": _sometimes(_number(0, 1_000), 0.3),
    "Last Review Date of Loyalty Status": _sometimes(_moment(2023, 2026), 0.2),
    "Next Review Date of Loyalty Status": _sometimes(_moment(2026, 2028), 0.2),
    "Date Loyalty Status Level Reached": _sometimes(_moment(2023, 2026), 0.2),
    "Subscribed to Push Notifications": _FLAG,
    "Home Store Name": _sometimes(_STORE, 0.15),
    "Home Store Owner Code": _sometimes(_digits(5), 0.15),
    "Referred": _FLAG,
    "Referring User Id": _sometimes(_number(404_000, 9_999_999), 0.1),
    "Referring User Referral Code": _sometimes(_CODE, 0.1),
    "User Referral Code": _CODE,
    "Employee": _FLAG,
    "Last modified date": _moment(2023, 2026),
    "User channel identifier": _sometimes(_one_of("web", "ios", "android"), 0.2),
    "User channel version": _sometimes(_text("{}.{}", _number(1, 9), _number(0, 20)), 0.2),
    "Push notification platform": _sometimes(_one_of("apns", "fcm"), 0.2),
    "Signup Store Code": _sometimes(_digits(5), 0.2),
    "Influencer": _one_of("false", "false", "false", "true"),
}
