"""Processes that decode and encode photos: strangers' files are opened nowhere else, and a process may die of one.

A crash in a decoder costs one such process, which is replaced, and not the worker; each process locks itself in before
it sees a photo. They also share no interpreter's lock with the network and the HTTP service, and those for large photos
give way to all others, so that the machine's cores are busy and nobody waits behind a giant.

``forking`` is the program that has the imports ready and forks, ``fork_server`` the worker's hold on it; ``serving`` is
a process's life, ``process`` and ``pool`` the worker's side, ``messages`` what the two say to each other.
"""

LARGE_PIXELS = 4_000_000
"""Photos with more are large: they have processes of their own, and memory is given back after each."""
