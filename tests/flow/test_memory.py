"""The memory of the export function does not grow with the export."""

from sandbox.aws.lambda_runtime import LambdaFunction
from sandbox.aws.stack import Stack
from sandbox.spaaza.answers import generated_users
from tests.support.flow import CHAIN

MB = 1_000_000


def peak_memory_bytes(stack: Stack, csv_megabytes: int) -> int:
    """Run a fresh function on an export of about that size and return its VmHWM."""
    stack.spaaza.serve(generated_users(csv_megabytes * MB // 366))
    with LambdaFunction("spaaza_snapshots.export_handler.lambda_handler", stack.environment()) as function:
        invocation = function.invoke({"chain_id": CHAIN, "force": True})
    assert invocation.payload is not None
    assert invocation.payload["raw"]["csv_bytes"] >= 0.97 * csv_megabytes * MB
    assert invocation.peak_memory_bytes is not None
    return invocation.peak_memory_bytes


def test_three_hundred_megabytes_take_hardly_more_memory_than_ten_and_less_than_130(stack: Stack) -> None:
    small, large = peak_memory_bytes(stack, 10), peak_memory_bytes(stack, 300)
    figures = f"{small / MB:.1f} MB for 10 MB of CSV, {large / MB:.1f} MB for 300 MB"
    assert abs(large - small) < 20 * MB, figures
    assert large < 130 * MB, figures
