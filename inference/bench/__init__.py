"""``python -m inference bench``: what the worker costs, beside the least it could cost and beside its peer.

A section is a module of this package, named in ``sections.SECTIONS``, with one function::

    def measure(conditions: Conditions) -> Iterator[Table]

It yields tables as they are done: rows are dataclasses, goals say what was to be reached (see ``tables``). Whatever is
compared is measured in the same run on the same machine, so that the ratios hold anywhere.
"""
