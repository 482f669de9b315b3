"""The choices at the head of the boards (guide 8): instance, endpoint, external service, and ours beside them."""

from typing import Final

from photo_monitoring.criteria import Text
from photo_monitoring.dashboards.panels import Variable

INSTANCE: Final = Variable(name="instance", title=Text("인스턴스", "Instance"), series="up{$api}", label="instance")
ENDPOINT: Final = Variable(
    name="endpoint",
    title=Text("엔드포인트", "Endpoint"),
    series="http_requests_total{$api, $traffic}",
    label="handler",
)
SERVICE: Final = Variable(
    name="service",
    title=Text("외부 서비스", "External service"),
    series="photo_api_external_request_duration_seconds_count{$api}",
    label="service",
)
# A host has node_exporter's name, which need not be that of any instance on it.
HOST: Final = Variable(name="host", title=Text("호스트", "Host"), series="up{$node}", label="instance")

_INFO: Final = "photo_api_app_info{$api}"
NODE: Final = Variable(name="node", title=Text("노드", "Node"), series=_INFO, label="node")
VERSION: Final = Variable(name="version", title=Text("버전", "Version"), series=_INFO, label="version")
ENVIRONMENT: Final = Variable(name="environment", title=Text("환경", "Environment"), series=_INFO, label="environment")
IDENTIFIED_INSTANCE: Final = Variable(
    name="instance",
    title=INSTANCE.title,
    series='photo_api_app_info{$api, node=~"$on_node", version=~"$version", environment=~"$environment"}',
    label="instance",
    everything=None,
)
"""The instances of the chosen nodes, versions and environments: with All, these and no other."""

SLO: Final = Variable(name="slo", title=Text("목표", "Objective"), series="slo:objective:ratio", label="sloth_slo")
