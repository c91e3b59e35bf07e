"""The template holds the saved queries of athena/."""

from sandbox.athena.saved_queries import TEMPLATE, updated


def test_the_template_holds_exactly_these_queries() -> None:
    template = TEMPLATE.read_text()
    assert updated(template) == template
