"""Models by name: those of the Hugging Face Hub, fetched with huggingface_hub, which keeps them in its own cache.

A model is named as there, FacebookAI/xlm-roberta-base, or at a revision (branch, tag or commit) as
FacebookAI/xlm-roberta-base@REVISION. Where the same model is wanted again, the revision is the commit that was found.
huggingface_hub reads HF_ENDPOINT, HF_TOKEN, HF_HOME and HF_HUB_OFFLINE by itself.
"""

import contextlib
import logging
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from model.errors import UserError

# What is fetched, in this order; of the weights the first that a model has.
_CONFIG, _VOCABULARY, _WEIGHTS = "config.json", "sentencepiece.bpe.model", ("model.safetensors", "pytorch_model.bin")
_NAME = re.compile(r"(?P<name>\w[\w.-]*(/\w[\w.-]*)?)(@(?P<revision>\w[\w./-]*))?", re.ASCII)


def pinned(given: str) -> str:
    """Return what names a model for good: the absolute path of a folder, or NAME@COMMIT of one that is fetched.

    Args:
        given: a folder, or a name with or without a revision. A folder of that name comes first.

    Raises:
        UserError: no such folder, and no model of that name that can be fetched.
    """
    if Path(given).is_dir():
        return str(Path(given).resolve())
    name, revision = _parse(given)
    return f"{name}@{_fetch(name, revision).name}"


def means(given: str, model: str) -> bool:
    """Tell whether a folder or a name is the model that `pinned` named; a name without a revision means any."""
    return model in (given, str(Path(given).resolve())) or model.rpartition("@")[0] == given


def folder_of(given: str) -> Path:
    """Return the folder of a model, fetched unless it is here; UserError if it can be neither found nor fetched."""
    return Path(given) if Path(given).is_dir() else _fetch(*_parse(given))


def create(name: str) -> str:
    """Make a private repository for a model on the hub, unless it is there; return its full name.

    Raises:
        UserError: huggingface_hub is missing, there is no token, no right to write there, or no way to the hub.
    """
    if find_spec("huggingface_hub") is None:
        raise UserError("--push takes huggingface_hub: pip install huggingface_hub, then hf auth login")
    from huggingface_hub import HfApi, get_token

    if get_token() is None:
        raise UserError("--push takes a token of the hub that may write: hf auth login, or HF_TOKEN")
    with _in_one_line(name):
        return HfApi().create_repo(name, private=True, exist_ok=True).repo_id


def upload(folder: Path, name: str) -> str:
    """Send a folder's files to a repository of the hub, in one commit; return the address of the commit.

    Raises:
        UserError: they do not get there.
    """
    from huggingface_hub import HfApi

    try:
        with _in_one_line(name):
            return HfApi().upload_folder(repo_id=name, folder_path=folder, commit_message="Upload the model").commit_url
    except UserError as error:
        raise UserError(f"{folder} is whole, but was not sent: hf upload {name} {folder} does it. {error}") from error


def _parse(given: str) -> tuple[str, str | None]:
    match = _NAME.fullmatch(given)
    if match is None:
        raise UserError(f"no folder {given}; give one with a model, or a name such as FacebookAI/xlm-roberta-base")
    return match["name"], match["revision"]


def _fetch(name: str, revision: str | None) -> Path:
    """Return a folder of huggingface_hub's cache, named by the commit; files that are there are not fetched again."""
    if find_spec("huggingface_hub") is None:
        made = name.rpartition("/")[2]
        raise UserError(
            f"no folder {name}, and a name takes huggingface_hub: pip install huggingface_hub, or where it is "
            f"hf download {name} {_CONFIG} {_WEIGHTS[0]} {_VOCABULARY} --local-dir {made}, and give that folder"
        )
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import LocalEntryNotFoundError, RemoteEntryNotFoundError

    with _in_one_line(name, revision):
        try:
            folder = Path(hf_hub_download(name, _CONFIG, revision=revision)).parent
            hf_hub_download(name, _VOCABULARY, revision=folder.name)
            try:
                hf_hub_download(name, _WEIGHTS[0], revision=folder.name)
            except (RemoteEntryNotFoundError, LocalEntryNotFoundError):
                hf_hub_download(name, _WEIGHTS[1], revision=folder.name)
        except RemoteEntryNotFoundError as error:
            file = str(error.response.url).rpartition("/")[2]
            raise UserError(f"{name} has no {file} on the hub; give a model that has the files of XLM-R's") from error
    return folder


@contextlib.contextmanager
def _in_one_line(name: str, revision: str | None = None) -> Iterator[None]:
    """Say in one line, with the remedy, why the hub does not give or take a model."""
    from huggingface_hub import constants, errors

    hub, library = constants.ENDPOINT, logging.getLogger("huggingface_hub")
    before = library.level
    library.setLevel(logging.ERROR)  # it would tell of each new try; the error of the last is told below
    try:
        yield
    except UserError:
        raise
    except errors.HFValidationError as error:
        raise UserError(f"{name} is no folder here and cannot be a name on the hub; give another") from error
    except errors.GatedRepoError as error:
        raise UserError(
            f"{name} is gated: accept its terms at {hub}/{name}, then hf auth login (or set HF_TOKEN)"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise UserError(
            f"no folder {name}, and {hub} has no model of that name, or not for you: look at its spelling; "
            "a private one takes hf auth login (or HF_TOKEN)"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise UserError(f"{name} has no revision {revision} on {hub}; give another, or leave it out") from error
    except errors.LocalEntryNotFoundError as error:
        why = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else _line(error.__cause__ or error)
        raise UserError(
            f"{name} is not in the cache, and {hub} cannot be asked ({why}); hf download {name} --local-dir DIR "
            "where there is a network, and give that folder"
        ) from error
    except Exception as error:  # of huggingface_hub, of its HTTP library, of xet's: there is no common kind
        if isinstance(error, OSError) and error.errno is not None:  # of this machine, such as a full disk
            raise
        raise UserError(f"{hub} and {name}: {_line(error)}; try again, or look at HF_ENDPOINT") from error
    finally:
        library.setLevel(before)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
