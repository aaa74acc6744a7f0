"""What only the person who runs the bot can put right."""

from __future__ import annotations

OPERATOR_ERROR_STATUS = 2
"""The exit status that follows an ``OperatorError``."""


class OperatorError(Exception):
    """One plain message for the operator, naming the setting to change; it is shown without a traceback."""
