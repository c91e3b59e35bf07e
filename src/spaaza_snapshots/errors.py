"""Every way a run can fail, grouped by who has to act.

An error text has up to three parts: *what* went wrong, its *detail* (figures and names, never a cell value or a session
key), and a *hint*: what the reader should do next.
"""

NEXT_RUN = "The next scheduled run tries again; check Spaaza's status if this lasts for hours."
"""The hint of errors that need no immediate action."""

ASK_SPAAZA = "Ask Spaaza what has changed at the export endpoint."
"""The hint for an answer that is not an export."""


class SnapshotError(Exception):
    """A run that did not end with a committed snapshot; the parts of its text are `what`, `detail` and `hint`.

    None has a default, so that nobody forgets one; it is empty where whoever catches the error says that part.
    """

    spends_a_try = True
    """Of a log-in that failed: whether Spaaza may have counted it against the user. In doubt it has."""

    def __init__(self, what: str, detail: str, hint: str) -> None:
        super().__init__(what, detail, hint)
        self.what = what
        self.detail = detail
        self.hint = hint

    def __str__(self) -> str:
        """Return the parts as sentences."""
        text = f"{self.what}: {self.detail}" if self.detail else self.what
        return f"{text}. {self.hint}" if self.hint else f"{text}."


# --- The deployer acts ----------------------------------------------------------------------------------------------


class BadSettings(SnapshotError):
    """The function's environment variables are wrong; all problems are reported at once."""


# --- The caller acts ------------------------------------------------------------------------------------------------


class InvalidRequest(SnapshotError):
    """The event asks for something that cannot be done, now or later."""


# --- The operator acts ----------------------------------------------------------------------------------------------


class CredentialsError(SnapshotError):
    """The secret cannot be read, or does not hold an admin session."""


class SessionExpired(CredentialsError):
    """Spaaza no longer accepts the session: somebody has to log in again."""


class LoginRefused(CredentialsError):
    """Spaaza refuses a name, a password or a code; to ask again unchanged may lock the user."""


class ExportRejected(SnapshotError):
    """Spaaza refuses this export, and would refuse it again: a permission, a URL or a redirect."""


class NotAnExport(SnapshotError):
    """Spaaza answered with something other than a gzip CSV with a header, so its end cannot be proven."""


class SnapshotHeld(SnapshotError):
    """The export is complete but doubtful; `kept` until somebody accepts it, or not if a good one is there.

    `again`: this day was already held, so somebody has been notified.
    """

    def __init__(self, what: str, detail: str, hint: str, *, kept: bool = True, again: bool = False) -> None:
        super().__init__(what, detail, hint)
        self.kept = kept
        self.again = again


# --- Nobody acts yet: the next scheduled run is the retry -----------------------------------------------------------


class ExportUnavailable(SnapshotError):
    """Spaaza did not start to answer; `retry_after_seconds` is how long it asked us to wait, or None."""

    def __init__(self, what: str, detail: str, hint: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(what, detail, hint)
        self.retry_after_seconds = retry_after_seconds


class ExportInterrupted(SnapshotError):
    """The export must be made again from its start: it came incomplete or damaged, or S3 lost its upload."""


class OutOfTime(SnapshotError):
    """Too little of the function's time is left to finish."""


class StorageError(SnapshotError):
    """S3, Glue or EventBridge failed, or lost what the snapshot needs."""
