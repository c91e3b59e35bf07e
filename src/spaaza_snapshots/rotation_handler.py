"""The rotation function: one step of a rotation of the session secret, as Secrets Manager asks for it.

All that it accepts is in `rotation/event.py`, the environment that it expects in `rotation/settings.py`.
"""

import os
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from spaaza_snapshots.base.telemetry import log_failure, logger
from spaaza_snapshots.rotation.event import parse_event
from spaaza_snapshots.rotation.settings import RotationSettings
from spaaza_snapshots.rotation.steps import serve
from spaaza_snapshots.rotation.wiring import services_for


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:  # noqa: ARG001 - Lambda gives both
    """Serve one step; what it raises is what Secrets Manager takes as the failure of the rotation."""
    try:
        settings = RotationSettings.from_environment(os.environ)
        request = parse_event(event)
        logger.append_keys(step=request.step)
        serve(request, services_for(settings, request.secret_id))
    except Exception as error:
        log_failure(error)
        raise
