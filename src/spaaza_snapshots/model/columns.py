"""Header name to Athena name and type: the single table of the columns that Spaaza documents.

Columns that Spaaza adds later become strings, and stay strings: a table can gain a column, never change its type.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

PARTITION_KEYS: Final = ("chain_id", "dt")
CAST_ERRORS: Final = "_cast_errors"  # the converter's own column; no header name gets a leading underscore
NAME_BYTES_LIMIT: Final = 255  # Glue, API_Column: Name, "Maximum length of 255"

# Identifier-like codes stay strings to keep leading zeros; money and points are decimals, never floats.
KNOWN: Final[Mapping[str, tuple[str, str]]] = {
    "ID": ("id", "bigint"),
    "First name": ("first_name", "string"),
    "Last name": ("last_name", "string"),
    "email (username)": ("email_username", "string"),
    "Facebook email": ("facebook_email", "string"),
    "Other email": ("other_email", "string"),
    "Facebook ID": ("facebook_id", "string"),
    "Gender": ("gender", "string"),
    "Birthday": ("birthday", "date"),
    "Overall": ("overall", "bigint"),
    "Recency": ("recency", "bigint"),
    "Frequency": ("frequency", "bigint"),
    "Monetary": ("monetary", "decimal(18,4)"),
    "Created date": ("created_date", "timestamp"),
    "Last login date": ("last_login_date", "timestamp"),
    "Last purchase date": ("last_purchase_date", "timestamp"),
    "Last loyalty activity date": ("last_loyalty_activity_date", "timestamp"),
    "Cashback Balance": ("cashback_balance", "decimal(18,4)"),
    "Brands Purchased": ("brands_purchased", "string"),
    "Stores": ("stores", "string"),
    "Opted-in": ("opted_in", "boolean"),
    "Country": ("country", "string"),
    "Sign-up store": ("sign_up_store", "string"),
    "Postal code": ("postal_code", "string"),
    "Town/City": ("town_city", "string"),
    "Points Balance": ("points_balance", "decimal(18,4)"),
    "Authentication Point ID": ("authentication_point_id", "bigint"),
    "Mailing List Subscriber": ("mailing_list_subscriber", "boolean"),
    "Print Mailing List Subscriber": ("print_mailing_list_subscriber", "boolean"),
    "Loyalty Status Level": ("loyalty_status_level", "string"),
    "Average Spend Value": ("average_spend_value", "decimal(18,4)"),
    "Days Since Last Purchase": ("days_since_last_purchase", "bigint"),
    "Number of Purchases": ("number_of_purchases", "bigint"),
    "Offline Shopper": ("offline_shopper", "boolean"),
    "Online Shopper": ("online_shopper", "boolean"),
    "Region/State": ("region_state", "string"),
    "House Number": ("house_number", "string"),
    "House Number Extension": ("house_number_extension", "string"),
    "Address Line 2": ("address_line_2", "string"),
    "Address Line 3": ("address_line_3", "string"),
    "Phone Number": ("phone_number", "string"),
    "Street Name": ("street_name", "string"),
    "Signup Channel": ("signup_channel", "string"),
    "Spaaza Join Date": ("spaaza_join_date", "timestamp"),
    "Spaaza User ID": ("spaaza_user_id", "bigint"),
    "Auxiliary Identifier": ("auxiliary_identifier", "string"),
    "Opt in Secondary": ("opt_in_secondary", "boolean"),
    "Registered": ("registered", "boolean"),
    "Language": ("language", "string"),
    "Points to Proceed to Next Status Level": ("points_to_proceed_to_next_status_level", "decimal(18,4)"),
    "Points to Remain at Current Status Level": ("points_to_remain_at_current_status_level", "decimal(18,4)"),
    "Last Review Date of Loyalty Status": ("last_review_date_of_loyalty_status", "timestamp"),
    "Next Review Date of Loyalty Status": ("next_review_date_of_loyalty_status", "timestamp"),
    "Date Loyalty Status Level Reached": ("date_loyalty_status_level_reached", "timestamp"),
    "Subscribed to Push Notifications": ("subscribed_to_push_notifications", "boolean"),
    "Home Store Name": ("home_store_name", "string"),
    "Home Store Owner Code": ("home_store_owner_code", "string"),
    "Referred": ("referred", "boolean"),
    "Referring User Id": ("referring_user_id", "bigint"),
    "Referring User Referral Code": ("referring_user_referral_code", "string"),
    "User Referral Code": ("user_referral_code", "string"),
    "Employee": ("employee", "boolean"),
    "Last modified date": ("last_modified_date", "timestamp"),
    "User channel identifier": ("user_channel_identifier", "string"),
    "User channel version": ("user_channel_version", "string"),
    "Push notification platform": ("push_notification_platform", "string"),
    "Signup Store Code": ("signup_store_code", "string"),
    "Influencer": ("influencer", "boolean"),
}

_NEVER_GIVEN: Final = frozenset({*PARTITION_KEYS, CAST_ERRORS, *(athena_name for athena_name, _ in KNOWN.values())})
_PLAIN: Final = re.compile(r"[A-Z][a-z0-9]*( [a-z0-9]+)*")
"""Such names stay distinct in their plain form: one capital, single spaces, no character that is dropped."""

_LIKE_MARKED: Final = re.compile(r".*_[0-9a-f]{6}(_[0-9]+)?")
_SEPARATORS: Final = re.compile(r"[^0-9a-z]+")
_MARK_DIGITS: Final = 6
_MARKED_CHARS: Final = 240  # leaves room for the mark, and for the number of a repeated name


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an export; `position` counts from 1, `name` is exactly what Spaaza sent."""

    position: int
    name: str
    athena_name: str
    athena_type: str


def columns_of(header: Sequence[str]) -> tuple[Column, ...]:
    """Return the columns of a header, in its order, each with a unique Athena name.

    The Athena name depends on the header name alone, not on the other columns: a documented name has the one in
    `KNOWN`, every other column is a string. So values stay in their column in any order, and the Athena name determines
    the type, on every day and in every chain. A repeated name is a string too, with a number appended.
    """
    columns: list[Column] = []
    times: Counter[str] = Counter()
    for position, name in enumerate(header, start=1):
        athena_name, athena_type = KNOWN.get(name) or (_own_name(name), "string")
        times[athena_name] += 1
        if times[athena_name] > 1:
            athena_name, athena_type = f"{_marked(name)}_{times[athena_name]}", "string"
        columns.append(Column(position, name, athena_name, athena_type))
    return tuple(columns)


def _own_name(name: str) -> str:
    """Return a header name that Athena accepts without quotes: `[a-z][a-z0-9_]*`, at most 255 bytes.

    It is marked if another name could have the same plain form.
    """
    plain = name.lower().replace(" ", "_")
    is_its_own = _PLAIN.fullmatch(name) and not _LIKE_MARKED.fullmatch(plain) and plain not in _NEVER_GIVEN
    return plain if is_its_own and len(plain) <= NAME_BYTES_LIMIT else _marked(name)


def _marked(name: str) -> str:
    """Return the plain form of a name, with part of its hash."""
    plain = _SEPARATORS.sub("_", name.lower()).strip("_")
    if not plain or plain[0].isdigit():
        plain = f"c_{plain}".rstrip("_")
    digest = sha256(name.encode(errors="surrogatepass")).hexdigest()
    return f"{plain[:_MARKED_CHARS]}_{digest[:_MARK_DIGITS]}"
