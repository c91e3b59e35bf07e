"""Log in to the sandbox's Spaaza at a terminal, with a code, without, and to each refusal; print what it shows.

All is real but AWS and Spaaza: the installed command, a terminal of its own, its exit code.
"""

import json
import os
import pty
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from sandbox.aws.moto import MotoAws
from sandbox.spaaza.answers import refusal
from sandbox.spaaza.login import User
from sandbox.spaaza.server import SpaazaServer
from sandbox.wire import faults
from sandbox.wire.wire import EVERY_TIME, Wire

COMMAND: Final = Path(sys.prefix) / "bin" / "spaaza-snapshots"
PATIENCE_SECONDS = 60.0
NAME, PASSWORD, CODE = "Spaaza user name: ", "Password: ", "Code: "


class Terminal:
    """`spaaza-snapshots` at a terminal of its own: `shown` is all that a person would see there.

    Its process leads a session that this terminal controls, so that Ctrl-C is typed, and no signal is sent.
    """

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        self._ours, self._theirs = pty.openpty()
        # the first terminal that the leader of a session opens becomes the one that controls it
        opens_it = 'tty=$1; shift; exec "$@" <"$tty" >"$tty" 2>&1'
        self._running = subprocess.Popen(
            ["sh", "-c", opens_it, "sh", os.ttyname(self._theirs), str(COMMAND), *arguments],
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
        )
        self.pid = self._running.pid
        self.shown = ""
        self._answered = 0  # so much of `shown` was there at the last answer

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the process, if it still runs, and close the terminal."""
        self._running.kill()
        self._running.wait()
        os.close(self._ours)
        os.close(self._theirs)

    def wait_for(self, prompt: str) -> None:
        """Wait until this is shown, behind the last answer."""
        self._watch(lambda: prompt in self.shown[self._answered :])

    def answer(self, prompt: str, text: str) -> None:
        """Wait for a prompt and type a line."""
        self.wait_for(prompt)
        self._type(f"{text}\n")

    def ctrl_c(self) -> None:
        """Type it once the process waits for a key: between its prompt and its read the signal goes unheard."""
        self._watch(self._is_reading)
        self._type("\x03")

    def exit_code(self) -> int:
        """Wait for the end."""
        self._watch(lambda: self._running.poll() is not None)
        self._read()  # what came between the last look and the end
        return self._running.returncode

    def _type(self, text: str) -> None:
        self._answered = len(self.shown)
        os.write(self._ours, text.encode())

    def _is_reading(self) -> bool:
        """Whether the process sleeps, at two looks with a wait between them."""
        looks = []
        for _ in range(2):
            looks.append(Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0])
            self._read()
        return looks == ["S", "S"]

    def _watch(self, until: Callable[[], bool]) -> None:
        ends = time.monotonic() + PATIENCE_SECONDS
        while not until():
            if time.monotonic() > ends or (self._running.poll() is not None and not self._read() and not until()):
                raise TimeoutError(f"this came instead:\n{self.shown}")
            self._read()

    def _read(self) -> bool:
        """Add what has come; wait a moment for it."""
        if not select.select([self._ours], [], [], 0.05)[0]:
            return False
        self.shown += os.read(self._ours, 65_536).decode(errors="replace").replace("\r\n", "\n")
        return True


@dataclass
class Shop:
    """Where the demonstration logs in: an AWS with an empty secret, a Spaaza with one admin."""

    aws: MotoAws
    wire: Wire
    spaaza: SpaazaServer
    folder: Path
    secret: str = field(init=False)

    def __post_init__(self) -> None:
        """Put an old session into the secret."""
        session = {"session_user_id": "1", "session_key": self.spaaza.session.key}
        self.secret = self.aws.create_secret("spaaza-session", session)

    def environment(self) -> dict[str, str]:
        """Return the variables that lead the command here."""
        return {
            "PATH": os.environ["PATH"],
            "TERM": "dumb",
            "TZ": "Europe/Amsterdam",
            "AWS_ENDPOINT_URL": self.wire.url("aws"),
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_DEFAULT_REGION": self.aws.region,
            "SPAAZA_API_URL": self.spaaza.base_url,
        }

    def terminal(self, command: str) -> Terminal:
        """Start `spaaza-snapshots login` or `logout`."""
        return Terminal(
            [command, "--secret", "spaaza-session", "--environment", "test01"], self.environment(), self.folder
        )

    def current(self) -> str:
        """Return what the secret holds."""
        text: str = self.aws.client("secretsmanager").get_secret_value(SecretId=self.secret)["SecretString"]
        return text

    def last_code(self) -> str:
        """Return the code of the last e-mail."""
        return self.spaaza.logins.letters[-1]


Typed = tuple[str, str | Callable[[Shop], str]]
CTRL_C = "\x03"
RIGHT: Final[tuple[Typed, ...]] = ((NAME, User.username), (PASSWORD, User.password))


def _last_code(shop: Shop) -> str:
    return shop.last_code()


@dataclass(frozen=True)
class Scene:
    """One log-in: what is prepared, what is typed at each prompt, and how it ends."""

    title: str
    typed: tuple[Typed, ...]
    exit_code: int
    prepare: Callable[[Shop], object] = lambda _: None
    command: str = "login"


def _exempt(shop: Shop) -> None:
    shop.spaaza.logins.admin.exempt = True


def _down(shop: Shop) -> None:
    shop.spaaza.logins.scripted.append(refusal(503))


def _codes_expire_at_once(shop: Shop) -> None:
    shop.spaaza.logins.code_lifetime = timedelta(0)


def _no_right(shop: Shop) -> None:
    shop.wire.fail("PutSecretValue", faults.error(400, "AccessDeniedException"), times=EVERY_TIME)


WRONG_CODES: Final = ((CODE, "111111"), (CODE, "111112"), (CODE, "111113"))
SCENES: Final = (
    Scene("with a code", (*RIGHT, (CODE, _last_code)), 0),
    Scene("without a code: the user is exempt", RIGHT, 0, _exempt),
    Scene("a wrong password", ((NAME, User.username), (PASSWORD, "guess")), 4),
    Scene("three wrong codes", (*RIGHT, *WRONG_CODES), 4),
    Scene("an expired code", (*RIGHT, (CODE, _last_code)), 4, _codes_expire_at_once),
    Scene("no right to write the secret", (), 1, _no_right),
    Scene("Spaaza is down", RIGHT, 1, _down),
    Scene("Ctrl-C at the name", ((NAME, CTRL_C),), 130),
    Scene("Ctrl-C at the password", (RIGHT[0], (PASSWORD, CTRL_C)), 130),
    Scene("Ctrl-C at the code", (*RIGHT, (CODE, CTRL_C)), 130),
    Scene("log-out", (), 0, command="logout"),
)


def play(scene: Scene, shop: Shop) -> str:
    """Play a scene; return its transcript. Raises `AssertionError` where it ends otherwise than it should."""
    scene.prepare(shop)
    before = shop.current()
    with shop.terminal(scene.command) as terminal:
        for prompt, text in scene.typed:
            terminal.wait_for(prompt)
            if text == CTRL_C:
                terminal.ctrl_c()
            else:
                terminal.answer(prompt, text if isinstance(text, str) else text(shop))
        exit_code = terminal.exit_code()
    changed = shop.current() != before
    assert exit_code == scene.exit_code, terminal.shown
    assert changed == (scene.exit_code == 0 and scene.command == "login"), terminal.shown
    assert not [key for key in (User.password, _key(shop)) if key in terminal.shown], "something secret was shown"
    end = f"[exit code {exit_code}, the secret {'has a new session' if changed else 'is unchanged'}]"
    return f"# {scene.title}\n$ spaaza-snapshots {scene.command}\n{terminal.shown}{end}\n"


def _key(shop: Shop) -> str:
    key: str = json.loads(shop.current())["session_key"]
    return key


def main() -> None:
    """Play every scene, each in a world of its own, and print its transcript."""
    for scene in SCENES:
        with ExitStack() as world:
            aws = world.enter_context(MotoAws())
            wire = world.enter_context(Wire({"aws": aws.endpoint_url}))
            spaaza = world.enter_context(SpaazaServer())
            folder = Path(world.enter_context(tempfile.TemporaryDirectory()))
            print(play(scene, Shop(aws, wire, spaaza, folder)), flush=True)


if __name__ == "__main__":
    main()
