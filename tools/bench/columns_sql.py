"""Users that do not repeat, as DuckDB expressions over their number: as spread as a real retailer's, and seeded."""

from collections.abc import Iterator, Sequence
from itertools import count

from sandbox.spaaza.users import AWKWARD, AWKWARD_EVERY_ROWS, FIRST_ID, FREE_TEXT, HEADER


def _words(text: str) -> list[str]:
    return text.split()


FIRST_NAMES = _words(
    "Anna Bram Chloé Daan Emma Finn José Lotte Noor Søren Tess Zoë Jan Piet Sanne Julia Lucas Sem Liam Mila Eva Sara "
    "Thomas Tim Lars Ruben Femke Maud Roos Fleur Iris Luuk Stijn Thijs Jasper Niels Anouk Esther Marloes Wouter Pieter "
    "Hendrik Johannes Maria Elisabeth Wilhelmina Cornelia Johanna Ahmed Mohamed Fatima Aïcha Youssef Samira Emre Elif "
    "Lukas Leon Jonas Felix Maximilian Sophie Marie Hannah Lena Léa Hugo Louis Jules Camille Inès Manon Théo Élodie "
    "Magnus Freja Ida Astrid Nikolaj Mathilde Giulia Marco Luca Chiara Pablo Lucía Carmen Javier Agnieszka Piotr"
)
ROOTS = _words(
    "Jans Piet Hend Wil Corn Bak Vis Smit Mul Meij Boer Dekk Brouw Dijk Berg Bos Haan Kok Kui Post Schout Verm Jacob "
    "Pete Dirk Claes Gerr Koen Lamb Maas Nijs Oost Peet Roel Sand Tim Uit Vand West Zand Müll Schmid Schneid Fisch "
    "Web Wagn Beck Hoff Koch Klein Lang Schwarz Rich Wolf Neum Zimm Lef Dub Mor Laur Sim Mich Garc Dur Bert Rouss Øst"
)
NAME_ENDS = _words(
    "en sen man er ers stra ma huis veld horst kamp mans ink ing ard eau ier son dal gaard a inga boom laan"
)
STREET_ENDS = _words("straat laan weg plein gracht kade hof dreef singel pad steeg straße allee vej")
TOWN_ENDS = _words("dam dijk burg stad veen drecht hoven wijk rode beek bach heim berg kirchen ville borg lund sund")
HOSTS = _words(
    "gmail.com hotmail.com outlook.com icloud.com live.nl ziggo.nl kpnmail.nl web.de gmx.de orange.fr free.fr"
)
STREETS = ("Rue de l''Église ", "Rue des ", "Prins ", "Oude ", "Nieuwe ", "Lange ", "Korte ", "", "", "", "", "")
LETTERS = "ABCDEFGHJKLMNPRSTVWXZ"


class _Draws:
    """Makes independent, repeatable draws: the same seed and position always give the same value."""

    def __init__(self, seed: int) -> None:
        self._salts = count(seed * 1_000_003)

    def uniform(self) -> str:
        """Return a number from 0 up to 1."""
        return f"((hash(i * 4294967291 + {next(self._salts)}) % 1000003) / 1000003.0)"

    def number(self, low: int, high: int) -> str:
        """Return a whole number, both ends included."""
        return f"({low} + (hash(i * 4294967291 + {next(self._salts)}) % {high - low + 1})::BIGINT)"

    def one_of(self, values: Sequence[str], *, skew: float = 1.0) -> str:
        """Return one of the values; with a skew above 1, the first ones far more often."""
        listed = ", ".join(f"'{value}'" for value in values)
        return f"[{listed}][1 + floor({len(values)} * pow({self.uniform()}, {skew}))::INT]"

    def sometimes(self, value: str, share: float) -> str:
        """Return the value in this share of the rows, and nothing in the others."""
        return f"CASE WHEN {self.uniform()} < {share} THEN ({value})::VARCHAR ELSE '' END"

    def digits(self, length: int) -> str:
        """Return that many digits."""
        return f"lpad(({self.number(0, 10**length - 1)})::VARCHAR, {length}, '0')"

    def moment(self, first_year: int, last_year: int) -> str:
        """Return a second between two years."""
        seconds = self.number(0, (last_year - first_year) * 31_556_952)
        return f"strftime(TIMESTAMP '{first_year}-01-01' + to_seconds({seconds}), '%Y-%m-%dT%H:%M:%SZ')"

    def day(self, first_year: int, last_year: int) -> str:
        """Return a day between two years."""
        return (
            f"strftime(DATE '{first_year}-01-01' + {self.number(0, (last_year - first_year) * 365)}::INT, '%Y-%m-%d')"
        )

    def amount(self, high: int) -> str:
        """Return an amount of money, small ones more often."""
        return f"printf('%.2f', {high} * pow({self.uniform()}, 2))"

    def name(self) -> str:
        """Return one of some thousand family names, half of them with a second root."""
        second = self.sometimes(self.one_of([root.lower() for root in ROOTS]), 0.5)
        return f"({self.one_of(ROOTS, skew=1.5)} || {second} || {self.one_of(NAME_ENDS)})"

    def place(self, ends: Sequence[str]) -> str:
        """Return one of some thousand names of places or streets."""
        return f"({self.one_of(ROOTS, skew=1.5)} || {self.one_of(NAME_ENDS, skew=1.5)} || {self.one_of(ends)})"

    def email(self) -> str:
        """Return a mail address of its own for every user."""
        name = f"{self.one_of(FIRST_NAMES)} || '.' || {self.name()}"
        return f"lower({name} || {self.number(1, 99_999)} || '@' || {self.one_of(HOSTS, skew=2)})"

    def code(self) -> str:
        """Return a referral code."""
        return f"lower(substr(md5((i + {next(self._salts)})::VARCHAR), 1, 6))"


