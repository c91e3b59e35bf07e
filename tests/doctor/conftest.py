"""One whole deployment in the sandbox, which each test leaves as it was."""

from collections.abc import Iterator

import pytest

from sandbox.aws.stack import running_stack
from tools.broken_setups.place import Place


@pytest.fixture(scope="package")
def place() -> Iterator[Place]:
    """Shared, since it takes seconds to make."""
    with running_stack() as stack:
        place = Place(stack)
        place.deploy()
        place.answer_what_moto_lacks()
        yield place
