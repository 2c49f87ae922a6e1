import pytest

from transferui.evaluation.folders import Folders, elsewhere


@pytest.mark.parametrize(
    ("folders", "said"),
    [(["Cat"], "Cat"), (["cat"], "cat"), (["CAT"], None), (["DOG"], "Dog"), (["Dog", "garden", "CAT"], "Dog"), (["Dog", "cat"], "cat"),
     (["cafe\u0301"], "café"), (["garden"], None), (["\u200b", ""], None), ([], None)],
)  # fmt: skip
def test_the_innermost_folder_of_a_class_counts_and_capitals_only_where_they_tell_classes_apart(folders, said):
    assert Folders(["Cat", "cat", "Dog", "café"]).say(folders) == said


def test_the_sentence_counts_photos_and_names_folders():
    found = {"n_in_other_folders": 1, "other_folders": ["a"], "accuracy": 0.5}
    assert elsewhere(found, str.upper) == "1 photo lies in a folder that is none of its classes (A) and does not count here."
    many = {"n_in_other_folders": 1200, "other_folders": ["a", "b", "c"]}
    assert "1,200 photos lie" in elsewhere({**many, "accuracy": 0.5}, str) and "such as a, b, c" in elsewhere(many, str)
    assert "no telling how many" in elsewhere(many, str) and elsewhere({"n_in_other_folders": 0}, str) == "" == elsewhere({}, str)
