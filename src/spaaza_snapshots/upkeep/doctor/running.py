"""What makes the snapshots run, and reports on them: functions, schedules, bus, queues, mail."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from spaaza_snapshots.base.aws_errors import answer_of
from spaaza_snapshots.upkeep.doctor.examination import Finding, SetupCheck, bad, good, unknown
from spaaza_snapshots.upkeep.doctor.surroundings import Surroundings
from spaaza_snapshots.upkeep.queues import NO_QUEUE, waiting
from spaaza_snapshots.upkeep.schedule import Schedule
from spaaza_snapshots.upkeep.scheduler import GONE, PUT_BACK, RENEWAL_TARGET, fault_of_export, schedule_to, switched_off

RUNTIME: Final = "python3.13"


def _function(here: Surroundings, output: str) -> Finding:
    name = here.output(output)
    found = answer_of(here.client("lambda").get_function, ("ResourceNotFoundException",), FunctionName=name)
    if found is None:
        return bad(f"{name} does not exist", PUT_BACK)
    configuration = found["Configuration"]
    state, update = configuration.get("State", "Active"), configuration.get("LastUpdateStatus", "Successful")
    if state not in ("Active", "Inactive") or update == "Failed":  # an idle one wakes up when it is called
        reason = configuration.get("StateReasonCode") or configuration.get("LastUpdateStatusReasonCode") or "no reason"
        return bad(f"{name} is {state}, its last update {update} ({reason})", f"Mend what that names. {PUT_BACK}")
    if found.get("Concurrency", {}).get("ReservedConcurrentExecutions") == 0:
        fix = f"aws lambda delete-function-concurrency --function-name {name}"
        return bad(f"{name} is throttled: 0 runs are reserved for it", fix)
    if configuration.get("Runtime") != RUNTIME:
        return bad(f"{name} runs on {configuration.get('Runtime')}, not {RUNTIME}", PUT_BACK)
    return good(f"{name} is {state}, on {RUNTIME}")


def _failures_kept(here: Surroundings, output: str) -> Finding:
    name = here.output(output)
    queue = here.output("FailedRunsUrl").rsplit("/", 1)[-1]
    get = here.client("lambda").get_function_event_invoke_config
    found = answer_of(get, ("ResourceNotFoundException",), FunctionName=name) or {}
    kept = found.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", "")
    if not kept.endswith(f":{queue}"):
        return bad("what fails is not kept in the queue of failed runs", PUT_BACK)
    return good(f"what fails goes to {queue}, after {found.get('MaximumRetryAttempts', 2)} retries")


def _schedule(here: Surroundings) -> Finding:
    found = schedule_to(here.client("scheduler"), here.title, f":function:{here.output('ExportFunctionName')}")
    if found is None:
        return bad(GONE.text, GONE.fix)
    fault = fault_of_export(found, here.parameter("ChainIds"))
    return bad(fault.text, fault.fix) if fault else good(f"enabled; {_next_run(found, here.now)}")


def _renewal(here: Surroundings) -> Finding:
    found = schedule_to(here.client("scheduler"), here.title, RENEWAL_TARGET)
    if found is None:
        return bad("it does not exist: nothing renews the session in time", PUT_BACK)
    fault = switched_off(found)
    return bad(fault.text, fault.fix) if fault else good(f"enabled: {found['ScheduleExpression']}")


def _next_run(schedule: Mapping[str, Any], now: datetime) -> str:
    """Say when it runs next, in its own zone; for anything but the template's hours, say how it is written."""
    expression, zone = schedule["ScheduleExpression"], schedule.get("ScheduleExpressionTimezone") or "UTC"
    hour = expression.removeprefix("cron(0 ").removesuffix("-23 * * ? *)")
    if not hour.isdecimal():
        return f"{expression} in {zone}"
    return f"next run on {Schedule(ZoneInfo(zone), int(hour)).next_run(now):%Y-%m-%d at %H:%M}, {zone}"


def _bus(here: Surroundings) -> Finding:
    name = here.output("EventBusName")
    if answer_of(here.client("events").describe_event_bus, ("ResourceNotFoundException",), Name=name) is None:
        return bad(f"{name} does not exist", PUT_BACK)
    return good(name)


