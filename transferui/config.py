"""Every training setting, once: default, range, plain words. Widgets, flags, checks and documentation come from here."""

from __future__ import annotations

import math
import types
import typing
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from transferui.errors import UserError
from transferui.settings import Setting, row_of

# A full budget of steps is at most this share of itself in passes: 600 steps are 12 passes or fewer (our own
# measurement: on 1,600 photos of flowers more than 6 passes gained little).
FULL_PASSES = 50
# Above this ratio of largest to smallest class `auto` weighs classes, and people are told: plain accuracy can hide that a small
# class is never named. Our own choice.
IMBALANCE = 3.0


def _setting(label: str, help_text: str, *, group: str = "training", **limits: Any) -> Any:
    """A field of TrainConfig: `label` is what the page says, `help_text` explains it to a 14-year-old."""
    return Field(title=label, description=help_text, json_schema_extra={"group": group}, allow_inf_nan=None, **limits)


def _number(label: str, help_text: str, **limits: Any) -> Any:
    """A field holding a float: like `_setting`, and never NaN or infinite."""
    return Field(title=label, description=help_text, json_schema_extra={"group": "training"}, allow_inf_nan=False, **limits)


class TrainConfig(BaseModel):
    """All that decides a run, besides the pictures.

    Numbers are checked strictly: no text for a number, no bool for an int, no NaN, nothing out of range.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    backbone: Annotated[
        str, _setting("Network (backbone)", "The pretrained network to start from.", group="model", max_length=500)
    ] = "efficientnet_lite0"
    weights: Annotated[
        Literal["imagenet", "random"],
        _setting(
            "Starting weights",
            "imagenet starts from what the network has learned from 1.3 million photos; random starts from nothing.",
            group="model",
        ),
    ] = "imagenet"
    start_from: Annotated[
        str,
        _setting(
            "Start from an own model",
            "A model.zip or a run folder whose blocks the run starts from, instead of ImageNet's. Empty: none.",
            group="model",
            max_length=500,
        ),
    ] = ""
    trainable: Annotated[
        str,
        _setting(
            "Stages that learn (trainable)",
            "none, last, late (those with half of the weights), half, all, or names of stages with commas between them.",
            group="model",
            max_length=500,
        ),
    ] = "none"
    epochs: Annotated[
        int,
        _setting(
            "Passes over the photos (epochs)",
            "How often the new head sees every training photo while everything else is frozen.",
            ge=1,
            le=1000,
        ),
    ] = 30
    finetune_epochs: Annotated[
        int,
        _setting(
            "Passes while fine-tuning (epochs)",
            "How often blocks and head see every training photo, after the head has learned. 0 goes by the number of steps.",
            ge=0,
            le=1000,
        ),
    ] = 0
    finetune_steps: Annotated[
        int,
        _setting(
            "Steps while fine-tuning (budget)",
            "When passes is 0: at most this many steps. With few photos it makes fewer, but at least a quarter.",
            ge=10,
            le=100_000,
        ),
    ] = 600
    batch_size: Annotated[
        int,
        _setting(
            "Photos per step (batch size)", "How many photos are looked at before the weights change a little.", ge=1, le=1024
        ),
    ] = 32
    head_learning_rate: Annotated[
        float,
        _number(
            "Step size of the head (learning rate)",
            "How far the head's weights move in a step; a tenth of it in fine-tuning. Too large: it jumps. Too small: it crawls.",
            ge=1e-7,
            le=10.0,
        ),
    ] = 3e-3
    backbone_learning_rate: Annotated[
        float,
        _number(
            "Step size of the blocks (learning rate)",
            "How far the last block's weights move; earlier blocks, and networks without BatchNorm, move less.",
            ge=1e-8,
            le=1.0,
        ),
    ] = 1e-3
    optimizer: Annotated[
        Literal["adamw", "sgd"],
        _setting("Optimizer", "The rule that turns errors into steps. adamw is forgiving; sgd is the classic (momentum 0.9)."),
    ] = "adamw"
    schedule: Annotated[
        Literal["cosine", "linear", "constant"],
        _setting(
            "Learning-rate schedule", "How the step size shrinks over a phase. All start with a short warm-up when fine-tuning."
        ),
    ] = "cosine"
    weight_decay: Annotated[
        float,
        _number("Weight decay", "Pulls weights gently towards zero, which keeps the answer simple.", ge=0.0, le=10.0),
    ] = 0.05
    augmentation: Annotated[
        Literal["none", "flip", "crops", "crops_no_flip"],
        _setting(
            "Changed copies (augmentation)",
            "flip also shows mirrored photos, crops also cut ones, crops_no_flip only cut ones: for digits, letters and signs.",
        ),
    ] = "none"
    class_weights: Annotated[
        Literal["auto", "off", "balanced"],
        _setting(
            "Weigh small classes more (class weights)",
            "balanced lets every class count the same; auto does so when one has over 3 times the photos of another.",
        ),
    ] = "auto"
    early_stopping: Annotated[
        int,
        _setting(
            "Stop early after (epochs)",
            "End a phase when the validation loss has not improved for this many epochs (by steps: the same share). 0: never.",
            ge=0,
            le=1000,
        ),
    ] = 10
    batchnorm_statistics: Annotated[
        Literal["keep", "update"],
        _setting(
            "BatchNorm averages of learning blocks",
            "keep uses those from ImageNet, which is steadier with few photos; update learns them anew. Frozen blocks keep.",
        ),
    ] = "keep"
    head_start: Annotated[
        Literal["trained", "random"],
        _setting(
            "Head when fine-tuning starts",
            "trained teaches the head first; random starts both at once, which can spoil what the blocks know.",
        ),
    ] = "trained"
    val_fraction: Annotated[
        float,
        _number(
            "Share kept for checking (validation)",
            "Share of the photos that is never learned from. Not used when the photos come with a val folder.",
            ge=0.05,
            le=0.5,
        ),
    ] = 0.2
    image_size: Annotated[
        int,
        _setting(
            "Picture size in pixels",
            "Side of the square picture the network sees. 0 takes the size the network was trained with.",
            ge=0,
            le=512,
        ),
    ] = 0
    seed: Annotated[
        int, _setting("Random seed", "The same number gives the same split and the same run.", ge=0, le=2**31 - 1)
    ] = 0
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"],
        _setting(
            "Number format (precision)",
            "auto takes bfloat16 for frozen blocks where this machine is built for it.",
            group="machine",
        ),
    ] = "auto"
    device: Annotated[
        Literal["auto", "cpu", "cuda", "mps"],
        _setting("Computed on (device)", "auto takes the graphics processor when there is one.", group="machine"),
    ] = "auto"

    def finetune_passes(self, n_train: int) -> int:
        """Passes over `n_train` photos while fine-tuning: as asked, else by the budget of steps, which few photos do not fill.

        Source: a budget in steps is the idea of BiT-HyperRule (A. Kolesnikov et al., 2020); the numbers are our own.
        """
        if self.finetune_epochs:
            return self.finetune_epochs
        each = math.ceil(max(1, n_train) / self.batch_size)
        steps = min(max(each * self.finetune_steps / FULL_PASSES, self.finetune_steps / 4), self.finetune_steps)
        return max(1, round(steps / each))


SETTINGS: typing.Mapping[str, Setting] = types.MappingProxyType(
    {name: row_of(name, field) for name, field in TrainConfig.model_fields.items()}
)


def make_config(values: typing.Mapping[str, Any]) -> TrainConfig:
    """Check settings that come from outside (page, HTTP, command line, file).

    Raises:
        UserError: ``BAD_SETTING`` names the first wrong field, the allowed values and what was found.
    """
    try:
        config = TrainConfig.model_validate(dict(values))
    except ValidationError as error:
        raise _explain(error) from error
    if config.start_from and config.weights == "random":
        raise UserError(
            "BAD_SETTING",
            "A run starts from an own model (start_from) or from nothing (weights=random), but both were asked for.",
            "Leave one of them out.",
            "start_from",
        )
    return config


def _explain(error: ValidationError) -> UserError:
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    setting = SETTINGS.get(name)
    if setting is None:
        return UserError(
            "BAD_SETTING", f"There is no setting named {name[:60]!r}.", f"Settings are: {', '.join(SETTINGS)}.", name
        )
    found = _short(first.get("input"))
    return UserError(
        "BAD_SETTING",
        f"{setting.label} ({name}) must be {setting.allowed}, but it was {found}.",
        "Choose a value in that range.",
        name,
    )


def _short(value: Any) -> str:
    """What was found, as text of at most 60 characters."""
    try:
        found = repr(value)
    except ValueError:  # Python writes no number of more than 4300 digits
        return "a number of thousands of digits"
    return found if len(found) < 60 else found[:57] + "..."


def parse_setting(name: str, text: str) -> int | float | str:
    """Turn the text after ``--set name=`` into the setting's type; range checks are `make_config`'s.

    Raises:
        UserError: ``BAD_SETTING`` when there is no such setting or the text is no number.
    """
    setting = SETTINGS.get(name)
    if setting is None:
        raise UserError("BAD_SETTING", f"There is no setting named {name[:60]!r}.", f"Settings are: {', '.join(SETTINGS)}.", name)
    if setting.kind not in ("int", "float"):
        return text
    try:
        return int(text) if setting.kind == "int" else float(text)
    except ValueError:
        words = f"{setting.label} ({name}) must be {setting.allowed}, but it was {text[:60]!r}."
        raise UserError("BAD_SETTING", words, "", name) from None
