"""Whether the runbooks are complete, and whether what they tell an operator to do exists."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from photo_monitoring.alerts import ALERTS
from photo_monitoring.configuration.settings import LANGUAGES, Language
from photo_monitoring.known_metrics import known_samples
from photo_monitoring.lints import lint_expression, recordings_by_name
from photo_monitoring.proofs import promtool
from photo_monitoring.runbooks import page_name
from photo_monitoring.runbooks.commands import command_problems

INDEX: Final = "README.md"
SECTIONS: Final[dict[Language, tuple[str, ...]]] = {
    "en": ("What it means", "What users notice", "Confirm", "Mitigate", "Over when", "Related"),
    "ko": ("무슨 뜻인가", "사용자에게 보이는 것", "확인", "조치", "종료 확인", "관련"),
}
SHARED_WORDS: Final[dict[Language, int]] = {"en": 16, "ko": 12}
"""So many words in a row that two pages have in common were copied from one to the other."""

_FENCES: Final = frozenset({"promql", "bash", "toml"})
_SETTING: Final = re.compile(r"PHOTO_API_[A-Z0-9_]*[A-Z0-9]")
_NAME: Final = re.compile(r"(?<![\w/.])(?:photo_api_\w+|http_request\w+|node_[a-z]+_\w+|[a-z_]+:\w+:\w+)(?![\w/.])")
_NUMBER: Final = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?")
# As a page may write a number: itself, per cent, MB, GB, Mbps of bytes a second.
_SCALES: Final = (1, 100, 1e-6, 1e-9, 8e-6)
# A selector of every series there is: no name and no label that could be wrong.
_NAMELESS: Final = re.compile(r"(?:^|[(\s])\{")
_WORD: Final = re.compile(r"\w+")
# What Prometheus makes of every alert by itself.
_OF_PROMETHEUS: Final = frozenset({"ALERTS", "ALERTS_FOR_STATE"})


@cache
def _parsed(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(text)


@dataclass(frozen=True, slots=True)
class Page:
    """One runbook: the alert that its file is named after, its language, and its Markdown."""

    alert: str
    lang: Language
    text: str

    @property
    def name(self) -> str:
        """The file's name."""
        return page_name(self.alert, self.lang)

    def tokens(self) -> list[Token]:
        """The Markdown as CommonMark's tokens."""
        return _parsed(self.text)


def read_pages(folder: Path) -> list[Page]:
    """Read every page of a folder, the index left out, in the order of their names."""
    pages = []
    for path in sorted(folder.glob("*.md")):
        if path.name == INDEX:
            continue
        alert, _, suffix = path.name.removesuffix(".md").partition(".")
        pages.append(Page(alert, "ko" if suffix == "ko" else "en", path.read_text(encoding="utf-8")))
    return pages


def blocks(page: Page, language: str) -> list[str]:
    """Return the fenced blocks of a page in one language (`promql`, `bash`)."""
    return [token.content for token in page.tokens() if token.type == "fence" and token.info.strip() == language]


def queries(page: Page) -> list[str]:
    """Return the queries of a page: those of one block are separated by an empty line."""
    parts = [part.strip() for block in blocks(page, "promql") for part in re.split(r"\n[ \t]*\n", block)]
    return [part for part in parts if part and not all(line.lstrip().startswith("#") for line in part.splitlines())]


def _headings(page: Page) -> Iterator[tuple[str, str, list[Token]]]:
    """Yield each heading's tag and text with the tokens up to the next one."""
    tokens = page.tokens()
    starts = [index for index, token in enumerate(tokens) if token.type == "heading_open" and token.tag in {"h1", "h2"}]
    for start, end in zip(starts, [*starts[1:], len(tokens)], strict=True):
        yield tokens[start].tag, tokens[start + 1].content, tokens[start + 3 : end]


def _languages(tokens: Iterable[Token]) -> set[str]:
    return {token.info.strip() for token in tokens if token.type == "fence"}


