"""XLM-R on the shards: vocabulary and masked LM (arXiv 1911.02116).

It reads docs/shard_format.md and nothing else of the pipeline; import contracts in pyproject.toml keep it so.

    vocab.py encode.py pretrain.py export.py fill_mask.py plot.py   the commands: python -m model.<name> --help
    config.py presets.py settings.py stages.py ids.py
                    sizes of the model and settings of a run, with their sources
    languages.py weights.py mixture.py
                    which languages a run trains on, and which share of the samples each has
    training/       folder.py text.py prepare.py table.py run.py cadence.py trainer.py optim.py schedule.py
                    validation.py progress.py checkpoint.py writer.py branch.py result.py distributed.py compiler.py
                    hardware.py launch.py
    network/        xlmr.py loss.py flops.py hf.py
    data/           encoder.py encoded.py; order.py blocks.py masking.py loader.py
    text/           shards.py lines.py vocabulary.py tokenizer.py normalizer.py proto.py
    sampling.py     q ~ p^alpha, and chance as a pure function of keys
    workers.py files.py errors.py

docs/training.md explains a real run.
"""
