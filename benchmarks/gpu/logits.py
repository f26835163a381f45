"""An export in transformers gives the logits on the device that it gives on the CPU, in fp32 and under bf16.

python benchmarks/gpu/logits.py FOLDER
"""

import sys

import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer

_TEXTS = ["One <mask> the most.", "La ville <mask> la France est grande."]
_FAR = {torch.float32: 2e-3, torch.bfloat16: 0.2}  # of logits; CUDA's fp32 products are exact to some 1e-5


def main(folder: str) -> str | None:
    """Compare; return what is wrong."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    given = AutoTokenizer.from_pretrained(folder)(_TEXTS, return_tensors="pt", padding=True)
    network = AutoModelForMaskedLM.from_pretrained(folder).eval()
    far = {}
    with torch.no_grad():
        exact = network(**given).logits
        network = network.to(device)
        for kind in _FAR:
            with torch.autocast(device.type, torch.bfloat16, enabled=kind == torch.bfloat16):
                found = network(**given.to(device)).logits.float().cpu()
            far[kind] = float((found - exact).abs().max())
    print(", ".join(f"{kind}: at most {distance:.2g} from the CPU's fp32" for kind, distance in far.items()))
    wrong = [str(kind) for kind, distance in far.items() if not distance < _FAR[kind]]
    return f"logits differ: {', '.join(wrong)}" if wrong else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
