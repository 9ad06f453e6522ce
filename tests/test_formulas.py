"""Mathematics in texts: LaTeX between dollar signs, and its plain form."""

import pytest

from dlviz.formulas import parts, plain

FORMS = {
    "no mathematics: a_b^c": "no mathematics: a_b^c",
    r"Norm of $\partial L/\partial h_t$": "Norm of ∂L/∂hₜ",
    r"$\sigma_w^2\, \mathbb{E}[\varphi^2] + \sigma_b^2$": "σw² E[φ²] + σb²",
    r"$\rho^{T-t},\ \rho = 1.5$": "ρᵀ⁻ᵗ, ρ = 1.5",
    r"$\tfrac12\lambda c^2 (1 - \eta\lambda)^{2t}$": "½λc² (1 − ηλ)²ᵗ",
    r"$2/\lambda_{\max}$": "2/λₘₐₓ",
    r"$\sqrt{(3 + \kappa)/4N}$": "√((3 + κ)/4N)",
    r"$\frac{1}{\sqrt n}$": "1/√n",
    r"$\hat{x}$ 与 $f'$": "x̂ 与 f′",
    r"$|f'| < \varepsilon$": "|f′| < ε",
    r"$2 \exp({-}s\Delta) \cdot \max f'$": "2 exp(−sΔ) · max f′",
    r"$z \sim N({-}0.5, 2^2)$": "z ~ N(−0.5, 2²)",
    r"$|1-\eta\lambda|=\sigma+1$": "|1 − ηλ| = σ + 1",
    r"$\pm\varepsilon = \pm0.05$": "±ε = ±0.05",
}


@pytest.mark.parametrize(("text", "expected"), FORMS.items())
def test_the_plain_form_has_neither_underscore_nor_caret(text, expected):
    assert plain(text) == expected


@pytest.mark.parametrize("text", [r"$\unheardof$", r"$x^\lambda$", "$x^{2", r"$\sqrt", "costs $5"])
def test_what_has_no_plain_form_is_refused(text):
    with pytest.raises(ValueError):
        plain(text)


def test_every_second_part_is_mathematics():
    assert parts(r"a $x$ b $y$") == ["a ", "x", " b ", "y", ""]
    assert parts("$x$") == ["", "x", ""]
    assert parts(r"for \$5 or \$6, $x$") == ["for $5 or $6, ", "x", ""]
