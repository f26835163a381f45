"""What runs the graph: this machine, or a cluster.

execution.py      the graph is run and shown, wherever that is
local.py          Beam's in-process runner here, in one process or several, and what stops it cleanly
local_bundles.py  work given to processes as they come free
local_worker.py   one such process
submission.py     what a runner on a cluster needs, asked for before any work
"""
