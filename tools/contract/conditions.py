"""What the commit assumes about conditional writes: each function raises `NotHeld`, or returns what it saw."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from botocore.exceptions import ClientError

from spaaza_snapshots.base.aws_errors import LOST_CONDITION, code_of
from tools.contract.place import Place, must, refused

RACERS: Final = 4
CHANGED: Final = (412,)
GONE_OR_CHANGED: Final = (404, 412)

Race = Callable[[], str]


def a_put_for_a_new_object_is_refused_where_there_is_one(place: Place) -> str:
    """The first commit of a manifest and of its derived objects: If-None-Match: *."""
    place.put("put-new", b"1", IfNoneMatch="*")
    answer = refused(CHANGED, place.put, name="put-new", body=b"2", IfNoneMatch="*")
    must(place.read("put-new") == b"1", f"{answer}, but written over")
    return answer


def a_put_over_a_known_object_is_taken_and_refused_over_any_other(place: Place) -> str:
    """The commit of a manifest over an older one: If-Match."""
    stale = place.put("put-known", b"1")
    place.put("put-known", b"2", IfMatch=stale)
    answer = refused(CHANGED, place.put, name="put-known", body=b"3", IfMatch=stale)
    must(place.read("put-known") == b"2", f"{answer}, but written over")
    return answer


def a_put_over_a_known_object_is_refused_where_there_is_none(place: Place) -> str:
    """Somebody has deleted the object in the meantime."""
    answer = refused(GONE_OR_CHANGED, place.put, name="put-gone", IfMatch=place.put("put-another"))
    must(place.head("put-gone") is None, f"{answer}, but written")
    return answer


def a_get_of_a_known_object_is_refused_for_any_other(place: Place) -> str:
    """A held export is read again, and never another one instead."""
    stale = place.put("get-known", b"1")
    place.put("get-known", b"2")
    return refused(CHANGED, place.read, name="get-known", IfMatch=stale)


def a_complete_for_a_new_object_is_refused_where_there_is_one(place: Place) -> str:
    """The commit point of a plain run: If-None-Match: *."""
    place.upload("complete-new", [b"1"]).complete(IfNoneMatch="*")
    answer = refused(CHANGED, place.upload("complete-new", [b"2"]).complete, IfNoneMatch="*")
    must(place.read("complete-new") == b"1", f"{answer}, but written over")
    return answer


def a_complete_over_a_known_object_is_taken_and_refused_over_any_other(place: Place) -> str:
    """The commit point of a forced run: If-Match."""
    stale = place.upload("complete-known", [b"1"]).complete()["ETag"]
    place.upload("complete-known", [b"2"]).complete(IfMatch=stale)
    answer = refused(CHANGED, place.upload("complete-known", [b"3"]).complete, IfMatch=stale)
    must(place.read("complete-known") == b"2", f"{answer}, but written over")
    return answer


def a_complete_over_a_known_object_is_refused_where_there_is_none(place: Place) -> str:
    """Somebody has deleted the object in the meantime."""
    upload = place.upload("complete-gone")
    answer = refused(GONE_OR_CHANGED, upload.complete, IfMatch=place.put("complete-another"))
    must(place.head("complete-gone") is None, f"{answer}, but written")
    return answer


def an_upload_refused_for_its_condition_completes_on_another(place: Place) -> str:
    """A forced run that comes late is judged again, without a new export."""
    there = place.put("judged-again", b"1")
    upload = place.upload("judged-again", [b"2"])
    refused(CHANGED, upload.complete, IfNoneMatch="*")
    refused(CHANGED, upload.complete, IfMatch='"0123456789abcdef0123456789abcdef"')
    upload.complete(IfMatch=there)
    must(place.read("judged-again") == b"2", "completed, but not there")
    return "refused twice, then completed"


def of_puts_at_once_for_a_new_object_exactly_one_wins(place: Place) -> str:
    """Two runs commit the first manifest of a day."""

    def puts(name: str) -> list[Race]:
        return [partial(place.put, name, body, IfNoneMatch="*") for body in _bodies()]

    return _one_wins(place, "puts-new", puts)


def of_puts_at_once_over_a_known_object_exactly_one_wins(place: Place) -> str:
    """Two runs commit a manifest over the same older one."""

    def puts(name: str) -> list[Race]:
        there = place.put(name)
        return [partial(place.put, name, body, IfMatch=there) for body in _bodies()]

    return _one_wins(place, "puts-known", puts)


def of_completes_at_once_for_a_new_object_exactly_one_wins(place: Place) -> str:
    """Two runs complete the first export of a day."""

    def completes(name: str) -> list[Race]:
        return [partial(place.upload(name, [body]).completed_etag, IfNoneMatch="*") for body in _bodies()]

    return _one_wins(place, "completes-new", completes)


def of_completes_at_once_over_a_known_object_exactly_one_wins(place: Place) -> str:
    """Two forced runs replace the same export."""

    def completes(name: str) -> list[Race]:
        there = place.put(name)
        return [partial(place.upload(name, [body]).completed_etag, IfMatch=there) for body in _bodies()]

    return _one_wins(place, "completes-known", completes)


def _bodies() -> list[bytes]:
    return [f"of racer {number}".encode() for number in range(RACERS)]


def _one_wins(place: Place, name: str, prepared: Callable[[str], Sequence[Race]]) -> str:
    answers: list[str] = []
    for number in range(place.rounds):
        key = f"{name}-{number}"
        with ThreadPoolExecutor(RACERS) as threads:
            running = [threads.submit(_etag_or_refusal, race) for race in prepared(key)]
        ended = [one.result() for one in running]
        winners = [answer for answer in ended if answer not in LOST_CONDITION]
        must(len(winners) == 1, f"round {number + 1}: {len(winners)} of {RACERS} were taken")
        there = place.head(key)
        must(there and there["ETag"] == winners[0], f"round {number + 1}: the object is not the winner's")
        answers += [answer for answer in ended if answer in LOST_CONDITION]
    refusals = ", ".join(f"{answers.count(code)} {code}" for code in sorted({*answers}))
    return f"{place.rounds} rounds of {RACERS}: {refusals}"


def _etag_or_refusal(race: Race) -> str:
    try:
        return race()
    except ClientError as error:
        if code_of(error) not in LOST_CONDITION:
            raise
        return code_of(error)


CONDITIONS = (
    a_put_for_a_new_object_is_refused_where_there_is_one,
    a_put_over_a_known_object_is_taken_and_refused_over_any_other,
    a_put_over_a_known_object_is_refused_where_there_is_none,
    a_get_of_a_known_object_is_refused_for_any_other,
    a_complete_for_a_new_object_is_refused_where_there_is_one,
    a_complete_over_a_known_object_is_taken_and_refused_over_any_other,
    a_complete_over_a_known_object_is_refused_where_there_is_none,
    an_upload_refused_for_its_condition_completes_on_another,
    of_puts_at_once_for_a_new_object_exactly_one_wins,
    of_puts_at_once_over_a_known_object_exactly_one_wins,
    of_completes_at_once_for_a_new_object_exactly_one_wins,
    of_completes_at_once_over_a_known_object_exactly_one_wins,
)
