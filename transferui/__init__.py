"""TransferUI: take a network that has learned to see, show it your own photos, and see what it learns.

The names below are loaded when they are first used, so that ``import transferui`` costs nothing and never loads torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

_HOMES = {
    "TrainConfig": "transferui.config",
    "UserError": "transferui.errors",
    "Dataset": "transferui.data.dataset",
    "open_dataset": "transferui.data.dataset",
    "train": "transferui.runs.worker",
    "Result": "transferui.runs.worker",
    "load_model": "transferui.export.bundle",
    "rank_backbones": "transferui.insight.ranking",
    "probe_stages": "transferui.insight.probes",
    "learning_curve": "transferui.insight.learning_curve",
    "find_label_errors": "transferui.insight.labels",
    "how_unusual": "transferui.insight.unusual",
    "photo_map": "transferui.insight.maps",
    "transfer_gain": "transferui.insight.gain",
    "chain_gain": "transferui.insight.chain",
}

if TYPE_CHECKING:
    from transferui.config import TrainConfig
    from transferui.data.dataset import Dataset, open_dataset
    from transferui.errors import UserError
    from transferui.export.bundle import load_model
    from transferui.insight.chain import chain_gain
    from transferui.insight.gain import transfer_gain
    from transferui.insight.labels import find_label_errors
    from transferui.insight.learning_curve import learning_curve
    from transferui.insight.maps import photo_map
    from transferui.insight.probes import probe_stages
    from transferui.insight.ranking import rank_backbones
    from transferui.insight.unusual import how_unusual
    from transferui.runs.worker import Result, train

__all__ = [
    "Dataset",
    "Result",
    "TrainConfig",
    "UserError",
    "__version__",
    "chain_gain",
    "find_label_errors",
    "how_unusual",
    "learning_curve",
    "load_model",
    "open_dataset",
    "photo_map",
    "probe_stages",
    "rank_backbones",
    "train",
    "transfer_gain",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'transferui' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