def _rules(here: Surroundings) -> Finding:
    bus, events = here.output("EventBusName"), here.client("events")
    rules = list(events.get_paginator("list_rules").paginate(EventBusName=bus).search("Rules[]"))
    reached: dict[str, str] = {}
    for rule in rules:
        targets = events.list_targets_by_rule(Rule=rule["Name"], EventBusName=bus)["Targets"]
        reached |= {target["Arn"].rsplit(":", 1)[-1]: rule.get("State", "ENABLED") for target in targets}
    ends = {
        "the export function": here.output("ExportFunctionName"),
        "the Parquet function": here.output("ParquetFunctionName"),
        "the alarm topic": here.output("AlarmTopicArn").rsplit(":", 1)[-1],
    }
    states = {end: reached.get(name, "no rule") for end, name in ends.items()}
    unreached = [f"{end} ({state.lower()})" for end, state in states.items() if not state.startswith("ENABLED")]
    if unreached:
        fix = f"Enable the rule of bus {bus} in the console of EventBridge. {PUT_BACK}"
        return bad(f"no event reaches {', '.join(unreached)}", fix)
    return good(f"{len(rules)} rules, which reach both functions and the alarm topic")


def _mail(here: Surroundings) -> Finding:
    topic, email = here.output("AlarmTopicArn"), here.parameter("AlarmEmail")
    subscribe = f"aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint {email or 'ADDRESS'}"
    pages = here.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    found = list(pages.search("Subscriptions[]"))
    waiting = [one["Endpoint"] for one in found if one["SubscriptionArn"] == "PendingConfirmation"]
    if waiting:
        fix = 'Follow the link in the mail "AWS Notification - Subscription Confirmation" (look among the spam).'
        return bad(f"not confirmed: {', '.join(waiting)}", f"{fix} For another mail: {subscribe}")
    reached = [one["Endpoint"] for one in found if one["SubscriptionArn"].startswith("arn:")]  # else "Deleted"
    if reached and (not email or email in reached):
        return good(f"alarms go to {', '.join(reached)}")
    if email:
        return bad(f"{email} gets no alarm: never confirmed, or unsubscribed", subscribe)
    return unknown("nobody has subscribed to the alarms, as AlarmEmail is empty", subscribe)


def _counted(count: int, name: str) -> str:
    return f"{count} {name}" if count == 1 else f"{count} {name}s"


def _undelivered(here: Surroundings) -> Finding:
    count = answer_of(waiting, NO_QUEUE, sqs=here.client("sqs"), queue_url=here.output("UndeliveredEventsUrl"))
    if count is None:
        return bad("its queue does not exist", PUT_BACK)
    if count:
        fix = 'Read them and do what "undelivered-events" in docs/OPERATIONS.md says of each.'
        return bad(f"{_counted(count, 'event')} could not be delivered", fix)
    return good("none")


def _failed(here: Surroundings) -> Finding:
    count = answer_of(waiting, NO_QUEUE, sqs=here.client("sqs"), queue_url=here.output("FailedRunsUrl"))
    if count is None:
        return bad("their queue does not exist", PUT_BACK)
    if count:
        text = f"{_counted(count, 'run')} failed in the last 14 days; later ones may have put it right"
        return unknown(text, "spaaza-snapshots status says how the days stand (make status).")
    return good("none in the last 14 days")


RUNNING = (
    SetupCheck("export function", partial(_function, output="ExportFunctionName"), ("stack",)),
    SetupCheck("parquet function", partial(_function, output="ParquetFunctionName"), ("stack",)),
    SetupCheck("export failures", partial(_failures_kept, output="ExportFunctionName"), ("export function",)),
    SetupCheck("parquet failures", partial(_failures_kept, output="ParquetFunctionName"), ("parquet function",)),
    SetupCheck("schedule", _schedule, ("stack",)),
    SetupCheck("bus", _bus, ("stack",)),
    SetupCheck("rules", _rules, ("bus",)),
    SetupCheck("alarm mail", _mail, ("stack",)),
    SetupCheck("undelivered", _undelivered, ("stack",)),
    SetupCheck("failed runs", _failed, ("stack",)),
)
RENEWAL = (
    SetupCheck("rotation function", partial(_function, output="RotationFunctionName"), ("stack",)),
    SetupCheck("renewal schedule", _renewal, ("stack",)),
)
