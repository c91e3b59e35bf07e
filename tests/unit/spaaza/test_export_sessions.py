"""What becomes of a session that Spaaza refuses."""

import gzip

import pytest
import urllib3

from sandbox.spaaza.answers import Answer, json_answer, refusal
from sandbox.spaaza.server import SpaazaServer
from sandbox.spaaza.users import sample_csv
from spaaza_snapshots.errors import CredentialsError, ExportRejected, ExportUnavailable, SessionExpired
from spaaza_snapshots.spaaza.credentials import Session
from spaaza_snapshots.spaaza.export_api import SpaazaExports
from tests.support.builders import HeldClock, session
from tests.support.exports import PATH, Ask, refused, spaaza_error


def test_a_session_that_was_replaced_meanwhile_is_read_afresh_and_asked_with_again(
    server: SpaazaServer, ask: Ask
) -> None:
    assert gzip.decompress(ask(session("0" * 64), session())) == sample_csv()
    assert [request.headers["x-spaaza-session-key"] for request in server.requests] == ["0" * 64, session().key]


@pytest.mark.parametrize(
    "answer",
    [
        refusal(401),
        refusal(401, 6),
        refusal(500, 6),
        json_answer(spaaza_error(6)),
        json_answer(spaaza_error(6, old=True)),
    ],
    ids=lambda answer: f"{answer.status} {answer.body[:60]!r}",
)
def test_a_session_refused_twice_has_expired(server: SpaazaServer, ask: Ask, answer: Answer) -> None:
    server.serve(answer)
    refused(ask, SessionExpired)
    assert len(server.requests) == 2


def test_a_403_may_be_about_an_old_session(server: SpaazaServer, ask: Ask) -> None:
    server.script(refusal(403))
    assert gzip.decompress(ask()) == sample_csv()
    assert len(server.requests) == 2


def test_a_403_with_a_session_read_afresh_is_a_rejection(server: SpaazaServer, ask: Ask) -> None:
    server.serve(refusal(403, 5))
    refused(ask, ExportRejected)
    assert len(server.requests) == 2


def test_the_second_refusal_is_the_one_that_counts(server: SpaazaServer, ask: Ask) -> None:
    server.script(refusal(401, 6), refusal(503))
    refused(ask, ExportUnavailable)
    server.script(refusal(403), refusal(401, 6))
    refused(ask, SessionExpired)


def test_a_secret_that_can_not_be_read_asks_for_nothing(server: SpaazaServer) -> None:
    def no_session() -> Session:
        raise CredentialsError("The secret is empty", "", "")

    with urllib3.PoolManager() as http, pytest.raises(CredentialsError):
        SpaazaExports(http, server.base_url + PATH, 5, HeldClock().clock()).open(1743, no_session)
    assert server.requests == []
