"""A camera that keeps asking: the browser sends a small picture, waits for the answer, and then sends the next.

Never more than one is on its way, so that nothing piles up; frames go straight to the engine and never to disk. Gradio's own
streaming is not used: it keeps a connection open per tab, of which a browser allows six.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from transferui.ui.html import show

LIVE_HTML = (
    '<div class="tu-live"><video muted playsinline hidden aria-label="camera"></video>'
    '<button type="button" aria-pressed="false">Keep looking with the camera</button><p role="status"></p></div>'
)
# 320 px hold all that a network of 224 px sees. A fifth of a second between frames is as quick as one can read; without an
# answer for four seconds the frame is given up. The camera ends with its step, and rests while the tab is hidden.
LIVE_JS = """
const video = element.querySelector('video'), button = element.querySelector('button'), say = element.querySelector('p');
const canvas = document.createElement('canvas');
const answered = () => { const shown = document.querySelector('#test-result [data-frame]'); return shown ? shown.dataset.frame : ''; };
let stream = null, timer = 0, frame = 0, sent = 0, seen = '', waiting = false;
const stop = (why) => {
  clearInterval(timer); if (stream) stream.getTracks().forEach((t) => t.stop());
  stream = null; video.hidden = true; video.srcObject = null; button.setAttribute('aria-pressed', 'false');
  button.textContent = 'Keep looking with the camera'; say.textContent = why || '';
};
const look = () => {
  if (!element.isConnected || !button.offsetParent) return stop();
  if (document.hidden || !video.videoWidth) return;
  const answer = answered(), now = performance.now();
  if (answer !== seen) { seen = answer; waiting = false; }
  if ((waiting && now - sent < 4000) || now - sent < 200) return;
  const side = Math.min(video.videoWidth, video.videoHeight), scale = 320 / side;
  canvas.width = Math.round(video.videoWidth * scale); canvas.height = Math.round(video.videoHeight * scale);
  canvas.getContext('2d').drawImage(video, 0, 0, canvas.width, canvas.height);
  frame += 1; sent = now; waiting = true;
  trigger('frame', {jpeg: canvas.toDataURL('image/jpeg', 0.8).split(',')[1], frame: frame});
};
document.addEventListener('tu-photo', () => { if (stream) stop('The camera stopped: you have chosen a photo.'); });
button.addEventListener('click', async () => {
  if (stream) return stop();
  if (!navigator.mediaDevices) { say.textContent = 'A camera needs the page on this computer, or over HTTPS.'; return; }
  try { stream = await navigator.mediaDevices.getUserMedia({video: {width: 640, height: 480}}); }
  catch (error) { say.textContent = 'The camera could not be opened. Is it in use, or not allowed for this page?'; return; }
  video.srcObject = stream; video.hidden = false; await video.play();
  button.setAttribute('aria-pressed', 'true'); button.textContent = 'Stop the camera'; say.textContent = 'Hold something up to it.';
  waiting = false; seen = answered(); timer = setInterval(look, 50);
});"""

# Before a photo is asked about: the next frame would take its answer away. An emptied photo (the second value) is none.
STOP_JS = "(...args) => { if (args.length < 2 || args[1]) document.dispatchEvent(new Event('tu-photo')); return args; }"


def camera() -> gr.HTML:
    """The camera's button and picture; raises the event `frame`."""
    return show(LIVE_HTML, js_on_load=LIVE_JS, elem_id="test-live")


def frame_of(values: dict[str, Any]) -> tuple[int, str]:
    """Number and picture (base64 of a JPEG) of what the camera sent; an empty picture when it is not what our script sends."""
    number, jpeg = values.get("frame"), values.get("jpeg")
    good = isinstance(number, int) and isinstance(jpeg, str)
    return (number, jpeg) if good else (0, "")  # type: ignore[return-value]
