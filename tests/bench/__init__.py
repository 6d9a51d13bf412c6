"""Each hot path against the least work that the same engine could do, in one run on one machine."""
