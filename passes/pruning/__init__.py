"""What the prune passes share: which channels hang together, what masks make dead, how ops shrink."""
