"""Requests that no page of ours would send, to the running server: a sentence comes back, and the server goes on."""

import json
import secrets
import urllib.error
import urllib.request

import pytest

from transferui.config import SETTINGS
from transferui.ui.settings_view import WIDGETS

BAD = ["NaN", "1e999", "-5", '"many"', "null", "[1]", '"\\ud800"', '"<script>alert(1)</script>"']


class Api:
    """Calls the page's functions by name, as a script would."""

    def __init__(self, url):
        self.url, self.owner = url, secrets.token_urlsafe(16)
        config = json.loads(self.post("config"))
        self.functions = {f["api_name"]: f for f in config["dependencies"]}
        self.ids = {c["id"]: c["props"].get("elem_id") for c in config["components"]}
        self.values = {c["id"]: c["props"].get("value") for c in config["components"]}

    def post(self, path, body=None):
        data = body.encode() if body else None
        request = urllib.request.Request(self.url + path, data, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read().decode()

    def call(self, function, *values, event="null"):
        """The answer to a call of a function past the queue; values are JSON text, so that they can be anything."""
        data = ",".join((json.dumps(self.owner), *values))
        body = f'{{"data": [{data}], "event_data": {event}, "fn_index": {function["id"]}, "session_hash": "x"}}'
        return self.post("gradio_api/run/predict", body)


@pytest.fixture(scope="module")
def api(server):
    return Api(server)


def words(answer):
    return answer.encode().decode("unicode_escape", errors="replace")


@pytest.mark.parametrize("name", WIDGETS)
def test_a_wrong_setting_sent_past_the_page_is_refused_with_field_and_range(api, name):
    train = api.functions["start"]
    alone = next(f for f in api.functions.values() if [api.ids[i] for i in f["inputs"][1:]] == [f"set-{name}"])
    values = {api.ids[i]: json.dumps(api.values[i]) for i in train["inputs"][1:]}
    for bad in BAD:
        for answer in (api.call(train, *(values | {f"set-{name}": bad}).values()), api.call(alone, bad)):
            assert f"({name}) must be {SETTINGS[name].allowed}" in words(answer)
            assert "Traceback" not in answer and "<script>" not in answer


@pytest.mark.parametrize("owner", [None, 5, "short", "\ud800" * 20, [], {"a": 1}])
def test_nobody_gets_anything(api, owner):
    for name in (
        "start",
        "stop",
        "poll",
        "to_model",
        "undo",
        "measure_everything",
        "ask_networks",
        "stop_measuring",
        "refreshed",
    ):
        stranger = Api.__new__(Api)
        stranger.__dict__ = {**api.__dict__, "owner": owner}
        values = [json.dumps(api.values[i]) for i in api.functions[name]["inputs"][1:]]
        assert "Reload the page" in words(stranger.call(api.functions[name], *values))


@pytest.mark.parametrize(
    "event", ["null", "[]", '{"pick": 5}', '{"pick": "\\ud800"}', '{"pick": "open:../../x"}', '{"pick": "delete:"}']
)
def test_an_event_that_nobody_clicked_changes_nothing(api, event):
    for name in ("choose_run", "choose_network", "open_cell"):
        answer = api.call(api.functions[name], event=event)
        assert "data" in json.loads(answer) and "Traceback" not in answer


@pytest.mark.parametrize(
    "route", ["gradio_api/monitoring", "gradio_api/file=http://example.org/x", "gradio_api/proxy=http://example.org"]
)
def test_what_no_step_uses_is_closed(api, route):
    with pytest.raises(urllib.error.HTTPError) as caught:
        api.post(route)
    assert caught.value.code == 404
