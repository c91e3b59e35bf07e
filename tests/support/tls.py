"""A Spaaza that speaks TLS, as old as a test wants it."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import trustme

from sandbox.spaaza.server import SpaazaServer


def showing(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """Return the server's side of a connection, with a certificate to show."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def only(version: ssl.TLSVersion, context: ssl.SSLContext) -> ssl.SSLContext:
    """Bind one side to one version of TLS, even to one that OpenSSL itself would refuse."""
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED  # a minimum above the maximum is an error
    context.maximum_version = version
    context.minimum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


@contextmanager
def serving(context: ssl.SSLContext) -> Iterator[tuple[SpaazaServer, str]]:
    """Yield a Spaaza behind TLS, and its base URL."""
    with SpaazaServer() as server:
        server.logins.admin.exempt = True
        server.socket = context.wrap_socket(server.socket, server_side=True)
        yield server, server.base_url.replace("http:", "https:")
