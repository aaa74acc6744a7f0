"""``python -m bot``: the command line."""

from __future__ import annotations

import asyncio
import io
import signal
import sys

from rich.console import Console

from bot import logs
from bot.arguments import parse_arguments
from bot.configuration import load_settings
from bot.orders import Check, Downgrade, LetIn, Load, Order, Purge, RecolorPhotos, Replay, Serve, Stats
from bot.problems import OPERATOR_ERROR_STATUS, OperatorError
from bot.settings import Settings

_INTERRUPTED_STATUS = 128 + signal.SIGINT


def main() -> int:
    """Run a command; return the exit status: 0, 1 when something failed, 2 when only the operator can help."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # not every terminal can show every name and sign
    try:
        return asyncio.run(_run())
    except KeyboardInterrupt:
        return _INTERRUPTED_STATUS
    except OperatorError as error:
        sys.stderr.write(f"colorizebot: {error}\n")
        return OPERATOR_ERROR_STATUS


async def _run() -> int:
    order = parse_arguments(sys.argv[1:])
    settings = load_settings()
    # What is shown may have brackets and colons of its own: IPv6 addresses, names of folders.
    console = Console(markup=False, emoji=False)
    if isinstance(order, Serve):
        from bot.commands.serve import serve

        logs.configure(settings.log_level, settings.log_format, secrets=logs.secrets_of(settings))
        await serve(settings, console)
        return 0
    logs.configure("ERROR")
    return await _carry_out(order, settings, console)


async def _carry_out(order: Order, settings: Settings, console: Console) -> int:
    # Each command is imported when it is called for: recoloring a photo needs neither the web page nor the database.
    match order:
        case RecolorPhotos():
            from bot.commands.recolor import recolor

            return await recolor(settings, console, order)
        case Check():
            from bot.commands.check import check

            return await check(settings, console, order)
        case Stats():
            from bot.commands.stats import stats

            return await stats(settings, console, order)
        case Purge():
            from bot.commands.purge import purge

            return await purge(settings, console, order)
        case Replay():
            from bot.commands.replay import replay

            return await replay(settings, console, order)
        case Load():
            from bot.commands.load import load

            return await load(console, order)
        case LetIn():
            from bot.commands.let_in import let_in

            return await let_in(settings, console, order)
        case Downgrade():
            from bot.commands.downgrade import downgrade

            return await downgrade(settings, console, order)
    raise AssertionError(order)


if __name__ == "__main__":
    sys.exit(main())
