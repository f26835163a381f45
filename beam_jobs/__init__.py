"""Beam graphs and command lines. No rule about text lives here: those are in `ccnet_pipeline`."""

import logging

from beam_jobs.lean_beam import import_beam

import_beam()

# Importing Beam's Google clients logs that its BigQuery client is absent, which concerns nobody here.
logging.getLogger().addFilter(lambda record: "apitools not found" not in record.getMessage())
