"""Exports in a process of their own: Vega-Lite jobs on stdin, one a line, the files' bytes on stdout.

vl-convert holds the interpreter's lock for as long as it works, and no other visitor would be served meanwhile. Run by
file name, it imports neither dlviz nor altair. The process stays for the next job, for most of a first one is the start
of vl-convert's own JavaScript engine.

A job is JSON: what to draw, and ``seconds`` for it. An answer is a line ``done N`` or ``refused N``, and then N bytes:
the file, or one line of text that says why the chart cannot be drawn. The process ends when stdin does, which is when
the server does, however that ended; when it had no request for long; and when a job takes much longer than it may.
"""

import base64
import faulthandler
import io
import json
import re
import struct
import sys
import zlib
from functools import cache
from typing import Any

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
PLACE = "<!--figure {}-->"
"""Where a figure goes on its page."""
COMMON = 8
"""Colours that an animation keeps exactly."""
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
    if job["format"] == "gif":
        frames = [base64.b64decode(frame) for frame in job["frames"]]
        return bounded_gif(frames, job["durations"], job["paper"], job["record"], job["most"], job["fewest"])
    if job["needs_chinese"] and lacks_chinese(job["font"]):
        raise LookupError(NO_FONT)
    page = job["page"]
    for i, spec in enumerate(job["specs"]):
        drawn = vl_convert.vegalite_to_svg(json.dumps(spec), vl_version=job["version"])
        page = page.replace(PLACE.format(i), drawn, 1)
    if job["format"] == "svg":
        return numbered(page).encode()
    if job["format"] == "pdf":
        return with_pdf_record(vl_convert.svg_to_pdf(page), job["title"], job["record"])
    # The file carries its resolution: at twice the size on screen 144 dpi, so that it is as large as on screen.
    return with_png_record(vl_convert.svg_to_png(page, scale=1, ppi=72 * job["scale"]), job["title"], job["record"])


def with_png_record(png: bytes, title: str, record: str) -> bytes:
    """The picture with texts of its own: chunks ``iTXt`` before those of pixels (PNG specification, 11.3.3.4)."""
    chunks = b""
    for keyword, text in (("Title", title), ("Description", record)):
        if text:
            # Keyword, not compressed, no language, no translated keyword, text.
            data = b"iTXt" + keyword.encode() + b"\0\0\0\0\0" + text.encode()
            chunks += struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))
    at = png.index(b"IDAT") - 4
    return png[:at] + chunks + png[at:]


def with_pdf_record(pdf: bytes, title: str, record: str) -> bytes:
    """The document with its title and record in its information dictionary."""
    if not (title or record):
        return pdf
    from pypdf import PdfWriter

    writer, out = PdfWriter(io.BytesIO(pdf)), io.BytesIO()
    writer.add_metadata({"/Title": title, "/Subject": record})
    writer.write(out)
    return out.getvalue()


def bounded_gif(pngs: list, durations: list, paper: str, record: str, most: int, fewest: int) -> bytes:
    """An animation of at most ``most`` bytes: where it would be larger, of every other frame, and then smaller.

    ``durations`` in ms; those of frames left out go to the one before. At least ``fewest`` frames stay,
    and the first and the last. What is below 320 px wide is kept, however large.
    """
    shrink = 1.0
    while True:
        data, width = gif(pngs, durations, paper, record, shrink)
        if len(data) <= most or width * 0.8 < 320:
            return data
        if (len(pngs) + 1) // 2 >= fewest:
            kept = sorted({*range(0, len(pngs), 2), len(pngs) - 1})
            held = durations[-1]
            ends = [*kept[1:], len(pngs)]
            durations = [sum(durations[a:b]) for a, b in zip(kept, ends, strict=True)]
            durations[-1] = held
            pngs = [pngs[i] for i in kept]
        else:
            shrink *= 0.8


def gif(pngs: list, durations: list, paper: str, record: str, shrink: float) -> tuple:
    """The frames on paper, in one palette for all, looped for ever; and how wide they are.

    Flat colours stay what they are without dithering, whose grain would flicker from frame to frame, and of which
    more bytes would change.
    """
    from PIL import Image

    def picture(png: bytes) -> Image.Image:
        drawn = Image.open(io.BytesIO(png)).convert("RGBA")
        ground = Image.new("RGBA", drawn.size, paper)
        ground.alpha_composite(drawn)
        size = round(drawn.width * shrink), round(drawn.height * shrink)
        flat = ground.convert("RGB")
        return flat if shrink == 1 else flat.resize(size, Image.Resampling.LANCZOS)

    palette = palette_of([picture(pngs[i]) for i in sorted({0, len(pngs) // 2, len(pngs) - 1})])
    first, *others = (picture(png).quantize(palette=palette, dither=Image.Dither.NONE) for png in pngs)
    out = io.BytesIO()
    first.save(
        out, "GIF", save_all=True, append_images=others, duration=durations, loop=0, optimize=False,
        comment=record.encode(),
    )  # fmt: skip
    return out.getvalue(), first.width


def palette_of(pictures: list):
    """255 colours for all pictures: one index of 256 stays free, for what does not change from frame to frame.

    The commonest are kept as they are, paper above all: a mean of it and what is like it would be seen on a slide.
    """
    from PIL import Image

    joined = Image.new("RGB", (pictures[0].width, sum(picture.height for picture in pictures)))
    top = 0
    for picture in pictures:
        joined.paste(picture, (0, top))
        top += picture.height
    counts: Any = joined.getcolors(joined.width * joined.height)
    common: list = []
    for _, colour in sorted(counts, reverse=True):
        if len(common) < COMMON and apart(colour, common):
            common.append(colour)
    means: Any = joined.quantize(255 - len(common), method=Image.Quantize.MEDIANCUT, kmeans=1).getpalette()
    others = [colour for colour in zip(*[iter(means)] * 3, strict=True) if apart(colour, common)]
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in [*common, *others] for part in colour])
    return palette


def apart(colour: tuple, others: list) -> bool:
    """Whether Pillow takes none of the others for this colour: it looks for what is nearest to a multiple of four."""

    def far(one: tuple, sought: tuple) -> int:
        return sum((a - b // 4 * 4) ** 2 for a, b in zip(one, sought, strict=True))

    return all(far(colour, other) > far(other, other) for other in others)


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
