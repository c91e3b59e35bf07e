"""What is printed steers no terminal: names and cells come from strangers, and an escape sequence is a command.

One may write into the clipboard, retitle the window or hide the line above: "\\x1b]52;c;…\\x07" in a member's first
name would reach the clipboard of whoever lists members.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

_STEERING: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters but for tab and line break, and those that turn the direction of the text around."""


class Terminal(Console):
    """A console that shows such a character by its number; colours and cursor of its own are not text, and stay."""

    def render_str(self, text: str, *arguments: Any, **options: Any) -> Text:
        """Return the text that a string stands for; here, since a table measures what this returns."""
        return super().render_str(_shown(text), *arguments, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the segments of what is printed, also of a `Text` that somebody else made."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(_shown(segment.text), segment.style)


def json_shown(text: str) -> str:
    """Return the same JSON, with each such character as the escape that JSON has for it."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _shown(text: str) -> str:
    return _STEERING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
