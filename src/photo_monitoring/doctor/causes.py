"""Why a criterion is silent or wrong, and what to do: a line of each, Korean and English.

Names of metrics, labels and jobs are put in; nothing here knows an alert.
"""

from collections.abc import Collection, Iterable
from typing import Final

from photo_metrics.catalog import CATALOG
from photo_metrics.spec import MetricSpec
from photo_monitoring.criteria import Text
from photo_monitoring.doctor.outcome import Cause
from photo_monitoring.durations import duration, words

REFERENCE: Final = "docs/reference/metrics.md"
_SPECS: Final = {spec.name: spec for spec in CATALOG}
_SHOWN: Final = 4
_LONGEST: Final = 40

_HELP: Final = {
    "haproxy": Text(
        "HAProxy의 Prometheus 엔드포인트를 켜고 수집합니다", "turn HAProxy's Prometheus endpoint on, and scrape it"
    ),
    "node": Text("호스트마다 node_exporter를 띄우고 수집합니다", "run node_exporter on every host, and scrape it"),
    "blackbox": Text(
        "blackbox_exporter를 띄우고 수집합니다(deploy/monitoring/blackbox)",
        "run blackbox_exporter (deploy/monitoring/blackbox), and scrape it",
    ),
    "probe": Text(
        "blackbox_exporter로 사용자가 쓰는 URL을 탐침합니다(targets/probe.json)",
        "let blackbox_exporter probe the URL that users reach (targets/probe.json)",
    ),
}
_SCRAPE: Final = Text(
    "deploy/monitoring/prometheus/prometheus.yml처럼 수집 대상에 넣습니다",
    "scrape it as deploy/monitoring/prometheus/prometheus.yml does",
)


