"""How many messages a queue has, without receiving any: that would hide them from whoever deals with them."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

NO_QUEUE: Final = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})
"""SQS's codes for a queue that is not there."""

_COUNTS: Final = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


def waiting(sqs: "SQSClient", queue_url: str) -> int:
    """Return how many messages a queue has, with those that somebody is reading; raises the SDK's errors."""
    counts = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=_COUNTS)["Attributes"]
    return sum(int(counts.get(name, "0")) for name in _COUNTS)
