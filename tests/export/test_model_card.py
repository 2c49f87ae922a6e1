from transferui.export.model_card import model_card, plain

FACTS = {"backbone": "resnet18", "weights": "imagenet", "class_names": ["a|b", "<script>x</script>", "c\n# d"], "versions": {"transferui": "1"},
         "metrics": {"val_accuracy": 0.9, "val_accuracy_low": 0.8, "val_accuracy_high": 0.95, "n_val": 50, "majority_accuracy": 0.4, "n_train": 200,
                     "trainable_parameters": 1539, "total_parameters": 11_178_051, "per_class": [{"class_name": "a|b", "recall": 0.5, "n": 4}]}}  # fmt: skip


def test_the_card_says_how_good_it_is_and_what_it_is_not_for():
    card = model_card(FACTS)
    for words in (
        "ResNet-18 (ImageNet weights)",
        "90.0 % of 50 validation photos answered right (95 % interval 80.0 % to 95.0 %)",
        "always guessing the largest class gets 40.0 %",
        "1,539 of 11,178,051",
        "## Not for",
        "50 % of 4 photos",
    ):
        assert words in card


def test_the_accuracy_of_a_small_set_is_the_cross_validated_one_and_photos_set_aside_have_their_own():
    cv = {"accuracy": 0.7, "low": 0.6, "high": 0.8, "n": 120, "folds": 5, "repeats": 3, "majority_accuracy": 0.5,
          "per_class": [{"class_name": "a|b", "recall": 0.25, "n": 60}]}  # fmt: skip
    card = model_card({**FACTS, "metrics": {**FACTS["metrics"], "cv": cv, "headline": "cv", "test_accuracy": 0.8, "test_accuracy_low": 0.65,
                                                    "test_accuracy_high": 0.9, "test_majority_accuracy": 0.45, "n_test": 40}})  # fmt: skip
    for words in ("70.0 % of 120 photos", "5-fold cross-validation, the middle one of 3 rounds", "25 % of 60 photos",
                  "The photos set aside: 90.0 % of 50 photos (95 % interval 80.0 % to 95.0 %)",
                  "80.0 % of 40 photos (95 % interval 65.0 % to 90.0 %); always guessing the largest class gets 45.0 %"):  # fmt: skip
        assert words in card
    assert "50 % of 4" not in card


def test_the_card_says_what_makes_the_accuracy_look_better_than_it_is():
    card = model_card({**FACTS, "metrics": {**FACTS["metrics"], "notes": ["The validation photos also chose.", "<b>"]}})
    assert "## Good to know\n\n* The validation photos also chose.\n* \\<b\\>\n" in card
    assert "Good to know" not in model_card(FACTS)


def test_a_class_name_stays_a_name():
    card = model_card(FACTS)
    assert "<script>" not in card and "\n# d" not in card and "a\\|b" in card
    assert plain("  *two*\n words ") == "\\*two\\* words"


def test_without_metrics_it_claims_nothing():
    assert "accuracy" not in model_card({**FACTS, "metrics": {}}).lower()
