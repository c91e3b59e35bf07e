"""A command and the AWS that it asks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from sandbox.aws.moto import MotoAws


@dataclass
class Stub:
    """An AWS service on loopback: what it was asked, by JSON, and what it says to each in turn, the last for ever."""

    answers: Sequence[tuple[int, Mapping[str, str], Any]] = ()
    asked: list[Any] = field(default_factory=list)

    def say(self, *answers: object, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.answers = [(status, headers or {}, answer) for answer in answers]


def lead_the_sdk_to(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": MotoAws.region,
    }.items():
        monkeypatch.setenv(name, value)


Shown = Callable[..., tuple[int, str]]
