"""Every way a run can fail, grouped by who has to act.

An error text has three parts: *what* went wrong, its *detail* (figures, names, never a cell value and never a
session key), and a *hint*: what the one who reads it does next.
"""

NEXT_RUN = "The next run of the schedule tries again; look at Spaaza's status if this goes on for hours."
"""The hint of what nobody has to act on at once."""

ASK_SPAAZA = "Ask Spaaza what has changed at the export endpoint."
"""The hint of an answer that is no export."""


class SnapshotError(Exception):
    """A run that did not end with a committed snapshot; the parts of its text are `what`, `detail` and `hint`."""

    def __init__(self, what: str, detail: str = "", hint: str = "") -> None:
        super().__init__(what, detail, hint)
        self.what = what
        self.detail = detail
        self.hint = hint

    def __str__(self) -> str:
        """Return the three parts as one sentence each."""
        text = f"{self.what}: {self.detail}" if self.detail else self.what
        return f"{text}. {self.hint}" if self.hint else f"{text}."


# --- Whoever deploys acts -------------------------------------------------------------------------------------------


class BadSettings(SnapshotError):
    """The environment of the function is wrong; all its problems are named at once."""


# --- The caller acts ------------------------------------------------------------------------------------------------


class InvalidRequest(SnapshotError):
    """The event asks for something that cannot be done, now or ever."""


# --- The operator acts ----------------------------------------------------------------------------------------------


class CredentialsError(SnapshotError):
    """The secret cannot be read, or does not hold an admin session."""


class SessionExpired(CredentialsError):
    """Spaaza does not know the session any more: somebody has to log in again."""


class LoginRefused(CredentialsError):
    """Spaaza refuses a name, a password or a code; to ask again unchanged may lock the user."""


class ExportRejected(SnapshotError):
    """Spaaza refuses this export, and would refuse it again: a permission, an address or a redirect."""


class NotAnExport(SnapshotError):
    """Spaaza answered with something that is no gzip CSV with a header, so nothing could prove its end."""


class SnapshotHeld(SnapshotError):
    """The export is whole but doubtful; `kept`, unseen, until somebody accepts it, or not, as a good one is there.

    `again`: of a day that was held before, so that somebody was told.
    """

    def __init__(self, what: str, detail: str = "", hint: str = "", *, kept: bool = True, again: bool = False) -> None:
        super().__init__(what, detail, hint)
        self.kept = kept
        self.again = again


# --- Nobody acts at once: the next run of the schedule is the retry ---------------------------------------------------


class ExportUnavailable(SnapshotError):
    """Spaaza did not begin to answer; `retry_after_seconds` is how long it asked us to wait, or None."""

    def __init__(self, what: str, detail: str = "", hint: str = "", retry_after_seconds: float | None = None) -> None:
        super().__init__(what, detail, hint)
        self.retry_after_seconds = retry_after_seconds


class ExportInterrupted(SnapshotError):
    """The answer began as an export and is not whole."""


class OutOfTime(SnapshotError):
    """Too little of the function's time is left to end what was begun."""


class StorageError(SnapshotError):
    """S3, Glue or EventBridge refused or lost what the snapshot needs."""
