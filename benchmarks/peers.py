"""What people use instead: the PyTorch transfer-learning tutorial's loop, fastai's `fine_tune(4)`, scikit-learn on the features.

All start from the same backbone weights, the same photos and the same split; ours is run before each of them, in the same
process. Sources of the recipes: pytorch.org's "Transfer Learning for Computer Vision Tutorial" (fixed feature extractor,
25 epochs, batches of 4, SGD 0.001 with momentum 0.9, a tenth every 7 epochs) and fastai's documentation of `fine_tune`.

python -m benchmarks.peers --photos FOLDER            needs: pip install -r benchmarks/requirements.txt
"""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import transforms

from benchmarks.measure import Clocks, data_folder, median, options, ours, photos, spread, tell, timed
from transferui.backbones.catalogue import get_backbone
from transferui.backbones.stages import build_backbone
from transferui.data.dataset import Dataset
from transferui.data.splits import Split, split_dataset
from transferui.training.machine import available_cores, pick_device

PROMISES = {"tutorial": 50.0, "fastai": 30.0}


class Task:
    """Photos, split and network that all sides share."""

    def __init__(self, dataset: Dataset, backbone: str, data_dir: Path, seed: int) -> None:
        self.dataset, self.name, self.data_dir, self.seed = dataset, backbone, data_dir, seed
        self.backbone = get_backbone(backbone)
        self.split: Split = split_dataset(dataset, 0.2, seed)
        self.device = pick_device("auto")

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.dataset.class_names)

    def body(self) -> nn.Sequential:
        """The stages with their ImageNet weights, the last of which pools."""
        return build_backbone(self.name, "imagenet", data_dir=self.data_dir)[0]

    def rows(self, part: str) -> list[tuple[Path, int]]:
        """Files and labels of one part of the split."""
        return [(self.dataset.samples[i].path, self.dataset.samples[i].label) for i in getattr(self.split, part)]


class Files(torch.utils.data.Dataset[tuple[Tensor, int]]):
    """Pictures read from disk at every use, as the tutorial's ImageFolder does."""

    def __init__(self, rows: Sequence[tuple[Path, int]], transform: Any) -> None:
        self.rows, self.transform = rows, transform

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        path, label = self.rows[index]
        return self.transform(Image.open(path).convert("RGB")), label


@dataclass(frozen=True)
class Fitted:
    """What a peer has learned.

    Attributes:
        val: validation accuracy as the peer itself reports it.
        answer: class indices (N,) for a part of the split, in its order.
    """

    val: float
    answer: Callable[[str], Tensor]


def tutorial(task: Task, epochs: int = 25) -> Fitted:
    """The tutorial's fixed feature extractor; keeps the epoch with the best validation accuracy, as the tutorial does."""
    torch.manual_seed(task.seed)
    b = task.backbone
    learn = transforms.Compose([transforms.RandomResizedCrop(b.image_size), transforms.RandomHorizontalFlip(), *_last(task)])
    loaders = {
        part: DataLoader(Files(task.rows(part), how), batch_size=4, shuffle=True, num_workers=available_cores())
        for part, how in (("train", learn), ("val", _check(task)))
    }
    model = nn.Sequential(task.body().requires_grad_(False), nn.Linear(b.feature_width, task.n_classes)).to(task.device)
    optimizer = torch.optim.SGD(model[1].parameters(), lr=0.001, momentum=0.9)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=7, gamma=0.1)
    best, kept = -1.0, model
    for _ in range(epochs):
        model.train()
        for pictures, labels in loaders["train"]:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(pictures.to(task.device)), labels.to(task.device)).backward()
            optimizer.step()
        schedule.step()
        model.eval()
        with torch.no_grad():
            right = sum(int((model(x.to(task.device)).argmax(1).cpu() == y).sum()) for x, y in loaders["val"])
        if right / len(task.split.val) > best:
            best, kept = right / len(task.split.val), copy.deepcopy(model)
    return Fitted(best, partial(_answer_plainly, task, kept))


def _last(task: Task) -> list[Any]:
    """From a PIL picture to what the network takes."""
    return [transforms.ToTensor(), transforms.Normalize(task.backbone.mean, task.backbone.std)]


def _check(task: Task) -> Any:
    """How a picture is shown that is not learned from."""
    b = task.backbone
    return transforms.Compose([transforms.Resize(b.resize_size), transforms.CenterCrop(b.image_size), *_last(task)])


@torch.inference_mode()
def _answer_plainly(task: Task, model: nn.Module, part: str) -> Tensor:
    loader = DataLoader(Files(task.rows(part), _check(task)), batch_size=32)
    return torch.cat([model.eval()(x.to(task.device)).argmax(1).cpu() for x, _ in loader])


