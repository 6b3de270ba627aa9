"""The page ``docs/claims.md``: what each claim says, how it is read and decided, and what it cannot say, from its file.

``.venv/bin/python -m tests.claims_page`` writes the page; a test compares it with what the files say. The rules are in
the words that terminal and page use for a verdict's contrasts.
"""

import re
import sys
import textwrap
from pathlib import Path
from typing import Final

from harness.catalog.load import load
from harness.catalog.model import Catalog
from harness.claims import words
from harness.claims.load import load_claims
from harness.claims.model import Claim, Contrast
from harness.report.model import GROUPS

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs/claims.md"

_WIDTH: Final = 120
_JOIN: Final = "\0"
_HEAD: Final = """\
# The claims

Written by `.venv/bin/python -m tests.claims_page` from `benchmarks/claims/`, never by hand. How contrasts are decided,
and how verdicts come of decisions: [methodology.md](methodology.md#from-decisions-to-verdicts). Margins, factors and
directions were fixed before any data; the digest is printed with every verdict and changes with them.
"""
_READ_AS: Final = {
    "exists": "there is such a case: one that holds is enough",
    "generally": "it holds overall",
    "always": "it holds in every case tried: one counterexample refutes",
}


def page(root: Path) -> str:
    """The whole page, for the claims under ``root``; DataError where one is wrong."""
    catalog = load(root)
    claims = load_claims(root, catalog)
    parts = [_HEAD]
    for group, title in GROUPS:
        mine = [claim for claim in claims.values() if claim.group == group]
        if mine:
            parts += [f"## {title}\n", *(_claim(claim, catalog) for claim in mine)]
    return "\n".join(parts)


def _claim(claim: Claim, catalog: Catalog) -> str:
    lines = [f"### {claim.id}\n", _wrapped(claim.statement), ""]
    if claim.not_measurable is not None:
        lines.append(_item(f"**No run can answer it.** {claim.not_measurable}"))
    else:
        by = " Decided by construction: by constants of a compiler or runtime." if claim.by_construction else ""
        lines.append(_item(f"**Read as**: {_READ_AS[claim.quantifier]}.{by}"))
    for name, levels in claim.factors.items():
        told = ", ".join(f"{level} (`{selector}`)" for level, selector in levels.items())
        lines.append(_item(f"**Factor** `{name}`: {told}."))
    for decides, heading in ((True, "Decided by"), (False, "Shown beside it")):
        contrasts = [one for one in claim.contrasts if one.decides is decides]
        if contrasts:
            lines += [f"- **{heading}**:", *(_item(_contrast(one, catalog), indent="  ") for one in contrasts)]
    lines.append(_item(f"**Cannot say**: {claim.cannot_say}"))
    suites = [f"`{suite.id}`" for suite in catalog.suites.values() if claim.id in suite.claims]
    lines.append(
        _item(f"Section “{claim.section}” · suites {', '.join(suites) or 'none'} · digest `{claim.digest[:12]}`")
    )
    return "\n".join(lines) + "\n"


def _contrast(contrast: Contrast, catalog: Catalog) -> str:
    metric = catalog.metrics[contrast.metric]
    over = f", over `{contrast.over}`" if contrast.over else ""
    against = f" against `{contrast.baseline}`" if contrast.baseline else ""
    along = f", at {', '.join(map(str, contrast.along))} {contrast.along_unit}" if contrast.along else ""
    about = f" ({contrast.about})" if contrast.about else ""
    rule = words.rule(contrast, metric.title, metric.unit)
    return f"*{contrast.id}*{about}: `{contrast.subject}`{against}{over}{along}. {rule[0].upper()}{rule[1:]}."


def _item(text: str, *, indent: str = "") -> str:
    return _wrapped(text, first=f"{indent}- ", rest=f"{indent}  ")


def _wrapped(text: str, *, first: str = "", rest: str = "") -> str:
    """Lines of the page's width; what stands in backticks stays on one."""
    joined = re.sub(r"`[^`]+`", lambda span: span[0].replace(" ", _JOIN), text)
    filled = textwrap.fill(
        joined, _WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
    return filled.replace(_JOIN, " ")


def main() -> int:
    """Write the page; the exit code."""
    PAGE.write_text(page(ROOT), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
