"""One set of message templates for every channel, in Go's template language as Alertmanager 0.25 has it.

0.25 knows neither time zones nor lengths: KST is UTC plus nine hours, texts are cut by regular expressions, by
characters and not bytes. Lists are bounded, so that no message passes a provider's limits (Slack 8,000 characters of an
attachment, PagerDuty 512 kB an event, Opsgenie 15,000 characters of a description).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from photo_monitoring.routing import words
from photo_monitoring.routing.webhooks import TEST_ALERT

if TYPE_CHECKING:
    from photo_monitoring.configuration.settings import Settings
    from photo_monitoring.criteria import Text

TEMPLATES: Final = Path("templates")

LINKS: Final = {"runbook": "photo.runbook", "dashboard": "photo.dashboard", "silence": "photo.silence"}
"""Each link of a message → the template that gives its address."""

SEVERITY: Final = "{{ or .CommonLabels.severity .GroupLabels.severity }}"
SLACK_COLOR: Final = (
    '{{ if eq .Status "resolved" }}good{{ else if eq .CommonLabels.severity "critical" }}danger'
    '{{ else if eq .CommonLabels.severity "warning" }}warning{{ else }}#439fe0{{ end }}'
)
PAGERDUTY_SEVERITY: Final = (
    '{{ if eq .CommonLabels.severity "critical" }}critical{{ else if eq .CommonLabels.severity "warning" }}warning'
    "{{ else }}info{{ end }}"
)
OPSGENIE_PRIORITY: Final = (
    '{{ if eq .CommonLabels.severity "critical" }}P1{{ else if eq .CommonLabels.severity "warning" }}P3'
    "{{ else }}P5{{ end }}"
)

SUMMARY: Final = 150
DESCRIPTION: Final = 300
LONGEST_LINK: Final = 300
LONGEST_MATCHED: Final = 100
NOT_SILENCED: Final = ("replica", "severity", "subject")
"""Labels that a silence leaves open: it is for both severities, and whichever replica tells."""
_FIRST: Final = "{{ $first := index .Alerts 0 }}{{ with .Alerts.Firing }}{{ $first = index . 0 }}{{ end }}"
_HEADER: Final = (
    "{{/* Rendered by `photo-monitoring render` from src/photo_monitoring; changes made here are lost. */}}\n"
)


def use(template: str) -> str:
    """Return the text that puts a template's output there."""
    return f'{{{{ template "{template}" . }}}}'


def word(link: str, lang: str) -> str:
    """Return what a link is called."""
    return words.LINK_WORDS[link].in_language(lang)


def _define(name: str, body: str) -> str:
    return f'{{{{ define "{name}" }}}}{body}{{{{ end }}}}\n'


def _cut(expression: str, most: int) -> str:
    """Return the expression in one line of at most `most` characters and an ellipsis."""
    line = f'(reReplaceAll "[[:space:]]+" " " {expression})'
    return f'(reReplaceAll "^((?s:.{{{most}}}))(?s:.+)$" "${{1}}…" {line})'


def _slack(expression: str) -> str:
    """Return the expression with what Slack takes for markup escaped."""
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        expression = f'(reReplaceAll "{sign}" "{entity}" {expression})'
    return expression


def _summary(alert: str) -> str:
    return _cut(f"(or {alert}.Annotations.summary {alert}.Labels.alertname)", SUMMARY)


def _description(alert: str) -> str:
    return _cut(f"(print {alert}.Annotations.description)", DESCRIPTION)


def _clock(moment: str) -> str:
    return f'{{{{ ({moment}.UTC.Add 32400000000000).Format "2006-01-02 15:04:05" }}}} KST'


