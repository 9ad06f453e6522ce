"""Charts drawn by the very Vega that Streamlit brings, without Streamlit around it: hundreds in a minute."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import streamlit

from dlviz.ui.page.steady import steady

STATIC = Path(streamlit.__file__).parent / "static"
# As Streamlit's own component calls it (static/js/ArrowVegaLiteChart).
DRAW = """async ([one, other]) => {
  const {embed, expressionInterpreter} = await (await import('/static/js/LOADER')).t();
  const draw = async spec => {
    const box = document.body.appendChild(document.createElement('div'));
    box.style.width = '560px';
    const shown = await embed(box, spec, {ast: true, expr: expressionInterpreter, renderer: 'canvas',
      tooltip: {disableDefaultStyle: true}, defaultStyle: false, actions: false});
    await shown.view.runAsync();
    const canvas = box.querySelector('canvas'), {width, height} = canvas;
    const pixels = canvas.getContext('2d').getImageData(0, 0, width || 1, height || 1).data;
    shown.finalize();
    box.remove();
    return {pixels, width, height};
  };
  const a = await draw(one);
  if (!other) return a.width * a.height;
  const b = await draw(other);
  if (a.width !== b.width || a.height !== b.height) return -1;
  let different = 0;
  for (let i = 0; i < a.pixels.length; i += 4)
    if (Math.abs(a.pixels[i] - b.pixels[i]) + Math.abs(a.pixels[i + 1] - b.pixels[i + 1])
        + Math.abs(a.pixels[i + 2] - b.pixels[i + 2]) > 30) different++;
  return different;
}"""


class Quiet(SimpleHTTPRequestHandler):
    """Serves the files without a line for each."""

    def log_message(self, *_: Any) -> None:
        pass


class Vega:
    """A blank page that draws charts; ``heard`` collects what its console says."""

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.heard = page, []
        page.on("console", lambda said: self.heard.append(f"{said.type}: {said.text}"))
        page.on("pageerror", lambda error: self.heard.append(f"error: {error}"))
        page.route("**/blank", lambda route: route.fulfill(body="<!doctype html><body>", content_type="text/html"))
        page.goto(f"{address}/blank")
        (loader,) = (STATIC / "static/js").glob("loadVegaEmbed.*.js")
        self._loader = f"/static/js/{loader.name}"
        self._draw = DRAW.replace("LOADER", loader.name)

    def different(self, figure: Any, other: Any) -> int:
        """Pixels in which two charts differ; -1 where their sizes do. Raises what drawing them raises."""
        return self.page.evaluate(self._draw, [_sent(figure), _sent(other)])

    def measured(self, spec: dict[str, Any], width: int, script: str) -> Any:
        """What a script says of a chart in a column of ``width`` px: it is given the spec, the width and the loader."""
        return self.page.evaluate(script, [steady(spec), width, self._loader])


def _sent(figure: Any) -> dict[str, Any]:
    """The spec as the browser gets it; what JSON cannot say raises ``ValueError``."""
    return json.loads(json.dumps(steady(figure.to_dict()), allow_nan=False))


@contextmanager
def vega(browser: Any, **options: Any) -> Iterator[Vega]:
    """A page of a Chromium for drawing charts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=STATIC))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    context = browser.new_context(viewport={"width": 800, "height": 900}, **options)
    try:
        yield Vega(context.new_page(), f"http://127.0.0.1:{server.server_port}")
    finally:
        context.close()
        server.shutdown()
        server.server_close()
