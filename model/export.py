"""Write a trained model as a folder that `transformers` loads unchanged.

    python -m model.export --run runs/x --output hf/

    AutoModelForMaskedLM.from_pretrained("hf"); AutoTokenizer.from_pretrained("hf")

It takes the newest checkpoint, with as many positions as the samples had tokens. The folder is written aside and
renamed when whole; one that is there is never touched. `--card` adds a model card, and `--push NAME` sends the folder
to the hub, as `hf upload NAME hf` does.
"""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model import command, hub
from model.card import CARD_FILE, UNKNOWN, check_license, model_card, read_facts
from model.errors import UserError
from model.files import check_free, folder_whole
from model.network import hf
from model.text.tokenizer import MODEL_FILE, write_tokenizer_files
from model.training.result import read_result

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Card:
    """What a model card says that the run does not know."""

    name: str  # of the model, as users load it
    licence: str = UNKNOWN  # of the weights, by the hub's name for it


def export(run: Path, output: Path, card: Card | None = None) -> int:
    """Write the newest checkpoint of a run in Hugging Face's form; return its step.

    Args:
        run: what model.pretrain wrote.
        output: folder to make; not there, or empty.
        card: write a model card as well.

    Raises:
        UserError: no checkpoint, no vocabulary or another one, something is at `output`, or the run's log does not
            say what a card tells.
    """
    check_free(output)
    result = read_result(run)
    text = model_card(read_facts(run, result), card.name, card.licence) if card else None
    with folder_whole(output) as folder:
        write_tokenizer_files(run / "vocab" / MODEL_FILE, folder, max_length=result.config.max_length)
        hf.write_tensors(hf.to_hf(result.state, result.config), folder)
        (folder / hf.CONFIG_FILE).write_text(json.dumps(hf.config_json(result.config), indent=2) + "\n", "utf-8")
        if text is not None:
            (folder / CARD_FILE).write_text(text, "utf-8")
    return result.step


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m model.export",
        description="Write the newest checkpoint of a run as a folder that Hugging Face's transformers loads.",
        epilog="example: python -m model.export --run runs/x --output hf/",
    )
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="what model.pretrain wrote")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder to make; not there, or empty")
    text = "write a model card, README.md: languages, data, settings, held-out losses, limits"
    parser.add_argument("--card", action="store_true", help=text)
    text = "licence of the weights for the card, by the hub's name for it, such as apache-2.0 or cc-by-4.0 (unknown)"
    parser.add_argument("--license", metavar="NAME", help=text)
    text = "send the folder to this model of the hub, which is made, private, if it is not there"
    parser.add_argument("--push", metavar="NAME", help=text)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, or 2 for a user's mistake."""
    return command.run(_parser(), _export, arguments)


def _export(options: argparse.Namespace) -> None:
    if options.license is not None:
        if not options.card:
            raise UserError("--license goes into a model card: give --card as well")
        check_license(options.license)
    check_free(options.output)
    name = hub.create(options.push) if options.push else None
    card = Card(name or options.output.resolve().name, options.license or UNKNOWN) if options.card else None
    step = export(options.run, options.output, card)
    _log.info("%s: the model after step %d", options.output, step)
    if name is not None:
        _log.info("%s", hub.upload(options.output, name))


if __name__ == "__main__":
    sys.exit(main())
