"""Two processes on one device train as one does: DistributedDataParallel, compiled, with micro-batches.

NCCL refuses two processes on a GPU, so their sums go through gloo; what NCCL does is not tested here.

    python benchmarks/gpu/two_ranks.py --like RUN -- FLAGS OF model.pretrain
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.gpu.runs import differences, output_of

_INSIDE = "CC100_RANK_OF_TWO"


def _train(flags: list[str]) -> int:
    from model import pretrain
    from model.training import distributed

    distributed.BACKENDS = "gloo"
    os.environ["LOCAL_RANK"] = "0"  # of the GPU
    return pretrain.main(flags)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--like", type=Path, required=True, metavar="RUN")
    parser.add_argument("flags", nargs="+")
    options = parser.parse_args()
    if _INSIDE in os.environ:
        sys.exit(_train(options.flags))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", __file__]
    done = subprocess.run([*command, *sys.argv[1:]], check=False, env={**os.environ, _INSIDE: "1"})
    if done.returncode:
        sys.exit(f"torchrun ended with status {done.returncode}")
    sys.exit(differences(options.like, output_of(options.flags)))
