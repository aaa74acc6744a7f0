"""The subcommands of ``python -m training``, one module each: ``add`` adds it to the parser."""