def select(seed: int, users: str) -> str:
    """Return a query for the documented columns of the users numbered by `range(...)` expression `users`."""
    made = dict(_columns(_Draws(seed)))
    columns = (f'{_awkward(name, made[name])} AS "{name}"' for name in HEADER)
    return f"SELECT {', '.join(columns)} FROM (SELECT range AS i FROM {users})"


def _awkward(name: str, value: str) -> str:
    """Put a value that breaks naive readers into one free-text field of some rows."""
    if name not in FREE_TEXT:
        return value
    values = ", ".join("'" + text.replace("'", "''") + "'" for text in AWKWARD)
    row = f"i % {AWKWARD_EVERY_ROWS * len(FREE_TEXT)} = {AWKWARD_EVERY_ROWS * FREE_TEXT.index(name)}"
    picked = f"[{values}][1 + (i // {AWKWARD_EVERY_ROWS * len(FREE_TEXT)})::INT % {len(AWKWARD)}]"
    return f"CASE WHEN {row} THEN {picked} ELSE {value} END"


def _columns(draw: _Draws) -> Iterator[tuple[str, str]]:
    yield from _people(draw)
    yield from _addresses(draw)
    yield from _loyalty(draw)
    yield from _moments(draw)
    yield from _channels(draw)


def _people(draw: _Draws) -> Iterator[tuple[str, str]]:
    yield "ID", f"i + {FIRST_ID}"
    yield "First name", draw.one_of(FIRST_NAMES, skew=1.5)
    yield "Last name", draw.name()
    yield "email (username)", draw.email()
    yield "Facebook email", draw.sometimes(draw.email(), 0.05)
    yield "Other email", draw.sometimes(draw.email(), 0.05)
    yield "Facebook ID", draw.sometimes(draw.digits(15), 0.05)
    yield "Gender", draw.one_of(("female", "male", "unspecified", ""))
    yield "Birthday", draw.sometimes(draw.day(1940, 2008), 0.8)
    yield "Language", draw.one_of(("nl", "en", "fr", "de", ""), skew=1.5)
    yield "Phone Number", draw.sometimes(f"{draw.one_of(('06', '+316', '0032 4', '(214)-'))} || {draw.digits(8)}", 0.4)
    yield "Employee", draw.one_of(("false",) * 40 + ("true",))
    yield "Influencer", draw.one_of(("false", "false", "false", "true"))
    yield "Spaaza User ID", f"1900000 + i * 3 + {draw.number(0, 2)}"
    yield "Auxiliary Identifier", draw.sometimes(draw.digits(12), 0.2)


