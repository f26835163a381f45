"""What the command line offers, in groups, with the help that `--help` prints."""

import argparse
from typing import get_args

from beam_jobs import document_options
from ccnet_pipeline.command import Parser
from ccnet_pipeline.extractors import Extractor
from ccnet_pipeline.fetch import FetchPolicy
from ccnet_pipeline.fluency import BUCKETS
from ccnet_pipeline.formats import FORMATS
from ccnet_pipeline.language import ADDED, LEAST_SCORE, NONE
from ccnet_pipeline.listings import COMMONCRAWL
from ccnet_pipeline.models import KNOWN
from ccnet_pipeline.recipe import PRESETS

SAMPLE_OUTPUT = "cc100-sample"
SAMPLE_LID_MODEL = "lid.176.ftz"

_DESCRIPTION = """\
Build a CC-100 style corpus: read CommonCrawl's WET or WARC files, drop duplicate paragraphs, identify the language,
score fluency, and write one clean set of shards a language.

    python -m beam_jobs.build_cc100                                     # the bundled sample, into ./cc100-sample
    python -m beam_jobs.build_cc100 --dump CC-MAIN-2018-51 --sample 1 --output corpus
    python -m beam_jobs.build_cc100 --input 'crawl/**/*.wet.gz' --output corpus --lm_dir models

A run that was interrupted is taken up by the same command."""