def fastai(task: Task, epochs: int = 4) -> Fitted:
    """fastai's own head, augmentation and one-cycle `fine_tune`; the last validation accuracy, as fastai reports it."""
    from fastai.vision import all as fast  # noqa: PLC0415 - a requirement of the benchmarks only

    fast.set_seed(task.seed, reproducible=False)
    b, rows = task.backbone, task.rows("train") + task.rows("val")
    names = {str(path): task.dataset.class_names[label] for path, label in rows}
    block = fast.DataBlock(
        blocks=(fast.ImageBlock, fast.CategoryBlock(vocab=list(task.dataset.class_names))),
        get_y=lambda path: names[str(path)],
        splitter=fast.IndexSplitter(list(range(len(task.split.train), len(rows)))),
        item_tfms=fast.Resize(round(b.image_size * 1.15)),
        batch_tfms=[*fast.aug_transforms(size=b.image_size), fast.Normalize.from_stats(b.mean, b.std)],
    )
    loaders = block.dataloaders([path for path, _ in rows], bs=64, num_workers=available_cores())
    model = nn.Sequential(task.body(), fast.create_head(b.feature_width, task.n_classes, pool=False))
    learner = fast.Learner(
        loaders, model, metrics=fast.accuracy, splitter=lambda m: [fast.params(m[0]), fast.params(m[1])], path=task.data_dir
    )
    fast.apply_init(model[1], nn.init.kaiming_normal_)
    with learner.no_bar(), learner.no_logging():
        learner.fine_tune(epochs)
    return Fitted(float(learner.recorder.final_record[2]), partial(_answer_with_fastai, task, learner))


def _answer_with_fastai(task: Task, learner: Any, part: str) -> Tensor:
    loader = learner.dls.test_dl([path for path, _ in task.rows(part)])
    with learner.no_bar(), learner.no_logging():
        answers: Tensor = learner.get_preds(dl=loader)[0].argmax(1)
    return answers


def sklearn(task: Task) -> Fitted:
    """scikit-learn's logistic regression on features from the plain network."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    body = task.body().eval()
    x, y = _features(task, body, "train")
    model = LogisticRegression(C=10.0, max_iter=1000).fit(x, y)
    return Fitted(float(model.score(*_features(task, body, "val"))), partial(_answer_with_sklearn, task, body, model))


@torch.inference_mode()
def _features(task: Task, body: nn.Module, part: str) -> tuple[Any, Any]:
    """Features (N, D) of unit length and labels (N,) of a part of the split."""
    from sklearn.preprocessing import normalize  # noqa: PLC0415

    batches = [(body(x), y) for x, y in DataLoader(Files(task.rows(part), _check(task)), batch_size=32)]
    return normalize(torch.cat([x for x, _ in batches]).numpy()), torch.cat([y for _, y in batches]).numpy()


def _answer_with_sklearn(task: Task, body: nn.Module, model: Any, part: str) -> Tensor:
    return torch.from_numpy(model.predict(_features(task, body, part)[0]))


def mine(task: Task) -> tuple[float, Clocks]:
    """Ours from nothing remembered: accuracy and clocks of the whole call, saving the model included."""
    with data_folder() as fresh:
        values, clocks = timed(lambda: ours(task.dataset, fresh, backbone=task.name, seed=task.seed))
        return float(values["val_accuracy"]), clocks


PEERS = {"tutorial": tutorial, "fastai": fastai, "sklearn": sklearn}


def main() -> None:
    """Run every peer as often as wanted, ours right before it."""
    wanted = options(__doc__ or "", backbone="efficientnet_lite0", peers="tutorial,fastai,sklearn")
    torch.set_num_threads(available_cores())
    rows = []
    with data_folder() as home:
        dataset = photos(wanted.photos, home)
        mine(Task(dataset, wanted.backbone, home, 0))  # warms what both sides profit from
        for name in wanted.peers.split(","):
            if name == "fastai" and importlib.util.find_spec("fastai") is None:
                print("fastai is not installed: pip install -r benchmarks/requirements.txt")
                continue
            rows.append(_compare(name, [Task(dataset, wanted.backbone, home, seed) for seed in range(wanted.repeats)]))
            print(rows[-1], flush=True)
    tell("Head-only, first run, against what people use instead", rows, wanted)


def _compare(name: str, tasks: Sequence[Task]) -> dict[str, Any]:
    both = [(mine(task), timed(lambda task=task: PEERS[name](task))) for task in tasks]  # type: ignore[misc]
    we, they = [a for a, _ in both], [b for _, b in both]
    walls = [b.wall / a.wall for (_, a), (_, b) in zip(we, they, strict=True)]
    cpus = [b.cpu / a.cpu for (_, a), (_, b) in zip(we, they, strict=True)]
    promise = PROMISES.get(name)
    return {
        "peer": name,
        "runs": len(tasks),
        "ours, s": spread([clocks.wall for _, clocks in we]),
        "peer, s": spread([clocks.wall for _, clocks in they], 1),
        "times faster": spread(walls, 1),
        "processor seconds, times fewer": spread(cpus, 1),
        "our accuracy": spread([accuracy for accuracy, _ in we], 3),
        "peer's accuracy": spread([fitted.val for fitted, _ in they], 3),
        "promise": f"≥ {promise:.0f} ×" if promise else "",
        "kept": median(walls) >= promise and median([a for a, _ in we]) > median([f.val for f, _ in they]) - 1e-6
        if promise
        else "",
    }


if __name__ == "__main__":
    main()
