"""node_exporter's metrics that the guide's section 5 reads: declared so that queries over them can be checked, not
exported."""

from __future__ import annotations

from photo_metrics.spec import LabelKind, LabelSpec, MetricSpec, MetricType, Text


def _labels(*names: str) -> tuple[LabelSpec, ...]:
    return tuple(LabelSpec(name, LabelKind.EXTERNAL) for name in names)


_FILESYSTEM = _labels("device", "fstype", "mountpoint")

NODE_METRICS: tuple[MetricSpec, ...] = (
    MetricSpec(
        name="node_cpu_seconds_total",
        type=MetricType.COUNTER,
        help=Text(ko="CPU 사용 시간.", en="Time that each CPU spent in each mode."),
        labels=_labels("cpu", "mode"),
        guide="5.1",
    ),
    MetricSpec(
        name="node_memory_MemAvailable_bytes",
        type=MetricType.GAUGE,
        help=Text(ko="사용 가능한 메모리.", en="Memory available to new programs."),
        guide="5.1",
    ),
    MetricSpec(
        name="node_memory_MemTotal_bytes",
        type=MetricType.GAUGE,
        help=Text(ko="전체 메모리.", en="Memory of the machine."),
        guide="5.1",
    ),
    MetricSpec(
        name="node_filesystem_avail_bytes",
        type=MetricType.GAUGE,
        help=Text(ko="파일시스템 사용 가능 공간.", en="Space of a file system available to ordinary users."),
        labels=_FILESYSTEM,
        guide="5.1",
    ),
    MetricSpec(
        name="node_filesystem_size_bytes",
        type=MetricType.GAUGE,
        help=Text(ko="파일시스템 크기.", en="Size of a file system."),
        labels=_FILESYSTEM,
        guide="5.1",
    ),
    MetricSpec(
        name="node_filesystem_files",
        type=MetricType.GAUGE,
        help=Text(ko="파일시스템의 전체 inode 수.", en="Inodes of a file system."),
        labels=_FILESYSTEM,
    ),
    MetricSpec(
        name="node_filesystem_files_free",
        type=MetricType.GAUGE,
        help=Text(ko="파일시스템의 남은 inode 수.", en="Free inodes of a file system."),
        labels=_FILESYSTEM,
    ),
    MetricSpec(
        name="node_filesystem_readonly",
        type=MetricType.GAUGE,
        help=Text(ko="읽기 전용 파일시스템이면 1.", en="Whether a file system is mounted read-only: 1 or 0."),
        labels=_FILESYSTEM,
    ),
    MetricSpec(
        name="node_network_receive_bytes_total",
        type=MetricType.COUNTER,
        help=Text(ko="네트워크 수신 바이트 수.", en="Bytes received by a network device."),
        labels=_labels("device"),
        guide="5.1",
    ),
    MetricSpec(
        name="node_network_transmit_bytes_total",
        type=MetricType.COUNTER,
        help=Text(ko="네트워크 송신 바이트 수.", en="Bytes sent by a network device."),
        labels=_labels("device"),
        guide="5.1",
    ),
)
