"""The environment of the function: what it must hold, what it may, and how it is refused."""

from zoneinfo import ZoneInfo

import pytest

from spaaza_snapshots.errors import BadSettings
from spaaza_snapshots.snapshot.settings import Settings
from tests.support.builders import ENVIRONMENT, settings

WRONG = [
    ("SPAAZA_ENVIRONMENT", "staging"),
    ("SPAAZA_ENVIRONMENT", "PROD"),
    ("SPAAZA_CHAIN_IDS", "1743;1783"),
    ("SPAAZA_CHAIN_IDS", "1743,"),
    ("SPAAZA_CHAIN_IDS", "1743,0"),
    ("SPAAZA_CHAIN_IDS", "-1743"),
    ("SPAAZA_CHAIN_IDS", "1743.0"),
    ("SPAAZA_CHAIN_IDS", "[1743]"),
    ("SPAAZA_CHAIN_IDS", "١٧٤٣"),
    ("SPAAZA_CHAIN_IDS", "9" * 5000),
    ("SNAPSHOT_TIME_ZONE", "Europe/Spaaza"),
    ("SNAPSHOT_TIME_ZONE", "Europe"),
    ("SNAPSHOT_TIME_ZONE", "../../etc/localtime"),
    ("SNAPSHOT_TIME_ZONE", "+01:00"),
    ("MAX_ROW_DROP_PERCENT", "five"),
    ("MAX_ROW_DROP_PERCENT", "5%"),
    ("MAX_ROW_DROP_PERCENT", "-1"),
    ("MAX_ROW_DROP_PERCENT", "101"),
    ("MAX_ROW_DROP_PERCENT", "nan"),
    ("SPAAZA_READ_TIMEOUT_SECONDS", "0"),
    ("SPAAZA_READ_TIMEOUT_SECONDS", "-60"),
    ("SPAAZA_READ_TIMEOUT_SECONDS", "inf"),
    ("SPAAZA_READ_TIMEOUT_SECONDS", "a minute"),
    ("SPAAZA_SERVICES_URL", "services-prod.spaaza.com"),
    ("SPAAZA_SERVICES_URL", "https://"),
    ("SPAAZA_SERVICES_URL", "https://[::1"),
    ("SPAAZA_SERVICES_URL", "https://services.example.com:99999"),
    ("SPAAZA_SERVICES_URL", "https://services.example.com:https"),
    ("SPAAZA_SERVICES_URL", "https://services.example.com/?a=b"),
    ("SPAAZA_SERVICES_URL", "https://services.example.com/#a"),
    ("SPAAZA_API_URL", "http://api0.spaaza.com"),
    ("SESSION_ROTATION", "true"),
]


def refused(**variables: str) -> str:
    with pytest.raises(BadSettings) as caught:
        settings(**variables)
    return str(caught.value)


def test_the_required_variables_are_enough_and_the_others_have_defaults() -> None:
    assert settings() == Settings(
        bucket="snapshots",
        secret_id="spaaza/session",
        environment="test01",
        chain_ids=(1743, 1783),
        time_zone=ZoneInfo("UTC"),
        bus_name="",
        glue_database="",
        max_row_drop_percent=5.0,
        read_timeout_seconds=60.0,
        export_url="https://services-test01.spaaza.com/segments/export/users",
        api_url="https://apistage0.spaaza.com",
        session_rotation=False,
    )


def test_every_variable_reaches_its_setting() -> None:
    told = settings(
        SPAAZA_ENVIRONMENT="prod",
        SPAAZA_CHAIN_IDS="7",
        SNAPSHOT_TIME_ZONE="Europe/Amsterdam",
        EVENT_BUS_NAME="snapshots-bus",
        GLUE_DATABASE="spaaza",
        MAX_ROW_DROP_PERCENT="12.5",
        SPAAZA_READ_TIMEOUT_SECONDS="90",
        SESSION_ROTATION="on",
    )
    assert told.session_rotation
    assert (told.environment, told.chain_ids, told.time_zone.key) == ("prod", (7,), "Europe/Amsterdam")
    assert (told.bus_name, told.glue_database) == ("snapshots-bus", "spaaza")
    assert (told.max_row_drop_percent, told.read_timeout_seconds) == (12.5, 90.0)


