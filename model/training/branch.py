"""More steps for a run whose learning rate has begun to fall: it goes on from where the fall began.

With the schedule wsd the checkpoint of that step is kept. A run that goes on from it with other steps is, bit for bit,
the run that had so many from the beginning. What was trained beyond is set aside as a run of its own, which
model.export, model.fill_mask and model.plot take:

    runs/x/ended/step-00000300/     config.json, vocab/, log.jsonl, checkpoints/
"""

import logging
import shutil
from dataclasses import replace
from pathlib import Path

from model.config import TrainConfig
from model.errors import UserError
from model.files import flush
from model.training.checkpoint import all_of, read_identity, step_of
from model.training.folder import Request, write_config
from model.training.progress import LOG
from model.training.schedule import conflicts

ENDED = "ended"
_NEW = ".new"
_log = logging.getLogger(__name__)


def go_back(request: Request) -> None:
    """Set aside the checkpoints that a request cannot go on from, so that the newest is one that it can.

    Raises:
        UserError: it is wanted otherwise for steps that are done, and no checkpoint of before is there.
    """
    run = request.output
    for begun in (run / ENDED).glob(f".*{_NEW}"):
        _finish(begun)  # a kill came between the last move and the name
    found = all_of(run / "checkpoints")
    if not found:
        return
    saved = read_identity(found[-1]).train
    changed = conflicts(saved, request.train, step_of(found[-1]))
    if not changed:
        return
    fall = saved.decay_start if saved.schedule == "wsd" else None
    kept = [path for path in found if fall is not None and step_of(path) <= fall]
    if fall is not None and not kept and not conflicts(saved, request.train, fall):
        raise UserError(
            f"{run} cannot be made longer: its decay began at step {fall}, and no checkpoint of before is left; "
            "begin with --init from its export, or give another --output"
        )
    if fall is None or conflicts(saved, request.train, fall):
        said = f"{run}, of which {step_of(found[-1])} steps are done, was begun with other settings"
        raise UserError(f"{said}: {', '.join(changed)}; {_remedy(saved, request.train)}, or give another --output")
    ended = _set_aside(request, found[len(kept) :])
    _log.info("going on from step %d, before the decay; what was trained from there is in %s", step_of(kept[-1]), ended)


def _remedy(saved: TrainConfig, wanted: TrainConfig) -> str:
    if saved.steps == wanted.steps:
        return "leave them out to go on"
    if saved.schedule == "constant":
        return f"give the --steps that are done or more, and {wanted.schedule} a fall that begins there or later"
    if saved.schedule == "wsd":
        return f"its decay began at step {saved.decay_start}: give --steps whose decay begins there or later"
    return (
        f"the {saved.schedule} schedule leads to its last step, which cannot be moved (constant and wsd allow it): "
        "leave --steps out, begin with --init from its export"
    )


def _set_aside(request: Request, ended: list[Path]) -> Path:
    run, name = request.output, ended[-1].name
    target, begun = run / ENDED / name, run / ENDED / f".{name}{_NEW}"
    if target.exists():
        raise UserError(f"{target} holds what an earlier end of this run came to; move it away")
    (begun / "checkpoints").mkdir(parents=True, exist_ok=True)
    shutil.copytree(run / "vocab", begun / "vocab", dirs_exist_ok=True)
    # From the checkpoint: the run's own config.json may be lost, or of settings that no step was trained with yet.
    write_config(replace(request, output=begun, encoded=request.encoded_folder), read_identity(ended[-1]))
    if (run / LOG).is_file():
        shutil.copyfile(run / LOG, begun / LOG)
    for path in begun.rglob("*"):
        flush(path)
    # The newest last: after a kill it is met again, and the rest follows.
    for path in ended:
        path.rename(begun / "checkpoints" / path.name)
    return _finish(begun)


def _finish(begun: Path) -> Path:
    """Give what is set aside its name once the newest checkpoint, by which it is called, is there."""
    name = begun.name.removeprefix(".").removesuffix(_NEW)
    target = begun.with_name(name)
    if (begun / "checkpoints" / name).is_dir():
        begun.rename(target)
        flush(target.parent)
    return target
