"""The pictures of the page "Normalization": a module a panel."""
