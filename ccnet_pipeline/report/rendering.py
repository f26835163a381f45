"""Pages from templates: escaped, in one file, with a policy that lets nothing but their own style and script work."""

import base64
import hashlib
import re
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from ccnet_pipeline.report import names, numbers, text

_TEMPLATES = resources.files(__package__) / "templates"


def rendered(template: str, **values: Any) -> bytes:
    """Return a page of a template; all values are escaped."""
    style, script = _own("style.css"), _own("script.js")
    page = (
        _environment()
        .get_template(template)
        .render(style=style, script=script, style_hash=_hash(style), script_hash=_hash(script), **values)
    )
    return page.encode()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": numbers.count,
        "short": numbers.short,
        "size": numbers.size,
        "moment": numbers.moment,
        "sentence": _sentence,
        "breakable": _breakable,
        "one_line": text.one_line,
        "name_of": names.name_of,
        "tag_of": names.tag_of,
        "direction_of": names.direction_of,
    }
    environment.globals |= {
        "counted": numbers.counted,
        "share": numbers.share,
        "width": numbers.width,
        "NONE": numbers.NONE,
    }
    return environment


def _shown(value: Any) -> Any:
    """Make what a page shows visible, wherever it comes from; what a template has made of it already stays."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else text.visible(value)


def _sentence(said: str) -> Markup:
    """Let no line break part the dashes of a flag from its name."""
    return Markup(re.sub(r"--\w+", r'<span class="nowrap">\g<0></span>', str(escape(text.visible(said)))))


def _breakable(name: str) -> Markup:
    """Let a long name break behind its dots, underscores and slashes.

    >>> str(_breakable("recipe.dedup_keep"))
    'recipe.<wbr>dedup_<wbr>keep'
    """
    return Markup(re.sub(r"[._/](?=\w)", r"\g<0><wbr>", str(escape(text.visible(name)))))


def _own(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8").strip()


def _hash(content: str) -> str:
    """Return what a Content-Security-Policy calls an element of style or script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"
