"""Which dumps `--dump latest` and `--dump new` stand for, now.

What was built is remembered by the hash index, whose history names dumps, or by the run directories: with
`--output corpus/{dump}` each dump has one of its own, and is done when its manifest.json is there. A run that was
interrupted is not done, so the same command takes it up before it begins another. One that a job on a cluster has built
by itself (--detach) is told of and tidied up first: the note of the job still lies there.
"""

from dataclasses import replace
from typing import NamedTuple

from beam_jobs import run_directory
from beam_jobs.earlier_dumps import find_index
from beam_jobs.layout import JOB_FILE, Layout
from beam_jobs.options import Arguments
from ccnet_pipeline import storage
from ccnet_pipeline.dumps import DUMP_NAME, New, collections_of, named, read_dumps
from ccnet_pipeline.errors import FetchError, UserError
from ccnet_pipeline.fetch import shown, size_of
from ccnet_pipeline.listings import COMMONCRAWL, listing_of


class Chosen(NamedTuple):
    """What a choice comes to."""

    arguments: Arguments | None  # with the names of dumps; None: nothing is new
    left: Arguments | None = None  # of the dump before, if a job on a cluster has built it after its driver had gone


def chosen(arguments: Arguments) -> Chosen:
    """Return the arguments with the names of dumps for what was asked by their time.

    Raises:
        UserError: the dumps are not listed where they should be, there are too few, or none has such a name.
    """
    choice = arguments.dump_choice
    if choice is None:
        return Chosen(arguments)
    place = collections_of(arguments.selection.base)
    dumps = read_dumps(place, arguments.fetch)
    if isinstance(choice, New):
        choice.check(dumps, place)
    left = None
    if isinstance(choice, New):
        done = _Done(arguments)
        names = choice.of(dumps, done)
        left = None if arguments.estimate else done.left_by_a_job()
    else:
        names = choice.of(dumps, place)
    if not names:
        return Chosen(None, left)
    for name in names:
        _check_is_there(name, arguments)
    arguments = replace(arguments, selection=replace(arguments.selection, dumps=names))
    if arguments.estimate:
        return Chosen(arguments)
    output = named(arguments.output, names)
    if isinstance(choice, New) and output == arguments.output:
        _check_is_free(output, choice)
    return Chosen(replace(arguments, output=output), left)


def remarks(arguments: Arguments) -> list[str]:
    """Return what there is to say of arguments that `chosen` has returned."""
    if arguments.dump_choice is None:
        return []
    return [f"--dump {arguments.dump_choice} is {' '.join(arguments.selection.dumps)}"]


def nothing_new(arguments: Arguments) -> str:
    """Return the line that says so."""
    choice, place = arguments.dump_choice, collections_of(arguments.selection.base)
    since = f" from {choice.first} on" if isinstance(choice, New) and choice.first else ""
    where = f"in --hash_index {arguments.hash_index}" if arguments.hash_index else f"built, as {arguments.output}"
    return f"nothing new: all dumps in {shown(place)}{since} are {where}"


def _check_is_there(name: str, arguments: Arguments) -> None:
    """See that a dump that is listed can be had: the oldest have no WET files, and a mirror may hold a few only."""
    selection = arguments.selection
    listing = listing_of(name, selection.kind, selection.base or COMMONCRAWL)
    remedy = "give the name of another dump, or begin at a later one with --dump new:NAME"
    try:
        size_of(listing, arguments.fetch)
    except FetchError as error:
        raise UserError(f"--dump {arguments.dump_choice} is {name}, but {error}; {remedy}") from error
    except OSError as error:
        raise UserError(f"--dump {arguments.dump_choice} is {name}, but there is no {listing}; {remedy}") from error


def _check_is_free(output: str, choice: New) -> None:
    """See that no other dump lies where the new one is to go: --overwrite would take it out of the index again."""
    if storage.exists(Layout(output, "").manifest_file):
        raise UserError(
            f"--dump {choice}: --output {output} holds a dump that is built; give each one a folder of its own: "
            f"--output {output}-{DUMP_NAME}"
        )


class _Done:
    """Tells of dumps, in their order, whether they need not be built any more."""

    def __init__(self, arguments: Arguments) -> None:
        self._arguments = arguments
        self._in_index = _in_index(arguments) if arguments.hash_index else None
        self._latest: str | None = None

    def __call__(self, dump: str) -> bool:
        is_done = self._is_built(dump) if self._in_index is None else dump in self._in_index
        if is_done:
            self._latest = dump
        return is_done

    def left_by_a_job(self) -> Arguments | None:
        """Return the arguments for the latest dump that is done, if the note of a job on a cluster lies there."""
        arguments, dump = self._arguments, self._latest
        if dump is None or DUMP_NAME not in arguments.output:
            return None
        output = named(arguments.output, [dump])
        if not storage.exists(storage.join(output, JOB_FILE)) or not self._is_built(dump):
            return None
        selection = replace(arguments.selection, dumps=(dump,))
        return replace(arguments, selection=selection, output=output)

    def _is_built(self, dump: str) -> bool:
        return storage.exists(Layout(named(self._arguments.output, [dump]), "").manifest_file)


def _in_index(arguments: Arguments) -> set[str]:
    """Return the dumps that a hash index has, without one whose run has extended it and not come to its end."""
    history = find_index(arguments.hash_index or "", "").current.history
    done = {dump for entry in history for dump in entry.dumps}
    if history and len(history[-1].dumps) == 1:
        # Killed behind the moment at which the index was extended: all but the last names are in place.
        (last,) = history[-1].dumps
        output = named(arguments.output, [last])
        if run_directory.run_of(output) == history[-1].run and not storage.exists(Layout(output, "").manifest_file):
            done.remove(last)
    return done
