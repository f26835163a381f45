"""The rules by which a crawl becomes a corpus: web archives in, clean documents of one language out.

No Beam, no torch. From the bytes up, each file importing only what stands above it:

    errors, ledger          whose fault, and where everything went
    text/                   normal forms and hashes of paragraphs
    archive/                WARC and WET files, sound or damaged
    fetch/                  files wherever they lie
    urls, blocklist, robots/     pages that are not wanted, or not to be had, by their URL
    wet, web/               one record with text -> one page
    dedup                   which paragraphs stand in several records
    language, fluency       fastText; SentencePiece and KenLM
    documents, frames, formats   the shards
    text_files, listings, mistaken, segments     which archives
    recipe, models, published    which settings, which models
    extract, mine           the two stages that are made of all this
    command                 what all command lines share
    inspect                 python -m ccnet_pipeline.inspect: what is in an archive
    train_lm                python -m ccnet_pipeline.train_lm: fluency models of your own, or cc_net's
    sample/                 the bundled crawl
"""
