"""Series that boards alone read: name, labels besides the target's, whether it is a counter."""

from typing import Final

SHOWN: Final = (
    ("scrape_duration_seconds", (), False),
    ("scrape_samples_scraped", (), False),
    ("probe_duration_seconds", (), False),
    ("ALERTS", ("alertname", "alertstate", "severity", "system"), False),
    ("prometheus_tsdb_head_series", (), False),
    ("prometheus_tsdb_storage_blocks_bytes", (), False),
    ("alertmanager_notifications_total", ("integration",), True),
    ("alertmanager_notification_latency_seconds_bucket", ("integration", "le"), True),
    ("alertmanager_silences", ("state",), False),
    ("haproxy_frontend_bytes_in_total", ("proxy",), True),
    ("haproxy_frontend_bytes_out_total", ("proxy",), True),
    ("haproxy_frontend_current_sessions", ("proxy",), False),
    ("haproxy_backend_current_queue", ("proxy",), False),
    ("haproxy_backend_retry_warnings_total", ("proxy",), True),
    ("haproxy_backend_redispatch_warnings_total", ("proxy",), True),
    ("haproxy_server_status", ("proxy", "server", "state"), False),
    ("haproxy_server_response_time_average_seconds", ("proxy", "server"), False),
    ("haproxy_server_check_failures_total", ("proxy", "server"), True),
    ("node_load1", (), False),
    ("node_vmstat_oom_kill", (), True),
)
