"""What only the person who runs the bot can put right."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

OPERATOR_ERROR_STATUS = 2
"""The exit status that follows an ``OperatorError``."""


class OperatorError(Exception):
    """One plain message for the operator, naming the setting to change; it is shown without a traceback."""


@contextmanager
def ungrouped() -> Iterator[None]:
    """Raise an ``OperatorError`` by itself where a task group made an exception group of it."""
    try:
        yield
    except BaseExceptionGroup as group:
        for_operators, others = group.split(OperatorError)
        if for_operators is None or others is not None:
            raise
        raise _first(for_operators) from None


def _first(group: BaseExceptionGroup[OperatorError]) -> OperatorError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
