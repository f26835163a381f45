"""The rules by which a crawl becomes a corpus: web archives in, clean documents of one language out.

No Beam, no torch. From the bytes up, each file importing only what stands above it:

    errors, ledger          whose fault, and where everything went
    text/                   normal forms and hashes of paragraphs
    archive/                WARC and WET files, sound or damaged
    storage/                files wherever they lie: disks, object stores, HDFS; written whole, or not there
    fetch/                  crawls and models from afar, whatever a network does
    urls, blocklist/, robots/     pages that are not wanted, or not to be had, by their URL
    wet, web/               one record with text -> one page
    dedup                   which paragraphs stand in several records
    language/               fastText: which language a paragraph is in
    fluency/                SentencePiece and KenLM: how fluent it is; models of your own, or cc_net's
    decontamination/        which documents share words with a test file
    masking/                addresses and numbers of people become placeholders
    documents, frames, formats   the shards
    filters/                rules that documents must meet; ours, and one's own
    text_files, listings, mistaken, segments     which archives
    recipe, models, local_copies     which settings, which models, and files that must lie on this machine
    extract                 the first stage that is made of all this
    groups, quality, judges, mine   the second
    command                 what all command lines share
    inspect                 python -m ccnet_pipeline.inspect: what is in an archive
    sample/                 the bundled crawl
"""
