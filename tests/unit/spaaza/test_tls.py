"""TLS: no session key and no password reaches a server that could be somebody else's."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
import urllib3

from spaaza_snapshots.errors import ExportUnavailable
from spaaza_snapshots.spaaza.connections import http_pool
from spaaza_snapshots.spaaza.export_api import SpaazaExports
from spaaza_snapshots.spaaza.login import SpaazaLogin
from tests.support.builders import HeldClock, all_texts, session
from tests.support.exports import PATH
from tests.support.login_calls import NAME, PASSWORD, SECRETS
from tests.support.tls import only, serving, showing

HOST = "127.0.0.1"


def export(base_url: str) -> object:
    exports = SpaazaExports(http_pool(), base_url + PATH, 5, HeldClock().clock())
    with exports.open(1743, session) as stream:
        return b"".join(stream.chunks())


def log_in(base_url: str) -> object:
    return SpaazaLogin(http_pool(), base_url, timeout_seconds=5).log_in(NAME, PASSWORD)


Client = Callable[[str], object]
every_client = pytest.mark.parametrize("client", [export, log_in])


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """Whom the clients trust."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))  # where OpenSSL looks
    return authority


def refused(client: Client, server_side: ssl.SSLContext) -> str:
    """Return the error of a client that tells this server nothing."""
    with serving(server_side) as (server, url):
        with pytest.raises(ExportUnavailable) as caught:
            client(url)
        assert server.requests == []
    assert [word for word in SECRETS if word in all_texts(caught.value)] == []
    assert "SSLError" in str(caught.value)
    return str(caught.value)


@every_client
def test_a_server_with_a_good_certificate_is_asked(authority: trustme.CA, client: Client) -> None:
    with serving(showing(authority.issue_cert(HOST))) as (server, url):
        assert client(url)
        assert len(server.requests) == 1


@every_client
def test_a_server_whose_certificate_nobody_vouches_for_is_told_nothing(authority: trustme.CA, client: Client) -> None:
    assert "SSLError, the certificate was refused" in refused(client, showing(trustme.CA().issue_cert(HOST)))


@every_client
def test_a_server_with_a_certificate_for_another_name_is_told_nothing(authority: trustme.CA, client: Client) -> None:
    refused(client, showing(authority.issue_cert("elsewhere.example")))


@every_client
def test_a_server_whose_certificate_has_expired_is_told_nothing(authority: trustme.CA, client: Client) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    refused(client, showing(authority.issue_cert(HOST, not_after=yesterday)))


@every_client
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1], ids=["1.0", "1.1"])
def test_a_server_that_speaks_an_old_tls_is_told_nothing(
    authority: trustme.CA, client: Client, version: ssl.TLSVersion
) -> None:
    server_side = only(version, showing(authority.issue_cert(HOST)))
    refused(client, server_side)
    old_client = only(version, ssl.create_default_context())
    with serving(server_side) as (_, url), urllib3.PoolManager(ssl_context=old_client) as http:
        assert http.request("GET", url, retries=False).status  # it does speak to whoever accepts so old a TLS
