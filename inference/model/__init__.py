"""The colorization model: ab bins, soft encoding, annealed-mean decoding and the networks."""
