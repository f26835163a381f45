"""A run that does not fit into the memory says so in one line, with status 2.

python benchmarks/gpu/no_memory.py -- FLAGS OF model.pretrain
"""

import argparse
import subprocess
import sys

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("flags", nargs="+")
    options = parser.parse_args()
    command = [sys.executable, "-m", "model.pretrain", *options.flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    print(done.stderr)
    said = (done.stderr.splitlines() or [""])[-1]
    if done.returncode != 2 or "out of memory: lower --micro_batch" not in said or "Traceback" in done.stderr:
        sys.exit(f"status {done.returncode}, and no line that says it")
    print(said)
