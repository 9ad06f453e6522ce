"""One export in a process of its own: a Vega-Lite job on stdin, the file's bytes on stdout.

vl-convert holds the interpreter's lock while it works: 1.3 s for a large PNG, in which no other
visitor would be served. Run by file name, it imports neither dlviz nor altair.
Exit code 1 with one line on stderr when the chart cannot be drawn.
"""

import json
import sys

# Two characters that no font lacks one of: where both come out the same, both are the box or the gap
# that stands for "no such character".
PROBE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64">'
    '<text y="48" font-size="48" font-family="{font}">{text}</text></svg>'
)


def lacks_chinese(font: str) -> bool:
    """Whether the renderer itself finds no font for Chinese."""
    import vl_convert

    return vl_convert.svg_to_png(PROBE.format(font=font, text="学")) == vl_convert.svg_to_png(
        PROBE.format(font=font, text="梯")
    )


def work(job: dict) -> bytes:
    import vl_convert

    if job["format"] == "probe":
        return b"missing" if lacks_chinese(job["font"]) else b"found"
    if job["needs_chinese"] and lacks_chinese(job["font"]):
        raise SystemExit("no font with Chinese characters")
    spec = json.dumps(job["spec"])
    if job["format"] == "svg":
        return vl_convert.vegalite_to_svg(spec, vl_version=job["version"]).encode()
    if job["format"] == "pdf":
        return vl_convert.vegalite_to_pdf(spec, vl_version=job["version"])
    return vl_convert.vegalite_to_png(spec, vl_version=job["version"], scale=job["scale"], ppi=72)


if __name__ == "__main__":
    try:
        result = work(json.load(sys.stdin.buffer))
    except Exception as error:  # noqa: BLE001 - whatever it is, the caller is told in one line
        raise SystemExit(" ".join(str(error).split())[:500] or type(error).__name__) from None
    sys.stdout.buffer.write(result)
