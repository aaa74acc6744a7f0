"""The inference worker: an HTTP service that keeps the colorizer in memory and recolors the photos sent to it."""
