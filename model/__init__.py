"""XLM-R on the shards: vocabulary and masked LM (arXiv 1911.02116). In work: `make test` does not cover it yet.

It reads docs/shard_format.md and nothing else of the pipeline; import contracts in pyproject.toml keep it so.

    shards.py sampling.py lines.py      text: documents of a corpus, q ~ p^alpha, a sample of lines
    vocab.py tokenizer.py proto.py      SentencePiece, and the tokenizer's files in XLM-R's layout
    encode.py encoded.py workers.py     shards -> token files, memory-mapped
    order.py blocks.py masking.py loader.py    token files -> masked batches, a pure function of seed and step
    config.py network.py loss.py flops.py      the model
    trainer.py optim.py validation.py progress.py checkpoint.py processes.py run.py prepare.py   training
    hf.py export.py fill_mask.py        to and from Hugging Face; the five likeliest words

    python -m model.vocab | encode | pretrain | export | fill_mask --help
"""
