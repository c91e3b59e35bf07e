"""Work in a thread of its own, for whoever must not wait for it longer than it may."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def in_background(work: Callable[[], T], name: str) -> Future[T]:
    """Start work in a thread of this name, and return its future at once; nothing can stop it once it runs."""
    thread = ThreadPoolExecutor(1, thread_name_prefix=name)
    started = thread.submit(work)
    thread.shutdown(wait=False)
    return started
