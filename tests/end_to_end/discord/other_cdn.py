"""``python -m bot`` that looks for stickers at another CDN, whose address discord.py has built in."""

import sys

import discord.asset

from bot.__main__ import main

if __name__ == "__main__":
    discord.asset.Asset.BASE = sys.argv.pop(1)
    sys.exit(main())
