"""Write a trained model as a folder that `transformers` loads unchanged.

    python -m model.export --run runs/x --output hf/

    AutoModelForMaskedLM.from_pretrained("hf"); AutoTokenizer.from_pretrained("hf")

It takes the newest checkpoint, with as many positions as the samples had tokens. The folder is written aside and
renamed when whole; one that is there is never touched.
"""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from model import command
from model.files import check_free, folder_whole
from model.network import hf
from model.text.tokenizer import MODEL_FILE, write_tokenizer_files
from model.training.result import read_result

_log = logging.getLogger(__name__)


def export(run: Path, output: Path) -> int:
    """Write the newest checkpoint of a run in Hugging Face's form; return its step.

    Raises:
        UserError: no checkpoint, no vocabulary or another one, or something is at `output`.
    """
    check_free(output)
    result = read_result(run)
    with folder_whole(output) as folder:
        write_tokenizer_files(run / "vocab" / MODEL_FILE, folder, max_length=result.config.max_length)
        hf.write_tensors(hf.to_hf(result.state, result.config), folder)
        (folder / hf.CONFIG_FILE).write_text(json.dumps(hf.config_json(result.config), indent=2) + "\n", "utf-8")
    return result.step


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m model.export",
        description="Write the newest checkpoint of a run as a folder that Hugging Face's transformers loads.",
        epilog="example: python -m model.export --run runs/x --output hf/",
    )
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="what model.pretrain wrote")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder to make; not there, or empty")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, or 2 for a user's mistake."""
    return command.run(_parser(), _export, arguments)


def _export(options: argparse.Namespace) -> None:
    step = export(options.run, options.output)
    _log.info("%s: the model after step %d", options.output, step)


if __name__ == "__main__":
    sys.exit(main())
