"""The one exception for everything that a person can cause and mend."""


class UserError(Exception):
    """What was expected, what was found and what to do, in words for the person in front of the screen.

    The page shows it as a message, the command line prints it to stderr and exits with 2, Python raises it.

    Attributes:
        code: stable upper-case name for programs and tests, for instance ``BAD_SETTING``.
        message: one sentence: what was expected and what was found. Plain text, never HTML.
        hint: one sentence: what to do now; may be empty.
        field: name of the setting or input that is wrong; empty when it is none.
    """

    def __init__(self, code: str, message: str, hint: str = "", field: str = "") -> None:
        super().__init__(f"{message} {hint}".strip())
        self.code, self.message, self.hint, self.field = code, message, hint, field

    def as_dict(self) -> dict[str, str]:
        """The error as plain data, to cross a process or HTTP border."""
        return {"code": self.code, "message": self.message, "hint": self.hint, "field": self.field}
