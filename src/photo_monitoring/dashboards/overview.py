"""The guide's board (section 8): six rows of four panels, in its order, with its titles, units and meanings."""

from typing import Final

from photo_monitoring.criteria import Text
from photo_monitoring.dashboards.overview_service import HEALTH, PERFORMANCE, STABILITY
from photo_monitoring.dashboards.overview_surroundings import BUSINESS, RESOURCES, SECURITY
from photo_monitoring.dashboards.panels import Board
from photo_monitoring.dashboards.variables import ENDPOINT, HOST, INSTANCE, SERVICE

OVERVIEW: Final = Board(
    uid="photo-api-overview",
    title=Text("Photo API 고가용성 모니터링", "Photo API: high availability"),
    about=Text(
        "가이드 8장의 대시보드: 서비스 상태, 성능, 안정성, 보안, 리소스, 비즈니스를 한눈에 봅니다.",
        "The guide's board: health, performance, stability, security, resources and business at a glance.",
    ),
    rows=(HEALTH, PERFORMANCE, STABILITY, SECURITY, RESOURCES, BUSINESS),
    variables=(INSTANCE, ENDPOINT, SERVICE, HOST),
)
