"""``python -m dlviz``: every figure without a browser.

Names and values that are wrong end with one line that says what is allowed, exit code 2, and nothing
written. The settings file of the app's export panel is accepted back, so that a figure can be rebuilt.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dlviz import catalog, provenance
from dlviz.contract import Rejected, Settings
from dlviz.engine.runtime.device import one_thread
from dlviz.language import LANGUAGES, words

if TYPE_CHECKING:
    from dlviz.drawing.grammar.theme import Theme
    from dlviz.slides import Export

SUFFIXES = ("svg", "png", "pdf", "pptx", "gif", "csv", "json")


class Wrong(click.ClickException):
    """What the user gave cannot be used; the message is one line."""

    exit_code = 2


@click.group(help=__doc__.split("\n")[0])
def main() -> None:
    pass


@main.command("list", help="List every concept with its presets and figures.")
@click.option("--lang", type=click.Choice(list(LANGUAGES)), default="en", help="Language of the labels.")
def list_(lang: str) -> None:
    for stem, concept in catalog.concepts().items():
        prose = words(stem, lang)
        click.echo(f"{stem}: {prose.name}")
        click.echo(f"  figures: {', '.join(concept.figures.FIGURES)}")
        click.echo("  presets:")
        for preset in concept.experiment.PRESETS:
            click.echo(f"    {preset.name}: {prose.presets[preset.name].label}")


@main.command(help="Draw one figure of a concept into a file; the suffix gives the format.")
@click.argument("stem")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="svg, png, pdf, pptx, gif, csv or json."
)
@click.option("--figure", "names", multiple=True, help="Which figure, or two on a slide; `list` names them.")
@click.option("--preset", help="Start from a preset's settings.")
@click.option("--settings", "file", type=click.Path(path_type=Path, dir_okay=False), help="Settings JSON to rebuild.")
@click.option("--set", "given", multiple=True, metavar="NAME=VALUE", help="Change one setting; may be repeated.")
@click.option("--lang", type=click.Choice(list(LANGUAGES)), default="en")
@click.option("--theme", type=click.Choice(["light", "dark"]), default="light")
@click.option("--slide", is_flag=True, help="16:9 with a title and large type.")
@click.option("--title", help="The slide's title, instead of its own; '' for none.")
@click.option("--transparent", is_flag=True)
@click.option("--caption/--no-caption", default=True, help="A line that says what was run.")
@click.option("--scale", type=click.FloatRange(1, 4), default=2, help="Pixels per point of a png.")
def figure(
    stem: str, output: Path, names: tuple[str, ...], preset: str | None, file: Path | None, given: tuple[str, ...],
    lang: str, theme: Theme, slide: bool, title: str | None, transparent: bool, caption: bool, scale: float,
) -> None:  # fmt: skip
    concept = _one_of(catalog.concepts(), stem, "concept")
    suffix = output.suffix.lstrip(".").lower()
    _one_of(dict.fromkeys(SUFFIXES), suffix, "format")
    if not output.parent.is_dir():
        raise Wrong(f"the folder {str(output.parent)!r} does not exist; nothing was written")
    settings, pin = _settings(stem, concept, preset, file, given)
    for name in names:
        _one_of(concept.figures.FIGURES, name, "figure")
    slide = slide or suffix == "pptx"
    if len(names) > (2 if slide else 1):
        raise Wrong("a file has one figure, a slide (--slide) one or two; nothing was written")
    if suffix == "json":
        _write(output, provenance.settings_json(stem, settings, pin))
    else:
        from dlviz import slides
        from dlviz.drawing.grammar.theme import Look

        look = Look(language=lang, theme=theme, slide=slide, transparent=transparent)
        export = slides.Export(stem, settings, pin, names or ("hero",), suffix, look, title, caption, scale=scale)
        _write(output, _draw(export))
    click.echo(str(output))


@main.command(
    "export",
    help="Export the figures of every preset (--all), or of the concepts named, into a folder; as pptx a deck each.",
)
@click.argument("stems", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every concept.")
@click.option("-o", "--output", type=click.Path(path_type=Path, file_okay=False), help="The folder.")
@click.option("--format", "suffix", type=click.Choice(SUFFIXES[:4]), default="svg")
@click.option("--lang", type=click.Choice(list(LANGUAGES)), default="en")
@click.option("--theme", type=click.Choice(["light", "dark"]), default="light")
@click.option("--slide", is_flag=True, help="16:9 with a title and large type.")
def export_(
    stems: tuple[str, ...], everything: bool, output: Path | None, suffix: str, lang: str, theme: Theme, slide: bool
) -> None:
    from dlviz import slides
    from dlviz.drawing.grammar.theme import Look

    if everything and output is None and len(stems) == 1:  # export --all OUT/
        output, stems = Path(stems[0]), ()
    if output is None or bool(stems) == everything:
        raise Wrong("give either --all OUT/ or the names of concepts with -o OUT/")
    chosen = catalog.concepts() if everything else {s: _one_of(catalog.concepts(), s, "concept") for s in stems}
    look = Look(language=lang, theme=theme, slide=slide or suffix == "pptx")
    if suffix == "pptx":
        with click.progressbar(chosen, label="Exporting", item_show_func=str) as stems_:
            for stem in stems_:
                run = chosen[stem].experiment.run
                _write(output / f"{stem}.pptx", _made(partial(slides.deck, stem, look, run, lambda _preset: "")))
        click.echo(f"{len(chosen)} files in {output}")
        return
    work = [
        (preset.name, slides.Export(stem, preset.settings, preset.pin, (name,), suffix, look))
        for stem, concept in chosen.items()
        for preset in concept.experiment.PRESETS
        for name in concept.figures.shown(preset.settings)
    ]
    with click.progressbar(
        work, label="Exporting", item_show_func=lambda item: item and f"{item[0]} {item[1].figures[0]}"
    ) as bar:
        for preset, one in bar:
            target = output / one.stem / f"{preset}-{one.figures[0]}.{suffix}"
            _write(target, _draw(one))
    click.echo(f"{len(work)} files in {output}")


def _write(target: Path, data: bytes) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    except OSError as error:
        raise Wrong(f"{str(target)!r} cannot be written: {error.strerror}") from error


def _one_of(allowed: dict[str, Any], name: str, kind: str) -> Any:
    if name not in allowed:
        raise Wrong(f"unknown {kind} {name!r}; allowed: {', '.join(allowed)}")
    return allowed[name]


def _settings(
    stem: str, concept: catalog.Concept, preset: str | None, file: Path | None, given: tuple[str, ...]
) -> tuple[Settings, Settings | None]:
    """The settings to draw: a file or a preset, with single values changed; and the preset's pin."""
    experiment = concept.experiment
    values: dict[str, Any] = {}
    pin = None
    if preset is not None:
        chosen = _one_of({p.name: p for p in experiment.PRESETS}, preset, "preset")
        values, pin = chosen.settings.differing(), chosen.pin
    if file is not None:
        try:
            of, stored, pinned = provenance.read_settings(file.read_bytes())
        except (OSError, ValueError) as error:
            raise Wrong(f"cannot use the settings file {file}: {error}") from error
        if of != stem:
            raise Wrong(f"the settings file {file} belongs to {of!r}, not to {stem!r}")
        values |= stored
        if pinned is not None:
            pin, wrong = experiment.Settings.lenient(pinned)
            _refuse(wrong)
    for pair in given:
        name, sign, value = pair.partition("=")
        if not sign:
            raise Wrong(f"--set needs NAME=VALUE, not {pair!r}")
        values[name] = value
    settings, rejected = experiment.Settings.lenient(values)
    _refuse(rejected)
    effective = provenance.effective(settings)
    for name in (pair.partition("=")[0] for pair in given):
        if name in settings.differing() and name not in effective.differing():
            click.echo(f"Note: {name} has no effect with these settings", err=True)
    return effective, pin


