"""The one grammar of selectors, used by claims, suites, ``--only`` and accepted changes.

A selector is space-separated ``key=glob[,glob...]``; all of them must match. ``language/configuration`` is short for
``language=... configuration=...``. It either *filters* (:func:`matches`: a key that is not named matches all) or *asks*
(:func:`ask`: workload and configuration are required; a missing variant is the first one, a missing
toolchain the configuration's, a missing mode throughput).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import cast, get_args

from harness.catalog.files import nearest
from harness.catalog.model import MODES, SIZES, Catalog, Cell, Configuration, Lane, Language, Mode, Variant, Workload
from harness.errors import UsageError

KEYS = (
    "workload", "variant", "form", "language", "configuration", "lane", "toolchain", "mode", "cpus", "memory", "size",
)  # fmt: skip
ASKING = ("workload", "variant", "form", "language", "configuration", "lane", "toolchain", "mode")
"""Keys that choose what is measured; sizes, limits and parameters are the suite's, and only filter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """A parsed selector: per key the globs of which one must match; ``text`` is what was written."""

    text: str
    terms: Mapping[str, tuple[str, ...]]

    def joined(self, other: "Selector") -> "Selector":
        """Both at once; a key that both name keeps the globs of ``self``."""
        return Selector(text=f"{self.text} {other.text}".strip(), terms={**other.terms, **self.terms})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One thing a selector asks for, resolved to existing ids."""

    workload: str
    variant: str
    form: str | None
    language: str
    configuration: str
    toolchain: str
    mode: Mode


def parse(text: str, catalog: Catalog) -> Selector:
    """The selector in ``text``; UsageError names the part that is wrong and what was probably meant."""
    known = {*KEYS, *(name for workload in catalog.workloads.values() for name in workload.parameters)}
    terms: dict[str, tuple[str, ...]] = {}
    for part in text.split():
        if "=" in part:
            key, _, globs = part.partition("=")
            pairs = {key: globs}
        elif "/" in part:
            language, _, configuration = part.partition("/")
            pairs = {"language": language, "configuration": configuration}
        else:
            raise UsageError(f"selector {text!r}: {part!r} is neither key=value nor language/configuration")
        for key, globs in pairs.items():
            if key not in known:
                raise UsageError(f"selector {text!r}: there is no key {key!r}; {nearest(key, known)}")
            if key in terms:
                raise UsageError(f"selector {text!r}: {key!r} is given twice; separate alternatives by commas")
            if not all(globs.split(",")):
                raise UsageError(f"selector {text!r}: {key!r} has an empty value")
            terms[key] = tuple(globs.split(","))
    return Selector(text=text, terms=terms)


def matches(selector: Selector, facts: Mapping[str, str]) -> bool:
    """Whether every term that the facts know of matches; a term about an unknown fact does not."""
    return all(
        any(fnmatchcase(facts[key], glob) for glob in globs) if key in facts else False
        for key, globs in selector.terms.items()
    )


def facts_of(cell: Cell, catalog: Catalog) -> Mapping[str, str]:
    """What a selector can ask of a cell."""
    language = catalog.languages[cell.language]
    lane = lane_of(catalog.workloads[cell.workload].variant(cell.variant), language.configuration(cell.configuration))
    memory = "none" if cell.limits.memory is None else str(cell.limits.memory)
    return {
        "workload": cell.workload,
        "variant": cell.variant,
        "language": cell.language,
        "configuration": cell.configuration,
        "lane": lane,
        "toolchain": cell.toolchain,
        "mode": cell.mode,
        "cpus": str(cell.limits.cpus),
        "memory": memory,
        "size": cell.size,
        **{name: str(value) for name, value in cell.parameters.items()},
    }


def lane_of(variant: Variant, configuration: Configuration) -> Lane:
    """The lane a cell runs in: the variant's where it sets one, else the configuration's."""
    return variant.lane or configuration.lane


def ask(selector: Selector, catalog: Catalog) -> tuple[Asked, ...]:
    """All that the selector asks for, in the catalogue's order; UsageError when that, or a part of it, is nothing."""
    for key in ("workload", "configuration"):
        if key not in selector.terms:
            raise UsageError(f"selector {selector.text!r} asks without saying which {key}; add {key}=...")
    for key in selector.terms.keys() - set(ASKING):
        raise UsageError(f"selector {selector.text!r} asks for {key!r}, which only filters; ask by {', '.join(ASKING)}")
    refuse_unknown(selector, catalog)
    found = tuple(
        one
        for workload in catalog.workloads.values()
        if _matches(selector, "workload", workload.id)
        for variant, form in _variants(selector, workload)
        for language in catalog.languages.values()
        if _matches(selector, "language", language.id)
        for one in _configurations(selector, workload, variant, form, language)
    )
    if not found:
        raise UsageError(
            f"selector {selector.text!r} matches nothing: each part exists, but not together (a mode that the variant "
            "lacks, a configuration of another language?)"
        )
    return found


def _matches(selector: Selector, key: str, value: str) -> bool:
    globs = selector.terms.get(key)
    return globs is None or any(fnmatchcase(value, glob) for glob in globs)


def _variants(selector: Selector, workload: Workload) -> list[tuple[Variant, str | None]]:
    if "variant" in selector.terms:
        variants = [one for one in workload.variants if _matches(selector, "variant", one.id)]
    else:
        variants = [workload.variants[0]]
    if "form" not in selector.terms:
        return [(one, None) for one in variants]
    forms = [one.id for one in workload.variants if not one.forms and _matches(selector, "form", one.id)]
    return [(one, form) for one in variants if one.forms for form in forms]


def _configurations(
    selector: Selector, workload: Workload, variant: Variant, form: str | None, language: Language
) -> list[Asked]:
    return [
        Asked(
            workload=workload.id,
            variant=variant.id,
            form=form,
            language=language.id,
            configuration=configuration.id,
            toolchain=toolchain.id,
            mode=mode,
        )
        for configuration in language.configurations
        if _matches(selector, "configuration", configuration.id)
        and _matches(selector, "lane", lane_of(variant, configuration))
        for toolchain in language.toolchains
        if (
            _matches(selector, "toolchain", toolchain.id)
            if "toolchain" in selector.terms
            else toolchain.id == configuration.toolchain
        )
        for mode in _modes(selector)
        if mode in variant.modes
    ]


def _modes(selector: Selector) -> tuple[Mode, ...]:
    if "mode" not in selector.terms:
        return ("throughput",)
    return cast("tuple[Mode, ...]", tuple(mode for mode in MODES if _matches(selector, "mode", mode)))


def refuse_unknown(selector: Selector, catalog: Catalog) -> None:
    """UsageError, with the nearest name, for the first alternative that names nothing there is.

    Beside others that match, a misspelt one would silently measure less than was asked for.
    """
    known: Mapping[str, set[str]] = {
        "workload": set(catalog.workloads),
        "language": set(catalog.languages),
        "configuration": {one.id for language in catalog.languages.values() for one in language.configurations},
        "variant": {one.id for workload in catalog.workloads.values() for one in workload.variants},
        "form": {one.id for workload in catalog.workloads.values() for one in workload.variants},
        "lane": {*get_args(Lane)},
        "toolchain": {one.id for language in catalog.languages.values() for one in language.toolchains},
        "mode": {*MODES},
        "size": {*SIZES},
    }
    for key, names in known.items():
        for glob in selector.terms.get(key, ()):
            if not any(fnmatchcase(name, glob) for name in names):
                raise UsageError(f"selector {selector.text!r}: there is no {key} {glob!r}; {nearest(glob, names)}")
