"""The fluency models that cc_net published: which there are, and how they come here.

A language has two files, `<language>.sp.model` and `<language>.arpa.bin`, in one place on the web; its cut-offs come
with this package. A file is fetched whole beside its final name, goes on where an earlier command was broken off, and
gets its name when the model has been loaded: nobody publishes a sha256 of it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ccnet_pipeline.errors import FetchError, UserError
from ccnet_pipeline.fetch import FetchPolicy, is_remote, shown
from ccnet_pipeline.fluency.buckets import CUTOFFS_FILE, Cutoffs, read_cutoffs, write_cutoffs
from ccnet_pipeline.fluency.directory import PIECES, ModelFiles
from ccnet_pipeline.fluency.model import FluencyModel
from ccnet_pipeline.language.codes import LANGUAGES
from ccnet_pipeline.models import (
    alone_in,
    fetch_model,
    fluency_model,
    fluency_models_of_cc_net,
    forget_fetched,
)

PUBLISHED_CUTOFFS = Path(__file__).with_name("published_cutoffs.csv")


def published_cutoffs() -> dict[str, Cutoffs]:
    """Return the cut-offs of all published models, by their names."""
    return read_cutoffs(PUBLISHED_CUTOFFS)


def write_published_cutoffs(directory: Path) -> list[str]:
    """Write the cut-offs of all published models beside them; return the names of models that are somebody's own.

    What is in the directory under the name of a published model, with other cut-offs, is another model and keeps them.
    """
    rows = published_cutoffs()
    own = [name for name in rows if _is_another(name, directory)]
    write_cutoffs(directory, {name: row for name, row in rows.items() if name not in own})
    return own


def fetch_models(languages: Sequence[str], directory: Path, place: str, policy: FetchPolicy) -> Iterator[str]:
    """Fetch the models of some languages, as far as they are not there; yield what was done, a line a model.

    Args:
        languages: CC-100 codes.
        directory: of the models; their cut-offs are written there, too.
        place: URL of the folder that has the files.
        policy: how they are fetched.

    Raises:
        UserError: no such model, another model in its place, no room.
        FetchError: a file cannot be had.
    """
    if not is_remote(place):
        raise UserError(f"--from {place}: want the URL of a folder (http, https, s3, gs)")
    names = _names_of(languages, directory)
    for name in names:
        if _is_another(name, directory):
            raise UserError(
                f"{directory} holds another model of {name}: {CUTOFFS_FILE} has other cut-offs; give another --output"
            )
    try:
        with alone_in(directory):
            for name in names:
                yield _fetch(name, directory, place, policy)
    except OSError as error:
        raise UserError(f"--output {directory}: {error.strerror}; make room and run it again") from error


def _names_of(languages: Sequence[str], directory: Path) -> list[str]:
    """Return the names of the models of languages, each once."""
    published = {name: name for name in fluency_models_of_cc_net()}
    published |= {code: language.ccnet_lm for code, language in LANGUAGES.items() if language.ccnet_lm}
    for code in languages:
        if code not in LANGUAGES and code not in published:
            raise UserError(f"{code!r} is no code of CC-100; python -m ccnet_pipeline.language list shows them")
    missing = [code for code in languages if code not in published]
    if missing:
        described = ", ".join(f"{LANGUAGES[code].name} ({code})" for code in missing)
        raise UserError(
            f"cc_net published no model of {described}; train your own: python -m ccnet_pipeline.fluency train "
            f"--language {missing[0]} --input TEXT --output {directory}"
        )
    return list(dict.fromkeys(published[code] for code in languages))


def _is_another(name: str, directory: Path) -> bool:
    """Tell whether a directory has a model of this name with other cut-offs than the published one."""
    if not (directory / f"{name}{PIECES}").exists() or not (directory / CUTOFFS_FILE).exists():
        return False
    row = read_cutoffs(directory / CUTOFFS_FILE).get(name)
    return row is not None and row != published_cutoffs()[name]


def _fetch(name: str, directory: Path, place: str, policy: FetchPolicy) -> str:
    targets = {file: directory / file.name for file in fluency_model(name, place)}
    missing = [file for file, target in targets.items() if not target.exists()]
    try:
        fetched = {file: fetch_model(file, directory, policy) for file in missing}
    except FetchError as error:
        files = " and ".join(file.name for file in missing)
        raise FetchError(f"{error}; the same command goes on from there, or put {files} into {directory}") from error
    pieces, ngrams = (fetched.get(file, target) for file, target in targets.items())
    cutoffs = published_cutoffs()[name]
    try:
        FluencyModel(ModelFiles(pieces, ngrams, cutoffs), "ccnet")
    except UserError as error:
        for file in fetched:
            forget_fetched(file, directory)
        remedy = (
            f"what {shown(place)} gave was thrown away" if fetched else "delete it, and the same command fetches it"
        )
        raise UserError(f"{error}; {remedy}") from error
    # The pieces, by which the scorer finds a language, come last.
    write_cutoffs(directory, {name: cutoffs})
    for file in reversed(missing):
        fetched[file].replace(targets[file])
        forget_fetched(file, directory)
    sizes = ", ".join(f"{target.name} {target.stat().st_size:,} bytes" for target in targets.values())
    return f"{sizes}" + ("" if missing else " (were there already)")