def _few(values: Iterable[str]) -> str:
    # A page may hold anything: no control characters, and no page-long value.
    ordered = [value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…" for value in sorted(values)]
    ordered = [value if value.isprintable() else ascii(value) for value in ordered]
    return ", ".join(ordered[:_SHOWN]) + (", …" if len(ordered) > _SHOWN else "")


def _shape(spec: MetricSpec) -> str:
    labels = f" {{{', '.join(spec.label_names)}}}" if spec.labels else ""
    return f"{spec.type} {spec.name}{labels}"


def metric_missing(metric: str) -> Cause:
    """The page does not know the metric."""
    spec = _SPECS.get(metric)
    what = Text(f"{metric} 지표가 없습니다", f"there is no metric {metric}")
    if spec is not None:
        shape = _shape(spec)
        remedy = Text(f"다음 지표를 내보냅니다: {shape} ({REFERENCE})", f"export the {shape} ({REFERENCE})")
    elif metric.startswith("probe_ssl_"):
        remedy = Text(
            "targets/probe.json에 https:// 주소를 적습니다. TLS를 쓰지 않으면 알림을 끕니다",
            "name an https:// address in targets/probe.json, or switch the alert off where there is no TLS",
        )
    else:
        exporter = metric.partition("_")[0]
        remedy = Text(
            f"{exporter} 익스포터의 버전과, 꺼 둔 수집기가 없는지 확인합니다",
            f"check the {exporter} exporter's version, and that it collects this",
        )
    return Cause("metric-missing", what, remedy)


def not_published(metric: str) -> Cause:
    """A gauge is declared and has no value."""
    return Cause(
        "not-published",
        Text(f"{metric} 지표가 선언만 되어 있고 값이 없습니다", f"{metric} is declared, but has no value"),
        Text(
            "시작할 때 값을 게시합니다(방금 시작했다면 잠시 뒤 다시 봅니다)",
            "publish it when the service starts (has it just started? then look again)",
        ),
    )


def label_missing(metric: str, label: str) -> Cause:
    """No series of the metric has the label."""
    return Cause(
        "label-missing",
        Text(f"{metric}에 {label} 레이블이 없습니다", f"{metric} has no label {label}"),
        Text(f"{metric}에 {label} 레이블을 더합니다({REFERENCE})", f"add the label {label} to {metric} ({REFERENCE})"),
    )


def bucket_missing(metric: str, wanted: str, spelled: str | None) -> Cause:
    """The histogram has no bucket where the threshold is, or writes it differently."""
    if spelled is not None:
        return Cause(
            "bucket-missing",
            Text(
                f'{metric}의 {wanted} 버킷이 le="{spelled}"로 적혀 있습니다',
                f'{metric} writes bucket {wanted} as le="{spelled}"',
            ),
            Text(f'le="{wanted}"로 적는 클라이언트를 쓰거나 relabel합니다', f'write le="{wanted}", or relabel it'),
        )
    return Cause(
        "bucket-missing",
        Text(
            f'{metric}에 기준값 le="{wanted}" 버킷이 없습니다',
            f'{metric} has no bucket at the threshold, le="{wanted}"',
        ),
        Text(f"히스토그램에 {wanted} 버킷을 추가합니다", f"add {wanted} to the histogram's buckets"),
    )


def value_never(metric: str, label: str, wanted: str, seen: Collection[str]) -> Cause:
    """The label never has the value that is asked for."""
    remedy = Text(
        f"{label} 레이블 값을 {REFERENCE}에 적힌 대로 게시합니다", f"give {label} the values that {REFERENCE} has"
    )
    if (label, metric.partition("_")[0]) == ("proxy", "haproxy"):
        remedy = Text(
            f'monitoring.toml의 [haproxy]에 frontend = "…"라고 적습니다({_few(seen)})',
            f'write [haproxy] frontend = "…" in monitoring.toml (there are {_few(seen)})',
        )
    return Cause(
        "value-never",
        Text(
            f"{metric}에 {wanted} 조건에 맞는 값이 없습니다(있는 값: {_few(seen)})",
            f"{metric}: {label} never matches {wanted} (it is {_few(seen)})",
        ),
        remedy,
    )


def no_route(wanted: str, label: str) -> Cause:
    """The service has no route of this template."""
    return Cause(
        "no-route",
        Text(f"이 서비스에는 {wanted} 경로가 없습니다", f"the service has no route that matches {wanted}"),
        Text(
            f"같은 일을 하는 경로의 {label} 레이블을 이 값에 맞추거나, 없는 기능이면 monitoring.toml에서 알림을 끕니다",
            f"publish that {label} for the route that does this, or switch the alert off in monitoring.toml",
        ),
    )


def wrong_type(metric: str, wanted: str, found: str) -> Cause:
    """The metric is declared as another type."""
    return Cause(
        "wrong-type",
        Text(f"{metric}의 타입이 맞지 않습니다: {found} (기준: {wanted})", f"{metric} is a {found}, not a {wanted}"),
        Text(f"{wanted} 타입으로 내보냅니다({REFERENCE})", f"export {metric} as a {wanted} ({REFERENCE})"),
    )


def first_event(metric: str) -> Cause:
    """A counter whose series come with their first event."""
    return Cause(
        "first-event",
        Text(
            f"{metric}의 시계열은 첫 이벤트 때 생기며, rate()는 그 첫 이벤트를 보지 못합니다",
            f"{metric} gets its series with their first event, which rate() cannot see",
        ),
        Text("시작할 때 레이블 조합을 0으로 만들어 둡니다", "create its label sets, at 0, when the service starts"),
    )


def not_seen(metric: str, wanted: str) -> Cause:
    """Nothing has happened yet that the criterion would see; it can."""
    return Cause(
        "not-seen",
        Text(f"{metric}{{{wanted}}}는 아직 없습니다", f"{metric}{{{wanted}}} is not there yet"),
        Text("해당 이벤트가 처음 일어나면 생깁니다", "it comes with the first such event"),
    )


def always_fires(cause: Cause) -> Cause:
    """`absent()` of what is never there."""
    return Cause(
        cause.kind,
        Text(f"{cause.what.ko}(그래서 항상 울립니다)", f"{cause.what.en}: so it fires all the time"),
        cause.remedy,
    )


def several_workers(page: str, proof: str) -> Cause:
    """Several processes answer for one target."""
    return Cause(
        "several-workers",
        Text(
            f"{page} 뒤에 여러 프로세스가 있어 수집할 때마다 값이 바뀝니다({proof})",
            f"several processes answer at {page}, so that every scrape meets another one ({proof})",
        ),
        Text(
            "프로세스마다 지표 포트를 따로 두거나 워커를 하나로 줄입니다",
            "give each process a metrics port of its own, or run one worker per port",
        ),
    )


def not_looked(role: str) -> Cause:
    """Nobody said where to look."""
    return Cause(
        "not-looked",
        Text(f"{role} 지표를 확인할 곳을 지정하지 않았습니다", f"where {role} has its metrics was not said"),
        Text(f"--prometheus 또는 {role}의 --metrics를 지정합니다", f"add --prometheus, or --metrics of {role}"),
    )


def no_target(role: str, job: str, others: Collection[str]) -> Cause:
    """Prometheus has no target of the job; `others` are jobs that export the like."""
    what = Text(f"Prometheus에 {job} job의 대상이 없습니다", f"Prometheus has no target of job {job}")
    if others:
        name = min(others)
        return Cause(
            "no-target",
            what,
            Text(
                f'job 이름이 {_few(others)}라면 monitoring.toml의 [jobs]에 {role} = "{name}"라고 적고 render합니다',
                f'it may be job {_few(others)}: write {role} = "{name}" under [jobs] in monitoring.toml, and render',
            ),
        )
    return Cause("no-target", what, _HELP.get(role, _SCRAPE))


def not_scraped(job: str) -> Cause:
    """Prometheus has just started, or scrapes rarely."""
    return Cause(
        "not-scraped",
        Text(f"Prometheus가 아직 {job} job을 수집하지 않았습니다", f"Prometheus has not scraped job {job} yet"),
        Text("한 번 수집한 뒤에 다시 봅니다", "look again after its first scrape"),
    )


def target_down(job: str, said: str) -> Cause:
    """Prometheus knows the job and cannot scrape it."""
    return Cause(
        "target-down",
        Text(f"Prometheus가 {job} job을 수집하지 못합니다: {said}", f"Prometheus cannot scrape job {job}: {said}"),
        Text(
            "Prometheus의 /targets를 보고 주소와 방화벽을 고칩니다",
            "see /targets of Prometheus; mend address or firewall",
        ),
    )


def not_stored(metric: str, job: str) -> Cause:
    """The page has it, Prometheus has not."""
    return Cause(
        "not-stored",
        Text(
            f"{metric} 지표가 페이지에는 있지만 Prometheus의 {job} job에는 없습니다",
            f"{metric} is on the page, but not in Prometheus' job {job}",
        ),
        Text(
            "대상 주소와 metric_relabel_configs를 확인합니다(방금 시작했다면 잠시 뒤 다시 봅니다)",
            "check the target's address and metric_relabel_configs (has it just started? then look again)",
        ),
    )


def interval_too_long(job: str, interval: float, window: float) -> Cause:
    """A window that may hold no scrape, or one where two are needed."""
    text, seconds = duration(window), duration(interval)
    return Cause(
        "interval-too-long",
        Text(
            f"{job} job의 수집 간격({seconds})이 {text} 창에 비해 너무 깁니다",
            f"job {job} is scraped every {seconds}: too rarely for a window of {text}",
        ),
        Text(
            f"scrape_interval을 {duration(window / 4)} 이하로 줄입니다",
            f"set scrape_interval to {duration(window / 4)} or less",
        ),
    )


def retention_too_short(kept: float, needed: float) -> Cause:
    """Data is deleted before it is read."""
    return Cause(
        "retention-too-short",
        Text(
            f"Prometheus가 데이터를 {words(duration(kept), 'ko')}만 보관합니다({words(duration(needed), 'ko')} 필요)",
            f"Prometheus keeps {words(duration(kept), 'en')} of data, and {words(duration(needed), 'en')} are read",
        ),
        Text("--storage.tsdb.retention.time=32d로 시작합니다", "start it with --storage.tsdb.retention.time=32d"),
    )


def rules_not_loaded(group: str) -> Cause:
    """Prometheus does not evaluate it."""
    return Cause(
        "rule-not-loaded",
        Text(
            f"Prometheus가 {group}.yml의 규칙을 모두 불러오지 않았습니다",
            f"Prometheus has not loaded all rules of {group}.yml",
        ),
        Text(
            "deploy/monitoring/prometheus/rules를 rule_files에 넣고 reload합니다",
            "name deploy/monitoring/prometheus/rules/*.yml in rule_files, and reload",
        ),
    )


def rules_differ(group: str) -> Cause:
    """Prometheus evaluates something else than what is declared."""
    return Cause(
        "rule-differs",
        Text(
            f"Prometheus의 {group}.yml은 지금 선언된 것과 다릅니다",
            f"{group}.yml in Prometheus is not what is declared now",
        ),
        Text("같은 monitoring.toml로 다시 render하고 reload합니다", "render with the same monitoring.toml, and reload"),
    )


def rule_failing(name: str, said: str) -> Cause:
    """The rule fails when it is evaluated."""
    return Cause(
        "rule-failing",
        Text(f"규칙 {name}의 평가가 실패합니다: {said}", f"rule {name} fails: {said}"),
        Text("Prometheus의 /rules를 보고 오류를 고칩니다", "see /rules of Prometheus, and mend the error"),
    )


def no_result_yet(recording: str, history: float) -> Cause:
    """A recording has no result in Prometheus, though what it reads is there."""
    if history:
        return Cause(
            "no-result-yet",
            Text(
                f"{recording}에 아직 결과가 없습니다({words(duration(history), 'ko')} 전의 데이터 필요)",
                f"{recording} has no result yet: it needs data that is {words(duration(history), 'en')} old",
            ),
            Text("그만큼 기다립니다", "wait for it"),
        )
    return Cause(
        "no-result-yet",
        Text(f"{recording}에 아직 결과가 없습니다", f"{recording} has no result yet"),
        Text("해당 요청이 들어오면 생깁니다", "it comes with the events that it counts"),
    )
