"""The Reddit adapter.

What comes in: `streams` and `inbox` keep up with what is written, `summoning` judges it, `commands` carries out what
the bot is told. What goes out: `locating` finds the photos (`images` is the walk), `replies` answers exactly once,
`hosting` puts the results where people see them, `wording` says it. Underneath: `session`, `pace` and `workers` speak
to Reddit through PRAW, `reading` is what is asked there, `things` is what comes back, `troubles` what goes wrong.
"""

from bot.adapters.reddit.adapter import RedditAdapter

__all__ = ["RedditAdapter"]