def _named_series(tokens: Iterable[Token]) -> Iterator[str]:
    """Yield the metrics and recordings that sentences name."""
    for token in tokens:
        for child in token.children or ():
            if child.type == "code_inline":
                yield from _NAME.findall(child.content)


def _outline(page: Page) -> Iterator[str]:
    found = list(_headings(page))
    titles = [text for tag, text, _ in found if tag == "h1"]
    if len(titles) != 1 or not re.match(rf"{re.escape(page.alert)}\b", titles[0]):
        yield f"begins with the one title # {page.alert}"
    sections = tuple(text for tag, text, _ in found if tag == "h2")
    if sections != SECTIONS[page.lang]:
        yield f"has the sections {', '.join(sections) or '(none)'} instead of {', '.join(SECTIONS[page.lang])}"
    for tag, text, content in found:
        if tag == "h2" and not any(token.content.strip() for token in content):
            yield f"says nothing under {text}"
    by_section = {text: content for tag, text, content in found if tag == "h2"}
    confirm, over = by_section.get(SECTIONS[page.lang][2], []), by_section.get(SECTIONS[page.lang][4], [])
    for language in ("promql", "bash"):
        if language not in _languages(confirm):
            yield f"has no ```{language} block under {SECTIONS[page.lang][2]}"
    if "promql" not in _languages(over) and not any(True for _ in _named_series(over)):
        yield f"asks Prometheus nothing under {SECTIONS[page.lang][4]}"
    for token in page.tokens():
        if token.type == "fence" and token.info.strip() not in _FENCES:
            yield f"has a block in {token.info.strip() or 'no language'}: use one of {', '.join(sorted(_FENCES))}"


def _subjects(page: Page) -> Iterator[str]:
    for alert in ALERTS:
        if alert.name == page.alert and f"`{alert.subject}`" not in page.text:
            yield f"does not name the subject `{alert.subject}`"


def _numbers(page: Page) -> Iterator[str]:
    """Yield the numbers of the declarations that the first section does not tell; 0 and 1 may be words."""
    meaning = [token for tag, text, tokens in _headings(page) if text == SECTIONS[page.lang][0] for token in tokens]
    told = {float(number.replace(",", "")) for token in meaning for number in _NUMBER.findall(token.content)}
    for alert in ALERTS:
        # A condition of its own has its numbers inside, as a burn rate that pages tell in per cent.
        for tier in [one for one in alert.tiers if alert.name == page.alert and one.condition is None]:
            hold = _NUMBER.findall(tier.hold)[0]
            for number in (tier.threshold, tier.minimum or 0, float(hold)):
                written = {float(f"{number * scale:.6g}") for scale in _SCALES}
                if number not in {0, 1} and not written & told:
                    yield f"does not tell the {number:g} of {alert.subject}, {tier.severity}"


def _links(page: Page, folder: Path) -> Iterator[str]:
    other = ".ko.md" if page.lang == "en" else ".md"
    for token in page.tokens():
        for child in token.children or ():
            target = str(child.attrGet("href") or "")
            if child.type != "link_open" or target.startswith(("https://", "http://", "#")):
                continue
            path = target.partition("#")[0]
            if not (folder / path).is_file():
                yield f"links to {target}, which is not there"
            elif "/" not in path and path.endswith(other) and (other == ".ko.md" or not path.endswith(".ko.md")):
                yield f"links to {target}, which is in the other language"


def page_problems(page: Page, folder: Path, settings: frozenset[str], recorded: Iterable[str]) -> Iterator[str]:
    """Yield what is wrong with one page, given the names of the service's settings (none: unknown) and recordings."""
    yield from _outline(page)
    yield from _subjects(page)
    yield from _numbers(page)
    yield from _links(page, folder)
    known = known_samples()
    names = {*recorded, *known, *(sample.metric for sample in known.values())}
    for name in sorted(set(_named_series(page.tokens())) - names):
        yield f"names {name}, which is neither a metric nor recorded"
    for query in queries(page):
        if _NAMELESS.search(query):
            continue
        try:
            yield from lint_expression(query, recorded)
        except ValueError as error:
            yield str(error)
    for script in blocks(page, "bash"):
        yield from command_problems(script)
    for name in sorted(set(_SETTING.findall(page.text)) - settings) if settings else ():
        yield f"names the setting {name}, which does not exist"


