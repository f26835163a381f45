"""Which dumps `--dump latest` and `--dump new` stand for, now.

What was built is remembered by the hash index, whose history names dumps, or by the run directories: with
`--output corpus/{dump}` each dump has one of its own, and is done when its manifest.json is there. A run that was
interrupted is not done, so the same command takes it up before it begins another.
"""

from collections.abc import Callable
from dataclasses import replace

from beam_jobs import run_directory
from beam_jobs.earlier_dumps import find_index
from beam_jobs.layout import Layout
from beam_jobs.options import Arguments
from ccnet_pipeline import storage
from ccnet_pipeline.dumps import DUMP_NAME, New, collections_of, named, read_dumps
from ccnet_pipeline.errors import FetchError, UserError
from ccnet_pipeline.fetch import shown, size_of
from ccnet_pipeline.listings import COMMONCRAWL, listing_of


def chosen(arguments: Arguments) -> Arguments | None:
    """Return the arguments with the names of dumps for what was asked by their time; None: nothing is new.

    Raises:
        UserError: the dumps are not listed where they should be, there are too few, or none has such a name.
    """
    choice = arguments.dump_choice
    if choice is None:
        return arguments
    place = collections_of(arguments.selection.base)
    dumps = read_dumps(place, arguments.fetch)
    if isinstance(choice, New):
        choice.check(dumps, place)
    names = choice.of(dumps, _done(arguments)) if isinstance(choice, New) else choice.of(dumps, place)
    if not names:
        return None
    for name in names:
        _check_is_there(name, arguments)
    arguments = replace(arguments, selection=replace(arguments.selection, dumps=names))
    if arguments.estimate:
        return arguments
    output = named(arguments.output, names)
    if isinstance(choice, New) and output == arguments.output:
        _check_is_free(output, choice)
    return replace(arguments, output=output)


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


def _done(arguments: Arguments) -> Callable[[str], bool]:
    """Return what tells whether a dump need not be built any more."""
    if arguments.hash_index is None:
        return lambda dump: storage.exists(Layout(named(arguments.output, [dump]), "").manifest_file)
    history = find_index(arguments.hash_index, "").current.history
    done = {dump for entry in history for dump in entry.dumps}
    if history and len(history[-1].dumps) == 1:
        # Killed behind the moment at which the index was extended: all but the last names are in place.
        (last,) = history[-1].dumps
        output = named(arguments.output, [last])
        if run_directory.run_of(output) == history[-1].run and not storage.exists(Layout(output, "").manifest_file):
            done.remove(last)
    return done.__contains__