_EPILOG = """\
Options of Apache Beam are accepted too, such as, for --runner=FlinkRunner, --flink_master and --parallelism.
What each step does and why: docs/method.md. The form of the shards: docs/shard_format.md."""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of our options; those that it does not know may be Beam's."""
    parser = Parser(
        prog="python -m beam_jobs.build_cc100",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_input(parser.add_argument_group("what to read: --dump, --input, or both; neither: the bundled sample crawl"))
    _add_fetching(parser.add_argument_group("reading from the network; never changes what comes out"))
    _add_places(parser.add_argument_group("what to write"))
    method = parser.add_argument_group("method; a default in brackets is that of the preset, cc100 / ccnet")
    _add_method(method)
    _add_pages(method)
    _add_duplicates(method)
    _add_models(method)
    document_options.add(method)
    _add_execution(parser.add_argument_group("execution; never changes what comes out"))
    _add_estimate(parser.add_argument_group("instead of a run"))
    return parser


def _add_input(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--dump",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME",
        help="dumps of CommonCrawl such as CC-MAIN-2018-51, by their lists below --base; or by their time, as "
        "collinfo.json below --base has them (for CommonCrawl, index.commoncrawl.org): latest, the newest; latest:N, "
        "the N newest; new, the oldest that is not built yet, of which --hash_index knows, or else --output "
        "DIR/{dump}; new:NAME, no older one than NAME",
    )
    add(
        "--kind",
        choices=["wet", "warc"],
        default="wet",
        help="of a dump or a folder, read the texts that CommonCrawl extracted, or the web pages themselves (default: "
        "%(default)s)",
    )
    add(
        "--segments",
        metavar="A:B",
        help="of each dump or listing, lines A to B only: counted from 0, B not included, either may be left out",
    )
    add("--sample", type=int, metavar="N", help="of each dump or listing, N lines only, chosen at random by the seed")
    add("--sample_seed", type=int, default=0, metavar="N", help="another seed, another sample (default: %(default)s)")
    add(
        "--base",
        metavar="PLACE",
        help="the place that holds crawl-data/: an HTTP(S) mirror, s3://BUCKET, gs://BUCKET or a folder; default: "
        f"for --dump {COMMONCRAWL}, for a listing given as --input the place that it lies in",
    )
    add(
        "--input",
        nargs="+",
        action="extend",
        default=[],
        metavar="PATH",
        help="WET, WARC and ARC files, mixed as you like, plain or packed with gzip, zstd, bzip2 or xz, and .wacz: "
        "paths, quoted globs, folders, listings (*.paths.gz), URLs of files or listings (http, https, s3, gs)",
    )


def _add_fetching(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--cache",
        metavar="DIR",
        help="keep what is downloaded, whole and verified, as DIR/HOST/PATH; --base DIR/HOST, with an --output of its "
        "own, reads it without network",
    )
    add(
        "--request_interval",
        type=float,
        default=FetchPolicy().request_interval_s,
        metavar="S",
        help="seconds between two requests to one web host, by all processes of this machine together (default: "
        "%(default)s)",
    )


def _add_places(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--output",
        metavar="DIR",
        help=f"the run directory; {{dump}} in it becomes the name of the dump; default for the sample: "
        f"./{SAMPLE_OUTPUT}",
    )
    add(
        "--work_dir",
        metavar="DIR",
        help="where intermediate files go, about the size of the input; default: OUTPUT/work",
    )
    add(
        "--formats",
        default="jsonl.zst",
        metavar="LIST",
        help=f"forms of the shards, separated by commas: {', '.join(FORMATS)} (default: %(default)s)",
    )
    add(
        "--shard_bytes",
        default="512M",
        metavar="SIZE",
        help="compressed size at which a new shard begins, such as 64M or 1G (default: %(default)s)",
    )
    add("--keep_rejects", action="store_true", help="also write dropped documents, with the reason, to OUTPUT/rejects")
    add(
        "--keep_labels",
        action="store_true",
        help="also write what each language model answered, as field languages, and which decided, as language_model",
    )
    add("--keep_work", action="store_true", help="keep intermediate files after success")
    add("--overwrite", action="store_true", help="start anew: remove the run that OUTPUT holds")


def _add_method(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--preset",
        default="cc100",
        choices=sorted(PRESETS),
        help="cc100: paragraphs are judged one by one, the tail is dropped; ccnet: as the public cc_net, "
        "bit-exact, everything labelled (default: %(default)s)",
    )
    add(
        "--unit",
        choices=["paragraph", "document"],
        help="what language and fluency are judged by [paragraph / document]",
    )
    add(
        "--title",
        choices=["paragraph", "field"],
        help="the first line of a page is its paragraph 0, or stands in the field title only [paragraph / field]",
    )
    add(
        "--normalization",
        choices=["mended", "ccnet"],
        help="text before language and fluency models: line breaks become blanks and all letters stay, or cc_net's "
        "form, bit for bit [mended / ccnet]",
    )


def _add_pages(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--min_chars",
        type=int,
        metavar="N",
        help=f"drop pages with less text after their title, in code points [{PRESETS['cc100'].min_chars}]",
    )
    add("--max_record_bytes", metavar="SIZE", help="drop records larger than this [16M]")
    add(
        "--extractor",
        choices=get_args(Extractor),
        help="of WARC files: what finds the main text of a web page; cascade: resiliparse, and more where it finds "
        f"little [{PRESETS['cc100'].extractor}]",
    )
    add(
        "--ignore_opt_out",
        action="store_true",
        help="of WARC files: keep pages that are marked as not to be indexed, mined or trained on (noindex, noai, "
        "noml, tdm-reservation, Content-Usage, ...); what --robots drops is dropped all the same",
    )
    add(
        "--robots",
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE",
        help="drop pages that the robots.txt of their host disallows to CCBot, by archives of these files "
        "(CommonCrawl's robotstxt, of this or a later crawl), named as for --input",
    )
    add(
        "--blocklist",
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE_OR_DIR",
        help="drop pages of these hosts and URL prefixes: files with one a line, or lists by categories as UT1 "
        "publishes them, folders or .tar.gz",
    )
    add(
        "--blocklist_categories", metavar="LIST", help="of lists by categories, those that count, such as adult,malware"
    )
    add(
        "--verify_digests",
        nargs="?",
        choices=["count", "strict"],
        const="count",
        help="compute the digest of every record with text: count wrong ones as damage, or (strict) drop them, too",
    )


def _add_duplicates(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--dedup_scope",
        metavar="SCOPE",
        help='compare paragraphs within "all" segments or "group:N", N '
        "consecutive ones [all]; cc_net's own default is about group:2000",
    )
    add(
        "--dedup_keep",
        choices=["none", "first"],
        help="of a paragraph that two or more records have, keep no copy, or the first [none]",
    )
    add(
        "--count_copies",
        action="store_true",
        help="with --dedup_keep first: give each document n_copies, in how many records of the scope its paragraphs "
        "stand (the lower median over them)",
    )
    add(
        "--hash_index",
        metavar="DIR",
        help="compare with the dumps of all earlier runs that named this folder, too, and add this one to it when the "
        "run succeeds; a new folder begins an index (python -m ccnet_pipeline.hash_index shows, merges and checks it)",
    )


def _add_models(group: argparse._ArgumentGroup) -> None:
    cc100, ccnet = PRESETS["cc100"], PRESETS["ccnet"]
    add = group.add_argument
    add(
        "--lid_model",
        metavar="MODEL",
        help=f"fastText model: a path, or one of {', '.join(KNOWN)}, which are fetched "
        f"and verified (default: lid.176.bin; for the sample {SAMPLE_LID_MODEL})",
    )
    add(
        "--second_lid_model",
        metavar="MODEL",
        help="a model that is asked where the first is not sure or its answer has neighbours: a path, with its card "
        f"beside it; {ADDED}: our own, of languages that lid.176 lacks; {NONE} [{ADDED} with a lid.176 model / {NONE}]",
    )
    add(
        "--min_language_score",
        type=float,
        metavar="P",
        help="drop text whose language is less probable, in [0, 1]; one number for all languages [by language where "
        f"there is a second model, else {LEAST_SCORE} / {ccnet.min_language_score}]",
    )
    add(
        "--languages",
        metavar="LIST",
        help='languages to keep, separated by commas; "cc100": the 116 codes of CC-100; '
        f'"all": all that the model knows [{cc100.languages} / {ccnet.languages}]',
    )
    add(
        "--lm_dir",
        metavar="DIR",
        help="fluency models: <language>.sp.model, <language>.arpa.bin, cutoffs.csv; "
        "default: none, so every document is in bucket all (the sample has models of its own)",
    )
    add(
        "--keep_buckets",
        metavar="LIST",
        help=f"of {', '.join(BUCKETS)}: those to keep "
        f"[{','.join(cc100.keep_buckets)} / {','.join(ccnet.keep_buckets)}]",
    )


def _add_execution(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--runner",
        default="DirectRunner",
        metavar="RUNNER",
        help="DirectRunner (Beam's in-process runner, on this machine), FlinkRunner, DataflowRunner "
        "(default: %(default)s)",
    )
    add(
        "--detach",
        action="store_true",
        help="end when the job is at work on its cluster, and say how to watch and cancel it; when it has ended, the "
        "same command prints the summary (FlinkRunner, with --flink_submit_uber_jar)",
    )
    add(
        "--workers",
        type=int,
        default=0,
        metavar="N",
        help="processes of the DirectRunner; small inputs take one in any case (default: all cores)",
    )
    add(
        "--dedup_buckets",
        type=int,
        default=0,
        metavar="N",
        help="ranges that the hashes of a scope are compared in, 256 at most (default: so many that one is about 8 MB)",
    )


def _add_estimate(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--estimate",
        nargs="?",
        type=int,
        const=2,
        metavar="N",
        help="read N segments only (default: %(const)s), chosen by --sample_seed, keep nothing of them, and print what "
        "all would take and give: bytes, documents by language, CPU hours, time, disk, memory",
    )