def _addresses(draw: _Draws) -> Iterator[tuple[str, str]]:
    yield "Country", draw.one_of(("NL", "BE", "DE", "FR", "DK", ""), skew=1.5)
    postal_code = f"{draw.number(1000, 9999)} || {draw.one_of(LETTERS)} || {draw.one_of(LETTERS)}"
    yield "Postal code", draw.sometimes(postal_code, 0.75)
    yield "Town/City", draw.sometimes(draw.place(TOWN_ENDS), 0.6)
    yield "Street Name", draw.sometimes(f"{draw.one_of(STREETS)} || {draw.place(STREET_ENDS)}", 0.5)
    yield "Region/State", draw.sometimes(draw.one_of(("Noord-Holland", "Vlaanderen", "Sachsen", "Rhône")), 0.3)
    yield "House Number", draw.sometimes(f"1 + floor(998 * pow({draw.uniform()}, 3))::INT", 0.5)
    yield "House Number Extension", draw.sometimes(draw.one_of(("A", "bis", "II", "3-hoog")), 0.1)
    yield "Address Line 2", draw.sometimes(f"'Unit ' || {draw.number(1, 400)}", 0.1)
    yield "Address Line 3", draw.sometimes(f"'Haven ' || {draw.number(1, 4000)}", 0.03)


def _loyalty(draw: _Draws) -> Iterator[tuple[str, str]]:
    for name in ("Overall", "Recency", "Frequency", "Monetary"):
        yield name, draw.number(0, 5)
    yield "Cashback Balance", draw.sometimes(draw.amount(50), 0.9)
    yield "Points Balance", f"floor(5000 * pow({draw.uniform()}, 3))::INT"
    yield "Loyalty Status Level", draw.one_of(("", "bronze", "silver", "gold"), skew=1.5)
    yield "Average Spend Value", draw.amount(250)
    yield "Days Since Last Purchase", draw.sometimes(draw.number(0, 2_000), 0.5)
    yield "Number of Purchases", f"floor(60 * pow({draw.uniform()}, 4))::INT"
    for name in ("Points to Proceed to Next Status Level", "Points to Remain at Current Status Level"):
        yield name, draw.sometimes(draw.number(0, 1_000), 0.3)
    yield "Referred", draw.one_of(("false",) * 9 + ("true",))
    yield "Referring User Id", draw.sometimes(draw.number(404_000, 9_999_999), 0.1)
    yield "Referring User Referral Code", draw.sometimes(draw.code(), 0.1)
    yield "User Referral Code", draw.code()


def _moments(draw: _Draws) -> Iterator[tuple[str, str]]:
    yield "Created date", draw.moment(2016, 2026)
    yield "Last modified date", draw.moment(2023, 2026)
    yield "Last login date", draw.sometimes(draw.moment(2020, 2026), 0.3)
    yield "Last purchase date", draw.sometimes(draw.moment(2020, 2026), 0.4)
    yield "Last loyalty activity date", draw.sometimes(draw.moment(2020, 2026), 0.5)
    yield "Spaaza Join Date", draw.sometimes(draw.moment(2016, 2026), 0.4)
    yield "Last Review Date of Loyalty Status", draw.sometimes(draw.moment(2023, 2026), 0.2)
    yield "Next Review Date of Loyalty Status", draw.sometimes(draw.moment(2026, 2028), 0.2)
    yield "Date Loyalty Status Level Reached", draw.sometimes(draw.moment(2023, 2026), 0.2)


def _channels(draw: _Draws) -> Iterator[tuple[str, str]]:
    store = f"{draw.place(TOWN_ENDS)} || {draw.one_of((' Centrum', ' Noord', ' Outlet', ' Station'))}"
    for name, share in (("Stores", 0.3), ("Sign-up store", 0.2), ("Home Store Name", 0.15)):
        yield name, draw.sometimes(store, share)
    for name in ("Home Store Owner Code", "Signup Store Code"):
        yield name, draw.sometimes(draw.digits(5), 0.15)
    yield "Brands Purchased", draw.sometimes(draw.one_of(("Acme", "Acme|Northwind", "Globex", "Initech|Globex")), 0.2)
    yield "Authentication Point ID", draw.sometimes(draw.number(1, 400), 0.2)
    for name in (
        "Opted-in",
        "Mailing List Subscriber",
        "Print Mailing List Subscriber",
        "Offline Shopper",
        "Online Shopper",
        "Opt in Secondary",
        "Registered",
        "Subscribed to Push Notifications",
    ):
        yield name, draw.one_of(("true", "false"))
    yield (
        "Signup Channel",
        draw.one_of(("webshop", "mobile:ios", "mobile:android", "unknown:spaaza-sales-associate-a", "")),
    )
    yield "User channel identifier", draw.sometimes(draw.one_of(("web", "ios", "android")), 0.2)
    yield "User channel version", draw.sometimes(f"{draw.number(1, 9)} || '.' || {draw.number(0, 20)}", 0.2)
    yield "Push notification platform", draw.sometimes(draw.one_of(("apns", "fcm")), 0.2)
