"""From any images to shards worth training on: screened, without duplicates, small enough to carry."""
