"""Exports in a process of their own: Vega-Lite jobs on stdin, one a line, the files' bytes on stdout.

vl-convert holds the interpreter's lock for as long as it works, and no other visitor would be served meanwhile. Run by
file name, it imports neither dlviz nor altair. The process stays for the next job, for most of a first one is the start
of vl-convert's own JavaScript engine.

A job is JSON: what to draw, and ``seconds`` for it. An answer is a line ``done N`` or ``refused N``, and then N bytes:
the file, or one line of text that says why the chart cannot be drawn. The process ends when stdin does, which is when
the server does, however that ended; when it had no request for long; and when a job takes much longer than it may.
"""

import faulthandler
import json
import re
import sys
from functools import cache

IDLE = 60
"""Seconds without a job after which the process ends: what it holds is as much as a small server."""
GRACE = 5
"""Seconds beyond a job's own, in which the server itself ends the process, if there still is a server."""
NO_FONT = "no font with Chinese characters"
# Two characters that no font lacks one of: where both come out the same, both are the box or the gap
# that stands for "no such character".
PROBE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64">'
    '<text y="48" font-size="48" font-family="{font}">{text}</text></svg>'
)
NAMES = re.compile(r'(\bid="|\burl\(#)(clip|gradient_)(\d+)\b')
FIRST = {"clip": 1, "gradient_": 0}


@cache
def lacks_chinese(font: str) -> bool:
    """Whether the renderer itself finds no font for Chinese."""
    import vl_convert

    return vl_convert.svg_to_png(PROBE.format(font=font, text="学")) == vl_convert.svg_to_png(
        PROBE.format(font=font, text="梯")
    )


def work(job: dict) -> bytes:
    """The file of a job. Raises whatever vl-convert does."""
    import vl_convert

    if job["format"] == "probe":
        return b"missing" if lacks_chinese(job["font"]) else b"found"
    if job["needs_chinese"] and lacks_chinese(job["font"]):
        raise LookupError(NO_FONT)
    spec = json.dumps(job["spec"])
    if job["format"] == "svg":
        return numbered(vl_convert.vegalite_to_svg(spec, vl_version=job["version"])).encode()
    if job["format"] == "pdf":
        return vl_convert.vegalite_to_pdf(spec, vl_version=job["version"])
    # The file carries its resolution: at twice the size on screen 144 dpi, so that it is as large as on screen.
    return vl_convert.vegalite_to_png(spec, vl_version=job["version"], scale=1, ppi=72 * job["scale"])


def numbered(svg: str) -> str:
    """The SVG as a new process writes it: Vega numbers clips and gradients through all that its process has drawn."""
    least: dict[str, int] = {}
    for _where, kind, number in NAMES.findall(svg):
        least[kind] = min(int(number), least.get(kind, int(number)))
    return NAMES.sub(lambda found: f"{found[1]}{found[2]}{int(found[3]) - least[found[2]] + FIRST[found[2]]}", svg)


def answer(job: dict) -> tuple[str, bytes]:
    """How it went, and the file or the reason."""
    try:
        return "done", work(job)
    except Exception as error:  # noqa: BLE001 - whatever it is, the caller is told in one line
        return "refused", (" ".join(str(error).split())[:500] or type(error).__name__).encode(errors="replace")


def main() -> None:
    # The deadlines need no interpreter lock, which vl-convert may hold for ever. Each replaces the one before.
    faulthandler.dump_traceback_later(IDLE, exit=True)
    for line in sys.stdin.buffer:
        job = json.loads(line)
        faulthandler.dump_traceback_later(job["seconds"] + GRACE, exit=True)
        how, said = answer(job)
        sys.stdout.buffer.write(b"%s %d\n%s" % (how.encode(), len(said), said))
        sys.stdout.buffer.flush()
        faulthandler.dump_traceback_later(IDLE, exit=True)


if __name__ == "__main__":
    main()