def missing(pages: Iterable[Page]) -> Iterator[str]:
    """Yield the pages that alerts lack, and those that no alert has."""
    names = {alert.name for alert in ALERTS}
    there = {(page.alert, page.lang) for page in pages}
    for alert in sorted(names):
        yield from (f"{page_name(alert, lang)} is missing" for lang in LANGUAGES if (alert, lang) not in there)
    for alert, lang in sorted(there):
        if alert not in names:
            yield f"{page_name(alert, lang)} is the runbook of no alert"


def unequal(pages: Iterable[Page]) -> Iterator[str]:
    """Yield pages whose two languages do not ask the same of Prometheus."""
    by_alert: dict[str, list[Page]] = {}
    for page in pages:
        by_alert.setdefault(page.alert, []).append(page)
    for alert, both in by_alert.items():
        asked = [sorted(" ".join(re.sub(r"#[^\n]*", "", query).split()) for query in queries(page)) for page in both]
        if any(one != asked[0] for one in asked):
            yield f"{alert}: the Korean and the English page have different queries"


def _prose(page: Page) -> list[str]:
    """Return the words of a page, one text a paragraph or list item; code is left out."""
    return [token.content for token in page.tokens() if token.type == "inline"]


def copied(pages: Iterable[Page]) -> Iterator[str]:
    """Yield pages of different alerts that share a long run of words."""
    seen: dict[tuple[Language, tuple[str, ...]], str] = {}
    told: set[tuple[str, str]] = set()
    for page in pages:
        length = SHARED_WORDS[page.lang]
        for paragraph in _prose(page):
            words = _WORD.findall(paragraph)
            for start in range(len(words) - length + 1):
                run = tuple(words[start : start + length])
                first = seen.setdefault((page.lang, run), page.alert)
                if first != page.alert and (first, page.name) not in told:
                    told.add((first, page.name))
                    yield f"{page.name} repeats {page_name(first, page.lang)}: “{' '.join(run)}”"


def _rules(pages: Iterable[Page]) -> dict[str, str]:
    """Return a rule file a page, so that promtool reads its queries; its complaints name file and number."""
    files = {}
    for page in pages:
        rules = [{"record": f"runbook:query:n{number}", "expr": one} for number, one in enumerate(queries(page), 1)]
        if rules:
            files[f"{page.name}.yml"] = yaml.safe_dump({"groups": [{"name": page.name, "rules": rules}]})
    return files


def recorded_names() -> frozenset[str]:
    """Return the names of all that rules record, and of what Prometheus makes of alerts."""
    return frozenset(recordings_by_name(ALERTS)) | _OF_PROMETHEUS


def known_settings(reference: Path) -> frozenset[str]:
    """Return the names of the service's settings, from the page that is rendered from them; none where it is not."""
    page = reference / "settings.md"
    return frozenset(_SETTING.findall(page.read_text(encoding="utf-8"))) if page.is_file() else frozenset()


def check_runbooks(folder: Path, reference: Path) -> list[str]:
    """Return every problem of the pages in `folder`, but for what promtool says; `reference` has the settings' page."""
    pages, settings, recorded = read_pages(folder), known_settings(reference), recorded_names()
    problems = list(missing(pages))
    for page in pages:
        problems += [f"{page.name} {problem}" for problem in page_problems(page, folder, settings, recorded)]
    return [*problems, *unequal(pages), *copied(pages)]


def check_queries(folder: Path) -> list[str]:
    """Return what promtool says of the pages' queries; `PromtoolMissingError`, `PromtoolTimeoutError`."""
    files: Mapping[str, str] = _rules(read_pages(folder))
    complaint = promtool.check_rules(files) if files else None
    return [] if complaint is None else [line for line in complaint.splitlines() if line.strip()]
