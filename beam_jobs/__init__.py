"""Beam graphs and command lines. No rule about text lives here: those are in `ccnet_pipeline`."""

import logging

# Importing Beam logs that its BigQuery client is absent, which concerns nobody here.
logging.getLogger().addFilter(lambda record: "apitools not found" not in record.getMessage())
