"""How the bot shows a worker who it is, and what operators are told when one of them does not trust the other."""

from __future__ import annotations

from yarl import URL

from bot.problems import OperatorError
from bot.settings import PREFIX, Settings
from inference.client import AccessRefused, Refusal
from inference.tls import ClientTls, UnusableFile, client_tls

_URL, _TOKEN = f"{PREFIX}INFERENCE_URL", f"{PREFIX}INFERENCE_TOKEN"
_CA, _CERTIFICATE, _KEY = (f"{PREFIX}INFERENCE_TLS_{name}" for name in ("CA", "CERTIFICATE", "KEY"))

_CURES = {
    Refusal.TOKEN: f"Please set {_TOKEN} to the worker's COLORIZEBOT_WORKER_TOKEN.",
    Refusal.CLIENT_CERTIFICATE: (
        f"Please set {_CERTIFICATE} and {_KEY} to a certificate that the worker's COLORIZEBOT_WORKER_TLS_CLIENT_CA has "
        "signed."
    ),
    Refusal.SERVER_CERTIFICATE: (
        f"Please set {_CA} to the authority that has signed it, and {_URL} to a name that it is made out to."
    ),
    Refusal.TLS: f"Please look whether {_URL} is right, and the worker's COLORIZEBOT_WORKER_TLS_CERTIFICATE is set.",
}


def complaint(refused: AccessRefused) -> str:
    """Return what an operator has to know and to do, naming the setting."""
    return f"The worker can't be used: {refused} {_CURES[refused.refusal]}"


def shown_address(settings: Settings) -> str:
    """Return the worker's address as operators may see it: without the password that a proxy may ask for."""
    return str(URL(str(settings.inference_url)).with_user(None))


def tls_of(settings: Settings) -> ClientTls | None:
    """Return how to speak TLS with the worker, None where it is not spoken. Raises ``OperatorError``."""
    files = {_CA: settings.inference_tls_ca, _CERTIFICATE: settings.inference_tls_certificate}
    files[_KEY] = settings.inference_tls_key
    if settings.inference_url is None or settings.inference_url.scheme != "https":
        given = [name for name, file in files.items() if file is not None]
        if given and settings.inference_url is not None:
            raise OperatorError(f"{given[0]} has no use unless {_URL} begins with https://.")
        return None
    if files[_KEY] is not None and files[_CERTIFICATE] is None:
        raise OperatorError(f"{_KEY} has no use without {_CERTIFICATE}.")
    try:
        return client_tls(files[_CA], files[_CERTIFICATE], files[_KEY])
    except UnusableFile as error:
        name = next(name for name, file in files.items() if file == error.file)
        raise OperatorError(f"{name} can't be {error.file}: {error}.") from None
