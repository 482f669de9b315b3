"""The detail board: every metric of the guide's sections 1–6, and an answer to each of its points to watch.

Section 7's are on the board of growth. The last row is ours: the backends of a service at work.
"""

from typing import Final

from photo_monitoring.criteria import Text
from photo_monitoring.dashboards.detail_backends import BACKENDS
from photo_monitoring.dashboards.detail_business import BUSINESS
from photo_monitoring.dashboards.detail_durations import BUSINESS_LOGIC, SESSIONS
from photo_monitoring.dashboards.detail_requests import AVAILABILITY, REQUESTS
from photo_monitoring.dashboards.detail_resources import RESOURCES
from photo_monitoring.dashboards.detail_security import SECURITY
from photo_monitoring.dashboards.detail_stability import STABILITY
from photo_monitoring.dashboards.panels import Board
from photo_monitoring.dashboards.variables import (
    ENDPOINT,
    ENVIRONMENT,
    HOST,
    IDENTIFIED_INSTANCE,
    NODE,
    SERVICE,
    VERSION,
)

DETAIL: Final = Board(
    uid="photo-api-detail",
    title=Text("Photo API 상세 지표", "Photo API: details"),
    about=Text(
        "가이드 1~6장의 모든 지표와 핵심 모니터링 포인트를 장 순서대로, 이어서 운영 백엔드를 보여 줍니다. 노드, 버전, "
        "환경으로 좁힐 수 있습니다.",
        "Every metric and every point to watch of the guide's sections 1 to 6, in its order, then production backends; "
        "by node, version and environment.",
    ),
    rows=(AVAILABILITY, REQUESTS, BUSINESS_LOGIC, SESSIONS, STABILITY, SECURITY, RESOURCES, BUSINESS, BACKENDS),
    variables=(ENVIRONMENT, NODE, VERSION, IDENTIFIED_INSTANCE, ENDPOINT, SERVICE, HOST),
)