def _refuse(rejected: list[Rejected]) -> None:
    if rejected:
        complaints = (f"{item.name}={item.given!r} is not allowed; allowed: {item.allowed}" for item in rejected)
        raise Wrong("; ".join(complaints))


def _draw(export: Export) -> bytes:
    """The bytes of a file. The runs are computed here."""
    from dlviz import slides

    run = catalog.concepts()[export.stem].experiment.run
    return _made(lambda: slides.write(export, run(export.settings), export.pin and run(export.pin)))


def _made(make: Callable[[], bytes]) -> bytes:
    """What ``make`` gives, its errors in one line."""
    from dlviz.drawing.export.files import ExportError

    try:
        return make()
    except MemoryError as error:
        raise Wrong("there is not enough memory for these settings; nothing was written") from error
    except (ValueError, ExportError) as error:
        raise Wrong(f"{error}; nothing was written") from error


def _plain(text: str) -> str:
    """One line that a terminal shows as it is: names and values may hold line feeds and a terminal's own codes."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def run(arguments: list[str] | None = None) -> int:
    """Carry out a command line (this process's own by default); gives the exit code."""
    try:
        return main(arguments, standalone_mode=False, prog_name="python -m dlviz") or 0
    except click.ClickException as error:
        click.echo(f"Error: {_plain(error.format_message())}", err=True)
        return 2
    except (click.Abort, KeyboardInterrupt):
        return 130


if __name__ == "__main__":
    one_thread()
    sys.exit(run())
