"""What the subcommands share."""

from rich.console import Console

console = Console(soft_wrap=True)
PHOTOS_HELP = "tar file, folder of images, or folder of tar files; a manifest.csv in the folder says the splits"
