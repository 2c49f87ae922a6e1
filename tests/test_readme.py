"""README says what the code does: its tables come from the catalogue and the settings. `python -m tests.test_readme` writes them."""

import re
from pathlib import Path

import yaml
from packaging.requirements import Requirement

from transferui.backbones.catalogue import CATALOGUE
from transferui.config import SETTINGS

README = Path(__file__).parents[1] / "README.md"


def backbones():
    rows = [
        "| name | network | year | weights | download | ImageNet top-1 | input | license of the weights |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for b in CATALOGUE.values():
        size = "comes with the app" if b.bundled else f"{b.download_bytes / 1e6:.0f} MB"
        rows.append(
            f"| `{b.name}` | {b.title} | {b.year} | {b.params / 1e6:.1f} M | {size} | {b.top1:.1f} % | {b.image_size} px | {b.license} |"
        )
    return "\n".join(rows)


def settings():
    rows = ["| setting | default | allowed | what it does |", "|---|---|---|---|"]
    rows += [f"| `{s.name}` | `{s.default}` | {s.allowed} | {s.help} |" for s in SETTINGS.values()]
    return "\n".join(rows)


def rendered(text):
    for name, table in (("backbones", backbones()), ("settings", settings())):
        text = re.sub(f"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)", lambda m, t=table: m[1] + t + m[2], text, flags=re.S)
    return text


def test_the_tables_are_those_of_the_code():
    text = README.read_text()
    assert backbones() in text and settings() in text


def test_the_front_matter_is_what_spaces_takes():
    facts = yaml.safe_load(README.read_text().split("---")[1])
    assert (facts["sdk"], facts["app_file"], facts["license"]) == ("gradio", "app.py", "apache-2.0")
    assert facts["title"] and len(facts["short_description"]) <= 60
    assert {facts["colorFrom"], facts["colorTo"]} <= {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    wanted = next(line for line in (README.parent / "requirements.txt").read_text().splitlines() if line.startswith("gradio"))
    assert facts["sdk_version"] in Requirement(wanted).specifier and (README.parent / facts["app_file"]).is_file()


def test_the_commands_and_pictures_are_there():
    text = README.read_text()
    assert text.startswith("---\ntitle:") and "sdk: gradio" in text and "app_file: app.py" in text
    assert "-m pytest" in text and "app.py" in text
    for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", text):
        assert (README.parent / picture).is_file(), picture


if __name__ == "__main__":
    README.write_text(rendered(README.read_text()))
