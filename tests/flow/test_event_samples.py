"""The samples of events: as the functions send them, and as the schemas promise them."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from sandbox.aws.event_contract import schemas
from sandbox.aws.stack import Stack
from tools.event_samples import SAMPLES, samples

FILES = sorted(SAMPLES.glob("*.json"))


def test_the_samples_are_what_the_functions_send(stack: Stack) -> None:
    assert {path.name: path.read_text(encoding="utf-8") for path in FILES} == samples(stack)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_sample_is_an_event_by_its_schema(path: Path) -> None:
    sample = json.loads(path.read_text(encoding="utf-8"))
    Draft202012Validator(schemas()[sample["detail-type"]], format_checker=FormatChecker()).validate(sample)


def test_there_is_a_sample_of_every_event() -> None:
    kinds = {json.loads(path.read_text(encoding="utf-8"))["detail-type"] for path in FILES}
    assert kinds == set(schemas())
