r"""Mathematics in texts: LaTeX between dollar signs, and the same in plain characters.

A text that a reader sees holds its mathematics once, as LaTeX: ``"Norm of $\partial L/\partial h_t$"``. Figures
typeset it (``dlviz.drawing.grammar.mathematics``), Streamlit does in labels and sentences. What can do neither, a text
alternative, a caption, a choice in a list, takes :func:`plain`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_DOLLAR = re.compile(r"(?<!\\)\$")
_TOKEN = re.compile(r"\\[A-Za-z]+\s*|\\.|\s+|.")
_RAISED = {
    unicodedata.normalize("NFKC", c): c for c in "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂ"
} | {"′": "′", " ": ""}
_LOWERED = {unicodedata.normalize("NFKC", c): c for c in "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ"} | {" ": ""}
_SIGNS = {
    "partial": "∂", "ell": "ℓ", "infty": "∞", "cdot": "·", "times": "×", "le": "≤", "ge": "≥", "approx": "≈",
    "sim": "~", "to": " → ", "pm": "±", "nabla": "∇", "lVert": "‖", "rVert": "‖", "lvert": "|", "rvert": "|",
    "prod": "Π", "sum": "Σ", "top": "T", "prime": "′", "max": "max ", "min": "min ", "log": "log ", "exp": "exp ",
    "varphi": "φ", "varepsilon": "ε", "lambda": "λ", "Lambda": "Λ", "left": "", "right": "",
    "bigl": "", "bigr": "", "": " ", ",": " ", ";": " ", "!": "", "quad": "  ", "|": "‖", "{": "{", "}": "}",
}  # fmt: skip
_WRAPS = {"mathrm", "mathbb", "mathcal", "mathbf", "text", "operatorname"}
_ACCENTS = {"hat": "\N{COMBINING CIRCUMFLEX ACCENT}", "bar": "\N{COMBINING MACRON}"}


def parts(text: str) -> list[str]:
    r"""A text cut at its dollar signs: every second part, the first not, is LaTeX; ``\$`` is a dollar sign of the text.

    Raises ``ValueError`` for a sign without its second.
    """
    found = [part if i % 2 else part.replace(r"\$", "$") for i, part in enumerate(_DOLLAR.split(text))]
    if len(found) % 2 == 0:
        raise ValueError(f"a dollar sign without its second in {text!r}")
    return found


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    r"""A text with its mathematics in plain characters: ``"Norm of ∂L/∂hₜ"``; without underscore and caret.

    An index for which there are no small letters stands as it is: ``σw``. Raises ``ValueError`` for LaTeX that has no
    such form, a raised Greek letter for instance, and for commands that are not known.
    """
    if "$" not in text:
        return text
    return "".join(_Reader(part).all() if i % 2 else part for i, part in enumerate(parts(text)))


class _Reader:
    def __init__(self, tex: str) -> None:
        self.tex, self.tokens = tex, [token.strip() or " " for token in _TOKEN.findall(tex)]

    def all(self) -> str:
        # Room around what stands between two terms, as LaTeX leaves it; a sign before one has none.
        text = re.sub(r" *([=<>≤≥≈~+·]) *", r" \1 ", self.until(""))
        text = re.sub(r"(?<=[^\s(\[=<>+·,/|]) *− *", " − ", text)
        return re.sub(r"(?<=exp|log) (?=\()|(?<=\() | (?=\))", "", re.sub(r" +", " ", text)).strip()

    def until(self, end: str) -> str:
        found = ""
        while self.tokens and self.tokens[0] != end:
            found += self.one()
        if end:
            self.next()
        return found

    def next(self) -> str:
        if not self.tokens:
            raise ValueError(f"the formula {self.tex!r} ends too early")
        return self.tokens.pop(0)

    def one(self) -> str:
        """What the next token, with its argument, stands for."""
        token = self.next()
        match token:
            case "{":
                return self.until("}")
            case "^":
                return self.raised(self.argument())
            case "_":
                lowered = self.argument()
                return "".join(_LOWERED[c] for c in lowered) if set(lowered) <= set(_LOWERED) else lowered
            case "-":
                return "−"
            case "'":
                return "′"
            case r"\frac" | r"\tfrac":
                above, below = self.argument(), self.argument()
                return "½" if (above, below) == ("1", "2") else f"{_grouped(above)}/{_grouped(below)}"
            case r"\sqrt":
                return "√" + _grouped(self.argument())
        name = token[1:]
        if not token.startswith("\\"):
            return token
        if name in _WRAPS:
            return self.argument()
        if name in _ACCENTS:
            return unicodedata.normalize("NFC", self.argument() + _ACCENTS[name])
        if name in _SIGNS:
            return _SIGNS[name]
        case_ = "CAPITAL" if name[:1].isupper() else "SMALL"
        try:
            return unicodedata.lookup(f"GREEK {case_} LETTER {name}")
        except KeyError:
            raise ValueError(f"{token} in {self.tex!r} has no plain form") from None

    def argument(self) -> str:
        while self.tokens[:1] == [" "]:
            self.next()
        return self.one().strip()

    def raised(self, text: str) -> str:
        if set(text) <= set(_RAISED):
            return "".join(_RAISED[c] for c in text)
        raise ValueError(f"{text!r} in {self.tex!r} has no raised letters: write the formula in another way")


def _grouped(text: str) -> str:
    return text if text.lstrip("√").isalnum() else f"({text})"
