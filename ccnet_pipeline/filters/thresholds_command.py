"""`thresholds`: those of each language for the filter fineweb2, from the documents of a finished run."""

import argparse
import logging
from collections.abc import Iterator
from pathlib import Path

from ccnet_pipeline.command import Parser
from ccnet_pipeline.documents import Document
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.filters.threshold_file import FORMAT, ThresholdFile, written
from ccnet_pipeline.filters.thresholds import METHODS, Measured, measure, sample, thresholds_of
from ccnet_pipeline.formats import PARQUET
from ccnet_pipeline.shards.published_run import PublishedRun, open_run
from ccnet_pipeline.shards.reading import HashedFile, damage_explained, parquet_documents, read_jsonl, sound_file
from ccnet_pipeline.storage import write_whole

_EPILOG = """example:
  python -m ccnet_pipeline.filters thresholds corpus --output thresholds.json
  python -m beam_jobs.build_cc100 --output filtered --filters fineweb2 --filter_thresholds thresholds.json
"""
_log = logging.getLogger(__name__)
