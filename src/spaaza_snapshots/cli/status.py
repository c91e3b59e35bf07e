"""`spaaza-snapshots status`: how a stack stands, on one screen, and the first thing to do."""

import argparse
from collections.abc import Mapping
from contextlib import ExitStack, closing
from datetime import UTC, date, datetime
from typing import Any, Final

from spaaza_snapshots.base.sdk import SDK_CONFIG
from spaaza_snapshots.cli import deployed
from spaaza_snapshots.cli.command import Answer, Command, ExitCode
from spaaza_snapshots.cli.days import day_data
from spaaza_snapshots.cli.deployed import Deployment
from spaaza_snapshots.cli.status_view import status_view
from spaaza_snapshots.upkeep.advice import Make, Step, Trouble
from spaaza_snapshots.upkeep.schedule import Schedule
from spaaza_snapshots.upkeep.scheduler import Fault, fault_of_export, schedule_to
from spaaza_snapshots.upkeep.status import Place, Status, status_of
from spaaza_snapshots.upkeep.unknown import Unknown

EXIT_CODES: Final = {
    Trouble.CREDENTIALS: ExitCode.CREDENTIALS,
    Trouble.DATA: ExitCode.DAMAGED,
    Trouble.LACK: ExitCode.FAILED,
}


def _run(options: argparse.Namespace) -> Answer:
    """Look at the stack; its first step decides the exit code. Raises `InvalidRequest`."""
    deployment = deployed.deployment_of(options)
    given = {"ENV": options.env, "STACK": options.stack, "REGION": options.region}
    make = Make(" ".join(f"{name}={value}" for name, value in given.items() if value))
    with ExitStack() as clients:
        found = status_of(_place(deployment, make, clients), datetime.now(UTC))
    exit_code = EXIT_CODES[found.steps[0].trouble] if found.steps else ExitCode.GOOD
    region = str(deployment.session.region_name)
    return Answer(_data(found, deployment), tuple(status_view(found, deployment.stack, region)), exit_code)


def _place(deployment: Deployment, make: Make, clients: ExitStack) -> Place:
    def client(service: Any) -> Any:
        return clients.enter_context(closing(deployment.session.client(service, config=SDK_CONFIG)))

    cloudformation, scheduler = client("cloudformation"), client("scheduler")
    function, chain_ids = deployment.output("ExportFunctionName"), deployment.parameter("ChainIds")

    def log_group() -> str:
        found = cloudformation.describe_stack_resource(StackName=deployment.stack, LogicalResourceId="ExportLog")
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    return Place(
        bucket=deployment.bucket(client("s3")),
        chain_ids=deployment.chain_ids,
        schedule=Schedule(deployment.zone, int(deployment.parameter("FirstHour"))),
        schedule_fault=lambda: fault_of_export(
            schedule_to(scheduler, deployment.stack, f":function:{function}"), chain_ids
        ),
        secrets_manager=client("secretsmanager"),
        secret_id=deployment.output("SecretArn"),
        renews=deployment.parameters.get("RenewSession") == "true",
        session_warning_days=float(deployment.parameter("SessionWarningDays")),
        sqs=client("sqs"),
        undelivered_url=deployment.output("UndeliveredEventsUrl"),
        failed_url=deployment.output("FailedRunsUrl"),
        logs=client("logs"),
        log_group=log_group,
        make=make,
    )


def _data(found: Status, deployment: Deployment) -> Mapping[str, Any]:
    return {
        "stack": deployment.stack,
        "region": deployment.session.region_name,
        "now": found.now.isoformat(),
        "next_run": None if isinstance(found.schedule_fault, Fault) else found.next_run.isoformat(),
        "schedule": found.schedule_fault,
        "chains": [_chain(found, chain_id) for chain_id in found.chains],
        "session": found.session,
        "renewal": found.renewal,
        "undelivered_events": found.undelivered_events,
        "failed_runs": found.failed_runs,
        "steps": [_step(step) for step in found.steps],
        "all_good": not found.steps,
    }


def _chain(found: Status, chain_id: int) -> Mapping[str, Any]:
    chain = found.chains[chain_id]
    if isinstance(chain, Unknown):
        return {"chain_id": chain_id, "unknown": chain.reason}
    erasures = chain.erasures
    return {
        "chain_id": chain_id,
        **day_data(chain.today),
        "state": chain.standing(chain.today),
        "typed": chain.typed,
        "unfit_columns": chain.unfit_columns,
        "previous": None if chain.previous is None else day_data(chain.previous),
        "error": found.errors.get(chain_id),
        "days": [{**day_data(day), "state": chain.standing(day)} for day in chain.days],
        "held": [day_data(day) for day in (*chain.held, *chain.days) if day.state == "held"],
        "open_erasures": erasures if isinstance(erasures, Unknown) else [record.key for record in erasures.unfinished],
        "damaged_erasures": erasures if isinstance(erasures, Unknown) else erasures.damaged,
    }


def _step(step: Step) -> Mapping[str, Any]:
    day = None if step.day == date.min else step.day
    return {"trouble": step.trouble.name.lower(), "about": step.about, "text": step.text, "day": day}


COMMAND = Command(
    "status",
    "show how the stack stands, and the first thing to do (exit code 0: all good, or not yet due; 1: something is"
    " missing, behind or unknown; 3: a day is held or damaged; 4: the session has ended)",
    deployed.add_arguments,
    _run,
)
