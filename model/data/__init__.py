"""Ids to batches: token files on disk, mapped into memory; then a pure function of seed and step."""
