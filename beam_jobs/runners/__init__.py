"""What runs the graph: this machine, or a cluster.

execution.py      the graph is run and shown, wherever that is
local.py          Beam's in-process runner here, in one process or several, and what stops it cleanly
local_bundles.py  work given to processes as they come free
local_worker.py   one such process
stopping.py       SIGTERM stops a run as Ctrl-C does; what failed waits for nobody
submission.py     what a runner on a cluster needs, asked for before any work
job_server.py     of that, Beam's Java program for Flink and Spark
flink_checks.py   of that, what a Flink cluster must have
cluster.py        a job elsewhere: submitted, watched, cancelled when this process is stopped
cluster_jobs.py   notes of jobs that outlive their driver
portable_jobs.py  jobs of a job server of Beam's that others started
flink_rest.py     what a Flink cluster says and does
watching.py       a job on it is watched until it ends
causes.py         why a job failed, in one line
worker_check.py   workers must have what this machine has
"""
