"""A ball is drawn, found and filmed."""

import sys
from pathlib import Path

import numpy as np
import pytest

from .support import need, run_node

for _pack in ("reflow.pack.gpu", "reflow.pack.ml", "reflow.pack.video_encode"):
    need(_pack)

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "tracking"


@pytest.mark.timeout(120)
def test_a_ball_is_found_in_a_film(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])
    import track

    film, page = tmp_path / "film.mp4", tmp_path / "film.html"
    assert track.make(film, page, frames=12).ok
    assert "data:video/mp4;base64," in page.read_text(encoding="utf-8")
    outputs = run_node("tpl_video_decoder", {}, {"input": film.read_bytes()}, listen=["stream", "metadata", "error"])
    assert outputs.one("metadata").items() >= {"frameCount": 12, "width": 192, "height": 108}.items()
    pictures = [frame["data"] for frame in outputs.one("stream") if frame["kind"] == "data"]
    for data in pictures:
        picture = np.frombuffer(data, np.uint8).reshape(108, 192, 4)[..., :3].astype(int)
        ball = np.argwhere(picture.min(axis=2) > 110)
        box = np.argwhere(picture[..., 1] > picture[..., 0] + 40)
        assert len(ball)
        assert len(box)
        # The middle of the ball is within the box.
        assert (box.min(axis=0) <= ball.mean(axis=0)).all()
        assert (ball.mean(axis=0) <= box.max(axis=0)).all()
