"""The first lines of a run's log on this machine: device, clocks, peak, versions, attention kernel of base."""

import shutil
import subprocess

import torch

from model.presets import SIZES
from model.training.hardware import describe

if __name__ == "__main__":
    cuda = torch.cuda.is_available()
    if cuda:
        preset = SIZES["base"]
        print(describe(torch.device("cuda"), preset.model, preset.train).text)
        if shutil.which("nvidia-smi"):
            print(subprocess.run(["nvidia-smi"], capture_output=True, text=True, check=False).stdout)
    else:
        preset = SIZES["tiny"]
        print(describe(torch.device("cpu"), preset.model, preset.train).text)
    compiler = shutil.which("gcc") or "no gcc"
    print(f"{compiler}; {torch.cuda.get_device_name() if cuda else 'no CUDA'}, torch {torch.__version__}")