@pytest.mark.parametrize("stage", ["prod", "test01"])
def test_the_environment_names_the_host_of_the_export(stage: str) -> None:
    expected = f"https://services-{stage}.spaaza.com/segments/export/users"
    assert settings(SPAAZA_ENVIRONMENT=stage).export_url == expected


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_a_required_variable_that_is_missing_is_named(name: str) -> None:
    with pytest.raises(BadSettings, match=name):
        Settings.from_environment({other: value for other, value in ENVIRONMENT.items() if other != name})


@pytest.mark.parametrize("empty", ["", " ", "\t\n"])
@pytest.mark.parametrize("name", ENVIRONMENT)
def test_a_required_variable_that_is_empty_is_named(name: str, empty: str) -> None:
    assert name in refused(**{name: empty})


@pytest.mark.parametrize(
    "name",
    [
        "SNAPSHOT_TIME_ZONE",
        "EVENT_BUS_NAME",
        "GLUE_DATABASE",
        "MAX_ROW_DROP_PERCENT",
        "SPAAZA_READ_TIMEOUT_SECONDS",
        "SPAAZA_SERVICES_URL",
        "SPAAZA_API_URL",
        "SESSION_ROTATION",
    ],
)
def test_an_optional_variable_that_is_empty_is_as_if_it_were_not_there(name: str) -> None:
    assert settings(**{name: ""}) == settings(**{name: "  "}) == settings()


@pytest.mark.parametrize(("name", "value"), WRONG, ids=lambda text: text[:50])
def test_a_wrong_value_is_refused_by_its_variables_name_and_by_no_other(name: str, value: str) -> None:
    text = refused(**{name: value})
    known = {*ENVIRONMENT, *(wrong for wrong, _ in WRONG)}
    assert {other for other in known if other in text} == {name}


def test_all_problems_are_named_in_one_error() -> None:
    with pytest.raises(BadSettings) as caught:
        Settings.from_environment({name: value for name, value in reversed(WRONG) if name != "SPAAZA_ENVIRONMENT"})
    text = str(caught.value)
    assert [name for name in {*ENVIRONMENT, *(wrong for wrong, _ in WRONG)} if name not in text] == []


def test_a_repeated_chain_id_counts_once_and_the_order_stays() -> None:
    assert settings(SPAAZA_CHAIN_IDS="1783, 1743 ,1783").chain_ids == (1783, 1743)


@pytest.mark.parametrize("percent", ["0", "100"])
def test_the_allowed_drop_may_be_nothing_or_everything(percent: str) -> None:
    assert settings(MAX_ROW_DROP_PERCENT=percent).max_row_drop_percent == float(percent)


@pytest.mark.parametrize(
    "base",
    [
        "https://services.example.com",
        "https://services.example.com:8443/behind/a/proxy",
        "http://127.0.0.1:4566",
        "http://127.8.9.10",
        "http://[::1]:4566",
        "http://localhost:4566",
    ],
)
def test_the_path_of_the_export_is_appended_to_a_base_of_https_or_on_this_machine(base: str) -> None:
    expected = f"{base}/segments/export/users"
    assert settings(SPAAZA_SERVICES_URL=base).export_url == expected
    assert settings(SPAAZA_SERVICES_URL=f"{base}/").export_url == expected


@pytest.mark.parametrize(
    "base",
    [
        "http://services-prod.spaaza.com",
        "http://10.0.0.1",
        "http://169.254.169.254",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://0.0.0.0",
        "http://[2001:db8::1]",
        "http://127.0.0.1@example.com",
        "ftp://localhost",
        "file:///etc/passwd",
    ],
)
def test_a_session_key_never_travels_in_the_clear(base: str) -> None:
    assert "SPAAZA_SERVICES_URL" in refused(SPAAZA_SERVICES_URL=base)


def test_a_password_in_the_base_is_refused_and_not_shown() -> None:
    text = refused(SPAAZA_SERVICES_URL="https://admin:hunter2@services.example.com")
    assert "SPAAZA_SERVICES_URL" in text
    assert "hunter2" not in text


def test_no_variable_of_somebody_else_is_shown() -> None:
    assert "wJalrXUtnFEMI" not in refused(SPAAZA_ENVIRONMENT="", AWS_SECRET_ACCESS_KEY="wJalrXUtnFEMI")
