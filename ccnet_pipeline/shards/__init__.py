"""Published shards: what they say of themselves, and what reads, checks and rewrites them."""