class _Set:
    """The templates of one language."""

    def __init__(self, settings: "Settings", lang: str) -> None:
        self.settings, self.lang = settings, lang

    def say(self, text: "Text", **values: str) -> str:
        return text.in_language(self.lang).format(**values)

    def state(self) -> str:
        """Severity, or that it is over; how many, when more than one fires."""
        count = (
            "{{ if gt (len .Alerts.Firing) 1 }} "
            + self.say(words.COUNT, count="{{ len .Alerts.Firing }}")
            + "{{ end }}"
        )
        test = f'{{{{ if eq .CommonLabels.alertname "{TEST_ALERT}" }}}}{self.say(words.TEST)} {{{{ end }}}}'
        return (
            f'{test}{{{{ if eq .Status "resolved" }}}}{self.say(words.RESOLVED)}'
            f'{{{{ else if eq .CommonLabels.severity "critical" }}}}{self.say(words.CRITICAL)}{count}'
            f'{{{{ else if eq .CommonLabels.severity "warning" }}}}{self.say(words.WARNING)}{count}'
            f"{{{{ else }}}}{self.say(words.OTHER)}{count}{{{{ end }}}}"
        )

    def times(self, alert: str, *, over: bool) -> str:
        start = _clock(f"{alert}.StartsAt")
        if over:
            return self.say(words.FROM_TO, start=start, end=_clock(f"{alert}.EndsAt"))
        return self.say(words.SINCE, start=start)

    def heading(self, status: str, most: int) -> str:
        text = words.FIRING_LIST if status == "Firing" else words.RESOLVED_LIST
        count = self.say(text, count=f"{{{{ len .Alerts.{status} }}}}")
        shown = self.say(words.SHOWN, most=str(most))
        return f"{count}{{{{ if gt (len .Alerts.{status}) {most} }}}}{shown}{{{{ end }}}}"

    def listed(self, status: str, most: int, heading: str, item: str) -> str:
        """A heading and each of the first alerts of a status; nothing where there is none."""
        return (
            f"{{{{ if .Alerts.{status} }}}}{heading}{{{{ range $i, $a := .Alerts.{status} }}}}"
            f"{{{{ if lt $i {most} }}}}{item}{{{{ end }}}}{{{{ end }}}}{{{{ end }}}}"
        )

    def plain(self, status: str, most: int, *, links: bool) -> str:
        item = (
            f"\n■ {{{{ {_summary('$a')} }}}}"
            f"{{{{ if $a.Annotations.description }}}}\n  {{{{ {_description('$a')} }}}}{{{{ end }}}}"
            f"\n  {self.times('$a', over=status == 'Resolved')}"
        )
        if links:
            item += "".join(
                f"{{{{ if $a.Annotations.{link}_url }}}}{{{{ if le (len $a.Annotations.{link}_url) {LONGEST_LINK} }}}}"
                f"\n  {word(link, self.lang)}: {{{{ $a.Annotations.{link}_url }}}}{{{{ end }}}}{{{{ end }}}}"
                for link in ("runbook", "dashboard")
            )
        return self.listed(status, most, self.heading(status, most), item)

    def slack(self, status: str, most: int) -> str:
        item = (
            f"\n*{{{{ {_slack(_summary('$a'))} }}}}*"
            f"{{{{ if $a.Annotations.description }}}}\n{{{{ {_slack(_description('$a'))} }}}}{{{{ end }}}}"
            f"\n_{self.times('$a', over=status == 'Resolved')}_"
        )
        return self.listed(status, most, self.heading(status, most), item)

    def html(self, status: str, most: int) -> str:
        links = "".join(
            f'{{{{ if $a.Annotations.{link}_url }}}}<a href="{{{{ $a.Annotations.{link}_url }}}}">'
            f"{word(link, self.lang)}</a>&ensp;{{{{ end }}}}"
            for link in ("runbook", "dashboard")
        )
        color = "#b3261e" if status == "Firing" else "#2e7d32"
        item = (
            f'<div style="margin:0 0 12px;padding:8px 12px;border-left:4px solid {color}">'
            f"<b>{{{{ {_summary('$a')} }}}}</b><br>{{{{ {_description('$a')} }}}}<br>"
            f'<span style="color:#5f6368">{self.times("$a", over=status == "Resolved")}</span><br>{links}</div>'
        )
        return self.listed(status, most, f'<h3 style="margin:16px 0 8px">{self.heading(status, most)}</h3>', item)

    def link(self, name: str, elsewhere: str) -> str:
        """The first alert's link; `elsewhere` where it has none, or one that no provider would take."""
        url = f"$first.Annotations.{name}_url"
        return (
            f"{_FIRST}{{{{ if and {url} (le (len {url}) {LONGEST_LINK}) }}}}{{{{ {url} }}}}{{{{ else }}}}"
            f"{elsewhere}{{{{ end }}}}"
        )

    def silence(self) -> str:
        """The form for a silence, filled in with what the alerts have in common; both severities are meant."""
        left_out = " ".join(f'"{label}"' for label in NOT_SILENCED)
        pairs = (
            f"{{{{ range (.Remove (stringSlice {left_out})).SortedPairs }}}}"
            f"{{{{ if le (len .Value) {LONGEST_MATCHED} }}}}"
            "&matcher={{ .Name | urlquery }}%3D%22"
            '{{ reReplaceAll `(["\\\\])` `\\$1` .Value | urlquery }}%22{{ end }}{{ end }}'
        )
        return (
            f"{_FIRST}{self.settings.console_url}/silences/new?lang={self.lang}"
            f"{{{{ if .CommonLabels.alertname }}}}{{{{ with .CommonLabels }}}}{pairs}{{{{ end }}}}"
            f"{{{{ else }}}}{{{{ with $first.Labels }}}}{pairs}{{{{ end }}}}{{{{ end }}}}"
        )

    def title(self, summary: str) -> str:
        return f"{_FIRST}[{use('photo.state')}] {{{{ $first.Labels.alertname }}}}: {{{{ {summary} }}}}"

    def footer(self) -> str:
        return "".join(
            f'<a href="{use(template)}">{word(link, self.lang)}</a>&ensp;'
            for link, template in LINKS.items()
            if link == "silence"
        )

    def render(self) -> str:
        console = self.settings.console_url
        both = "{{ if and .Alerts.Firing .Alerts.Resolved }}\n\n{{ end }}"
        html = (
            '<!DOCTYPE html><html><body style="font-family:sans-serif;max-width:720px">'
            f'<h2 style="font-size:18px">{use("photo.title")}</h2>'
            f"{self.html('Firing', 30)}{self.html('Resolved', 30)}<p>{self.footer()}"
            f'<a href="{console}">{console}</a></p></body></html>'
        )
        silence = f"\n\n{word('silence', self.lang)}: {use('photo.silence')}\n"
        parts = {
            "photo.state": self.state(),
            "photo.subject": f"{_FIRST}{{{{ $first.Labels.alertname }}}}",
            "photo.title": self.title(_summary("$first")),
            "photo.slack.title": self.title(_slack(_summary("$first"))),
            "photo.runbook": self.link("runbook", self.settings.runbooks),
            "photo.dashboard": self.link("dashboard", self.settings.dashboards),
            "photo.silence": self.silence(),
            "photo.short.firing": self.plain("Firing", 10, links=True),
            "photo.short.resolved": self.plain("Resolved", 10, links=False),
            "photo.text": self.plain("Firing", 10, links=True) + both + self.plain("Resolved", 5, links=False),
            "photo.slack.text": self.slack("Firing", 8) + both + self.slack("Resolved", 4),
            "photo.email.text": self.plain("Firing", 30, links=True)
            + both
            + self.plain("Resolved", 30, links=False)
            + silence,
            "photo.email.html": html,
        }
        return _HEADER + "".join(_define(name, body) for name, body in parts.items())


def template_file(lang: str) -> Path:
    """Return where a language's templates are, below Alertmanager's folder."""
    return TEMPLATES / f"photo_api.{lang}.tmpl"


def render_templates(settings: "Settings", lang: str) -> str:
    """Return the templates of one language."""
    return _Set(settings, lang).render()
