"""XLM-R on the shards: vocabulary and masked LM. Not built yet.

It will read docs/shard_format.md and nothing else of the pipeline; import contracts in pyproject.toml keep it so.
"""
