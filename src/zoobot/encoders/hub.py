"""Encoders from the Hugging Face Hub: fetched once, kept in its cache, and then loaded without the network."""

from pathlib import Path

from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from zoobot.errors import EncoderError
from zoobot.layout import CONFIG_FILE, PICKLED_WEIGHTS_FILE, WEIGHTS_FILE

HUB_PREFIXES = ("hf_hub:", "hf-hub:")


def is_hub_name(name: str) -> bool:
    """Tell whether `name` starts with ``hf_hub:`` or ``hf-hub:``."""
    return name.startswith(HUB_PREFIXES)


def fetch_from_hub(name: str) -> Path:
    """Return the local folder of a repository: its ``config.json`` and weights, downloaded where the cache lacks them.

    What is in the cache is taken as it is, without asking the hub whether there is a newer revision: loading is then
    quick, works without the network and gives the same weights each time.

    Parameters
    ----------
    name
        ``hf_hub:owner/repo``, with ``@revision`` for a certain branch, tag or commit.

    Raises
    ------
    EncoderError
        If there is no such repository, it is not open to this user, it holds no model, or there is no network and the
        cache lacks it.
    """
    repository, _, revision = name.split(":", 1)[1].partition("@")
    try:
        try:
            return _fetch(repository, revision or None, local_files_only=True)
        except EntryNotFoundError:
            reach_hub(name, repository, revision or None)
            return _fetch(repository, revision or None, local_files_only=False)
    except (HfHubHTTPError, HFValidationError, EntryNotFoundError, OSError) as err:
        raise EncoderError(explain_hub_error(name, err)) from err


def reach_hub(name: str, repository: str, revision: str | None = None) -> None:
    """Ask once whether the hub is there, because a download asks again and again for half a minute before it gives up.

    Raises
    ------
    EncoderError
        If nobody answers.
    """
    try:
        get_hf_file_metadata(hf_hub_url(repository, CONFIG_FILE, revision=revision))
    except HfHubHTTPError:
        return  # it answered: the download tries again where that may help, and says what is wrong
    except Exception as err:  # of the client's transport, whose classes change with its version
        raise EncoderError(_no_network(name)) from err


def _fetch(repository: str, revision: str | None, *, local_files_only: bool) -> Path:
    """Return the folder in the cache that holds the files of a repository, its safetensors if it has them."""
    config = hf_hub_download(repository, CONFIG_FILE, revision=revision, local_files_only=local_files_only)
    try:
        hf_hub_download(repository, WEIGHTS_FILE, revision=revision, local_files_only=local_files_only)
    except EntryNotFoundError:
        hf_hub_download(repository, PICKLED_WEIGHTS_FILE, revision=revision, local_files_only=local_files_only)
    return Path(config).parent


def explain_hub_error(name: str, err: Exception) -> str:
    """Return the message for an error of the hub's client: what was wrong with `name` and what to do."""
    match err:
        case GatedRepoError():
            return (
                f"the encoder '{name}' is not open to you: accept its terms on its page at huggingface.co, then log in "
                "with `hf auth login`"
            )
        case RepositoryNotFoundError():
            return (
                f"no encoder '{name}' on the Hugging Face Hub: check the spelling (`zoobot models` lists the published "
                "ones), and log in with `hf auth login` if it is private"
            )
        case RevisionNotFoundError():
            return f"the encoder '{name}' has no such revision: leave out what follows '@' for the newest"
        case HFValidationError():
            return f"'{name}' is not the name of a repository: write hf_hub:owner/repo"
        case LocalEntryNotFoundError():
            return _no_network(name)
        case EntryNotFoundError():
            return (
                f"the repository '{name}' holds no timm model (no {CONFIG_FILE}, or neither {WEIGHTS_FILE} nor "
                f"{PICKLED_WEIGHTS_FILE}): choose one that does (`zoobot models` lists the published ones)"
            )
        case HfHubHTTPError():
            status = getattr(err.response, "status_code", "unknown")
            return f"the Hugging Face Hub answers {status} for '{name}': try again later, or give a local folder"
        case _:
            return _no_network(name)


def _no_network(name: str) -> str:
    return (
        f"the weights of '{name}' are not here and the Hugging Face Hub can't be reached: connect once (they "
        "are then kept for use without the network), or take the encoder that comes with zoobot (name='bundled'; "
        "--encoder bundled on the command line), or give a folder with config.json and model.safetensors, "
        "or a timm name with random weights (pretrained=False; --no-pretrained)"
    )
