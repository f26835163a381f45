"""What goes wrong by a user's mistake."""


class UserError(Exception):
    """A mistake that the user can mend. The message is one line and says how.

    Entry points print it as `<program>: <message>` to standard error and exit with status 2.
    """
