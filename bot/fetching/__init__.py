"""Fetch the picture behind a link that a stranger posted.

    async with Fetcher(settings.fetch) as fetcher:
        photo = await fetcher.fetch("https://example.org/grandmother.jpg")  # Fetched, or raises FetchRefused

Threat model. Whoever writes the link also owns the site, its DNS and every byte that comes back; the bot stands where
that person can't reach: beside databases, routers and cloud metadata services. What they may try, and what stops it:

- *Reaching private addresses* by name, by DNS rebinding, through a redirect, a page's og:image or an odd notation:
  every socket is made by `addresses.guarded_socket`, which sees the address about to be dialled, after all
  resolving; there is no second look-up that could differ. `links.check` refuses bare addresses before that.
- *Talking to other services on public hosts*: only http and https, GET, port 80, 443 or 1024 and up.
- *Abusing the bot's identity*: no cookies, no credentials (links that carry some are refused), no Referer, no proxy
  or .netrc from the environment. Certificates are verified.
- *Filling memory*: a cap on decoded bytes while they stream in, whatever Content-Length says; at most 512 KB of an HTML
  page; bounded header lines; links of at most 4096 characters; a bounded number of fetches at once.
- *Keeping the bot busy*: one deadline for all hops of a link, at most `max_redirects` redirects and one page on the
  way, a share per host so that a slow site holds up only itself, name look-ups on threads of their own.

A redirect from https to http is followed: nothing secret is ever sent, so the downgrade reveals no more than the
poster of an http link would. What this package doesn't know: the machine's own public addresses, and a network's own
NAT64 prefix. Where those lead to something private, a firewall must guard it. On an IPv6-only network behind
64:ff9b::/96, IPv4 sites are refused.
"""

from bot.fetching.answers import Fetched
from bot.fetching.fetcher import Fetcher
from bot.fetching.refusals import FetchRefused, Reason

__all__ = ["FetchRefused", "Fetched", "Fetcher", "Reason"]
