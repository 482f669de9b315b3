"""The words around an alert's own texts, in the two languages that operators read."""

from datetime import timedelta, timezone
from typing import Final

from photo_monitoring.criteria import Text

KST: Final = timezone(timedelta(hours=9), "KST")
"""Times that people read: Korea has had no summer time since 1988."""

CLOCK: Final = "%Y-%m-%d %H:%M:%S KST"

CRITICAL: Final = Text("심각", "CRITICAL")
WARNING: Final = Text("경고", "WARNING")
OTHER: Final = Text("알림", "ALERT")
TEST: Final = Text("시험", "TEST")
RESOLVED: Final = Text("해결", "RESOLVED")
COUNT: Final = Text("{count}건", "×{count}")

FIRING_LIST: Final = Text("발생 중 {count}건", "Firing: {count}")
RESOLVED_LIST: Final = Text("해결됨 {count}건", "Resolved: {count}")
SHOWN: Final = Text(" (처음 {most}건만 표시)", " (the first {most} are shown)")
SINCE: Final = Text("시작 {start}", "since {start}")
FROM_TO: Final = Text("{start} ~ {end}", "{start} – {end}")

LINK_WORDS: Final = {
    "runbook": Text("런북", "Runbook"),
    "dashboard": Text("대시보드", "Dashboard"),
    "silence": Text("알림 끄기", "Silence"),
}

TEST_SUMMARY: Final = Text(
    "알림 시험입니다. 조치할 것이 없습니다", "This is a test of notifications; there is nothing to do"
)
TEST_DESCRIPTION: Final = Text(
    "photo-monitoring notify-test가 {channel} 채널의 연결을 확인하려고 보냈습니다. 곧 해결 메시지가 이어집니다.",
    "Sent by photo-monitoring notify-test to see whether {channel} is connected; its resolution follows shortly.",
)
