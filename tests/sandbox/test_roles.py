"""What the roles on moto rely on in moto itself."""

import inspect

from moto.core.responses import BaseResponse

from tests.support.roles import HOOK, RESOURCES


def test_moto_still_asks_a_service_by_our_hook_which_resource_a_call_is_for() -> None:
    assert f"self.{HOOK}()" in inspect.getsource(BaseResponse.call_action)
    assert [responses for responses, _ in RESOURCES if not issubclass(responses, BaseResponse)] == []


def test_no_service_that_is_told_its_resources_here_has_learnt_to_tell_them_itself() -> None:
    assert [responses for responses, _ in RESOURCES if hasattr(responses, HOOK)] == []
