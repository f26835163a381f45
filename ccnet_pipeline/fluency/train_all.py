"""Many languages: one process each, a few at a time; what one of them meets does not stop the others.

Only this process writes to the directory of the models. A worker trains in a folder of its own, in a process group of
its own: Ctrl-C of a terminal does not reach it, and it ends together with the program that it runs. What was finished
stays, and the same command leaves it out.
"""

import contextlib
import errno
import fcntl
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fluency.cards import Card, write_card
from ccnet_pipeline.fluency.one_language import Order, Outcome, train_language
from ccnet_pipeline.fluency.preparation import TooLittleTextError
from ccnet_pipeline.fluency.programs import Programs
from ccnet_pipeline.fluency.training import publish

_FOLDER = ".training-"  # begins the names of folders for work


@contextlib.contextmanager
def _alone_in(output: Path) -> Iterator[None]:
    """Keep other commands out of a directory of models, and remove what a training that was killed has left there.

    Raises:
        UserError: another one is at work there.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--output {output}: {error.strerror}; choose another place") from error
    lock = os.open(output, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(f"another command writes to {output}; wait for it, or give another --output") from error
        except OSError:  # not every file system locks folders
            pass
        for left in output.glob(f"{_FOLDER}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        os.close(lock)


def train_all(
    orders: Sequence[Order],
    output: Path,
    programs: Programs,
    workers: int,
    tell: Callable[[str, str], object] = lambda language, stage: None,
) -> Iterator[Outcome]:
    """Train the models of some languages into a directory; yield how each one ended, as they end.

    Args:
        orders: one a language; those with most text are begun first, so that none is left alone at the end.
        output: directory of the models.
        programs: KenLM's.
        workers: so many at a time.
        tell: is told of each language what is being done.

    Raises:
        UserError: another training is at work there.
    """
    waiting = sorted(orders, key=lambda order: order.source.bytes)
    with _alone_in(output), tempfile.TemporaryDirectory(dir=output, prefix=_FOLDER) as work:
        running: dict[Connection, _Worker] = {}
        try:
            while waiting or running:
                while waiting and len(running) < workers:
                    worker = _Worker(waiting.pop(), output, Path(work), programs)
                    running[worker.messages] = worker
                for ready in wait(list(running)):
                    worker = running[ready]  # type: ignore[index]
                    message = worker.receive()
                    if isinstance(message, str):
                        tell(worker.language, message)
                        continue
                    del running[worker.messages]
                    outcome = _keep(message, output)
                    worker.end()
                    yield outcome
        finally:
            for worker in running.values():
                worker.end()


def _keep(outcome: Outcome, output: Path) -> Outcome:
    """Put a new model among the others. The card comes first: it tells if the rest has not come."""
    if outcome.files and outcome.record:
        write_card(output, Card(language=outcome.language, training=outcome.record))
        publish(outcome.files, outcome.language, output)
    return outcome


class _Worker:
    """The process that trains one language."""

    def __init__(self, order: Order, output: Path, work: Path, programs: Programs) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        self.language = order.source.language
        self.messages, theirs = context.Pipe(duplex=False)
        self._folder = Path(tempfile.mkdtemp(dir=work))
        self._process = context.Process(target=_work, args=(order, output, self._folder, programs, theirs))
        self._process.start()
        theirs.close()

    def receive(self) -> str | Outcome:
        """Return what the worker has to say: what it is doing, or how it ended."""
        try:
            message: str | Outcome = self.messages.recv()
        except EOFError:
            self._process.join()
            status = self._process.exitcode or 0
            said = f"its process was ended by signal {-status}, most often for want of memory: fewer --workers"
            return Outcome(
                language=self.language, end="failed", said=said if status < 0 else f"its process ended with {status}"
            )
        return message

    def end(self) -> None:
        """End the process and what it runs, if it is not at its end already, and remove what it wrote."""
        if self._process.pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.kill()  # it may not have come to its own group yet
        self._process.join()
        self.messages.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _work(order: Order, output: Path, folder: Path, programs: Programs, messages: Connection) -> None:
    os.setpgrp()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    language = order.source.language
    try:
        outcome = train_language(order, output, folder, programs, messages.send)
    except TooLittleTextError as error:
        outcome = Outcome(language=language, end="left out", said=str(error))
    except UserError as error:
        outcome = Outcome(language=language, end="failed", said=str(error))
    except OSError as error:
        no_room = "; make room and run it again" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        said = f"{error.filename or output}: {error.strerror}{no_room}"
        outcome = Outcome(language=language, end="failed", said=said)
    messages.send(outcome)


def _end_with_parent() -> None:
    """End this process and what it runs when the one that started it is gone, however it went."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.killpg(0, signal.SIGKILL)
