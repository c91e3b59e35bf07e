from collections.abc import Iterator

import pytest

from sandbox.aws.moto import MotoAws
from sandbox.spaaza.server import SpaazaServer
from sandbox.wire.wire import Wire
from tests.support.rotation import FUNCTION, Renewing
from tests.support.steps import SECRET


@pytest.fixture
def renewing(moto_aws: MotoAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Renewing]:
    """A secret with a living session, set up for rotation."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_aws.endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", moto_aws.region)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "moto")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "moto")
    with SpaazaServer() as spaaza:
        secret = moto_aws.create_secret(SECRET, {"session_user_id": "1", "session_key": spaaza.session.key})
        found = Renewing(moto_aws, spaaza, secret)
        found.set_up()
        yield found


@pytest.fixture
def empty(moto_aws: MotoAws, renewing: Renewing) -> Renewing:
    """A secret that was never filled, as a first deployment leaves it."""
    secret = renewing.secrets.create_secret(Name="empty")["ARN"]
    found = Renewing(moto_aws, renewing.spaaza, secret)
    found.secrets.rotate_secret(SecretId=secret, RotationLambdaARN=FUNCTION, RotateImmediately=False)
    return found


@pytest.fixture
def wire(moto_aws: MotoAws) -> Iterator[Wire]:
    with Wire({"aws": moto_aws.endpoint_url}) as opened:
        yield opened
