"""The page of a full server: in both languages, and it tries again by itself."""

from __future__ import annotations

from html import escape

RETRY = 10
"""Seconds after which a refused browser tries again by itself."""
FULL = ("dlviz is full.", "As many pages are open as it can serve.", "It opens by itself when there is room.")
FULL_ZH = ("dlviz 已满。", "打开的页面数已达到服务器上限。", "一有空位，页面会自动打开。")


def full_text() -> str:
    """What is the matter, in short lines, for where only text is shown."""
    return "\n".join((*FULL, "", *FULL_ZH))


def full_page() -> str:
    """The page as HTML, complete in itself."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="{RETRY}">
<title>dlviz</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1.15rem/1.6 Arial, 'Liberation Sans', Helvetica, 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei',
  sans-serif; max-width: 34rem; margin: 20vh auto 0; padding: 0 1.5rem; }}
</style>
</head>
<body>
<h1>dlviz</h1>
<p>{escape(" ".join(FULL))}</p>
<p lang="zh">{escape("".join(FULL_ZH))}</p>
</body>
</html>
"""
