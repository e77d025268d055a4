"""Rules of `decompose-nn`, a file per group of composite ops."""
