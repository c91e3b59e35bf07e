"""A commit that is judged again because another run was quicker: its draft is there whenever its object may be."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

from sandbox.aws.stack import Stack
from sandbox.spaaza.answers import generated_users
from sandbox.wire import faults
from sandbox.wire.faults import Exchange
from tests.support.flow import CHAIN, Aftermath, aftermath, invoke

FORCED = {"chain_id": CHAIN, "force": True}


class LateDelete:
    """A removal of a draft whose answer is lost while S3 still works on it; the SDK's repeat is done at once."""

    def __init__(self, stack: Stack, draft_key: str) -> None:
        self._under_way: list[Exchange] = []
        stack.wire.fail("DeleteObject", self._under_way.append, key_contains=draft_key)

    def lands(self) -> None:
        """Let S3 end its work, if it has any."""
        for exchange in self._under_way:
            exchange.forward()


def test_a_removal_that_takes_effect_late_does_not_take_the_record_of_a_commit_that_was_judged_again(
    stack: Stack,
) -> None:
    stack.spaaza.script(generated_users(100), generated_users(101))
    reached, release = Event(), Event()
    noted: list[Aftermath] = []
    with ThreadPoolExecutor(1) as pool:
        stack.wire.fail("CompleteMultipartUpload", faults.hold(release, reached=reached))
        slow = pool.submit(invoke, stack, FORCED)
        assert reached.wait(20)
        (draft_key,) = (key for key in stack.object_keys() if key.startswith("pending/"))
        late = LateDelete(stack, draft_key)
        quick = invoke(stack)
        stack.wire.fail("CompleteMultipartUpload", faults.call(late.lands))
        stack.wire.fail("PutObject", faults.call(lambda: noted.append(aftermath(stack))), key_contains="manifests/")
        release.set()
        result = slow.result(30)
    assert result["run_id"] != quick["run_id"]
    assert [there.raw_run_id in there.pending for there in noted] == [True]
    assert aftermath(stack).is_committed
