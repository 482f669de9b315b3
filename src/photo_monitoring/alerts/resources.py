"""Guide 5: CPU, memory and disks of every host, each by itself: an average hides the one that is full."""

from typing import Final

from photo_monitoring.criteria import Alert, Group, Recording, Text, Unit, critical, warning
from photo_monitoring.proofs.gauge_stimuli import Trend
from photo_monitoring.proofs.stimuli import Case, Firing, Level, PerMinute

_GB: Final = 1_000_000_000
_ROOT: Final = 'device="/dev/vda1",fstype="ext4",mountpoint="/"'
_ROOT_LABELS: Final = {"device": "/dev/vda1", "fstype": "ext4", "mountpoint": "/"}
_HOST: Final = {"job": "node", "instance": "api-1"}
_DISK_BY: Final = ("job", "instance", "device", "fstype", "mountpoint")
_AT: Final = 'instance="api-1",job="node"'
_MEMORY_STEPS: Final = (
    Text("메모리를 가장 많이 쓰는 프로세스를 찾습니다.", "Find the process that uses most."),
    Text(
        "로그 큐와 업로드가 함께 늘었는지 확인하고, 필요하면 인스턴스를 다시 시작합니다.",
        "See whether the log queue or uploads grew too; restart an instance if need be.",
    ),
)
_DISK_STEPS: Final = (
    Text(
        "로그, 임시 파일, Prometheus 데이터 중 무엇이 커졌는지 찾습니다.",
        "Find what grew: logs, temporary files, Prometheus' data.",
    ),
    Text("지울 수 없으면 디스크를 늘립니다.", "If nothing can go, enlarge the disk."),
)

HIGH_CPU_USAGE: Final = Alert(
    name="HighCPUUsage",
    subject="cpu",
    group=Group.RESOURCES,
    section="5.1",
    value=Recording(
        "instance:node_cpu_used:ratio_rate5m",
        '1 - avg by (job, instance) (rate(node_cpu_seconds_total{$node, mode="idle"}[${5m}]))',
    ),
    by=("job", "instance"),
    unit=Unit.RATIO,
    tiers=(warning("cpu/warning", 0.8, "10m"), critical("cpu/critical", 0.95, "5m")),
    summary=Text("호스트 {instance}의 CPU 사용률이 높습니다", "CPU of host {instance} is busy"),
    description=Text(
        "호스트 {instance}의 CPU 사용률이 {value}입니다. 기준 {threshold} 초과가 {hold} 이상 이어졌습니다.",
        "CPU use of host {instance} is {value}; above {threshold} for {hold}.",
    ),
    next_steps=(
        Text("CPU를 가장 많이 쓰는 프로세스를 찾습니다.", "Find the process that uses most."),
        Text("요청량이 늘어서라면 인스턴스를 추가합니다.", "If there are more requests, add instances."),
    ),
    stimulus=PerMinute(counter='node_cpu_seconds_total{cpu="0",mode="idle"}', growth=lambda used: 60 * (1 - used)),
    cases=(
        Case(
            name="one busy host among idle ones fires for itself",
            inputs={
                f'node_cpu_seconds_total{{cpu="0",mode="idle",instance="{host}",job="node"}}': f"0+{idle}x60"
                for host, idle in (("api-1", 0.3), ("api-2", 29.7), ("api-3", 29.7))
            },
            expect={
                "20m": (
                    Firing(severity="warning", labels=_HOST, value=0.99),
                    Firing(severity="critical", labels=_HOST, value=0.99),
                )
            },
        ),
    ),
)

HIGH_MEMORY_USAGE: Final = Alert(
    name="HighMemoryUsage",
    subject="memory",
    group=Group.RESOURCES,
    section="5.1",
    value=Recording(
        "instance:node_memory_used:ratio",
        """
1 -
min_over_time(node_memory_MemAvailable_bytes{$node}[${2m}])
/
max_over_time(node_memory_MemTotal_bytes{$node}[${2m}])
""",
    ),
    window="2m",
    by=("job", "instance"),
    unit=Unit.RATIO,
    tiers=(warning("memory/warning", 0.85, "10m"), critical("memory/critical", 0.95, "5m")),
    summary=Text("호스트 {instance}의 메모리 사용률이 높습니다", "Memory of host {instance} fills up"),
    description=Text(
        "호스트 {instance}의 메모리 사용률이 {value}입니다. 기준 {threshold} 초과가 {hold} 이상 이어졌습니다. "
        "OOM 위험이 있습니다.",
        "Memory use of host {instance} is {value}; above {threshold} for {hold}. It may run out.",
    ),
    next_steps=_MEMORY_STEPS,
    stimulus=Level(
        gauge="node_memory_MemAvailable_bytes",
        rest=0.4,
        level=lambda used: (1 - used) * 16 * _GB,
        constant={"node_memory_MemTotal_bytes": 16.0 * _GB},
    ),
)

LITTLE_MEMORY: Final = Alert(
    name="HighMemoryUsage",
    subject="memory-available",
    group=Group.RESOURCES,
    section="5.1",
    value="min_over_time(node_memory_MemAvailable_bytes{$node}[${2m}])",
    compare="<",
    window="2m",
    by=("job", "instance"),
    unit=Unit.BYTES,
    tiers=(critical("memory/critical/available", 100_000_000, "1m"),),
    summary=Text("호스트 {instance}의 메모리가 거의 없습니다", "Host {instance} has hardly any memory left"),
    description=Text(
        "호스트 {instance}에서 쓸 수 있는 메모리가 {value}뿐입니다. 기준 {threshold} 미만이 {hold} 이상 "
        "이어졌습니다. 곧 OOM이 발생할 수 있습니다.",
        "Only {value} of memory are available on host {instance}; under {threshold} for {hold}. It will soon run out.",
    ),
    next_steps=_MEMORY_STEPS,
    stimulus=Level(
        gauge="node_memory_MemAvailable_bytes",
        rest=300_000_000.0,
        constant={"node_memory_MemTotal_bytes": 500_000_000.0},
    ),
)

LOW_DISK_SPACE: Final = Alert(
    name="LowDiskSpace",
    subject="disk",
    group=Group.RESOURCES,
    section="5.1",
    value=Recording(
        "instance_mountpoint:node_filesystem_used:ratio",
        """
(
  1 -
  min_over_time(node_filesystem_avail_bytes{$node, $disks}[${2m}])
  /
  max_over_time(node_filesystem_size_bytes{$node, $disks}[${2m}])
)
unless
max_over_time(node_filesystem_readonly{$node}[${2m}]) == 1
""",
    ),
    window="2m",
    by=_DISK_BY,
    unit=Unit.RATIO,
    tiers=(warning("disk/warning", 0.8, "10m"), critical("disk/critical", 0.9, "5m")),
    summary=Text("호스트 {instance}의 디스크 공간이 부족합니다", "A disk of host {instance} fills up"),
    description=Text(
        "호스트 {instance}의 {mountpoint} 파일시스템 사용률이 {value}입니다. 기준 {threshold} 초과가 {hold} 이상 "
        "이어졌습니다.",
        "Use of {mountpoint} on host {instance} is {value}; above {threshold} for {hold}.",
    ),
    next_steps=_DISK_STEPS,
    stimulus=Level(
        gauge=f"node_filesystem_avail_bytes{{{_ROOT}}}",
        rest=0.4,
        level=lambda used: (1 - used) * 100 * _GB,
        constant={f"node_filesystem_size_bytes{{{_ROOT}}}": 100.0 * _GB},
        labels=_ROOT_LABELS,
    ),
    cases=(
        Case(
            name="memory file systems and disks mounted read-only are silent",
            inputs={
                f'node_filesystem_avail_bytes{{device="tmpfs",fstype="tmpfs",mountpoint="/run",{_AT}}}': "0+0x60",
                f'node_filesystem_size_bytes{{device="tmpfs",fstype="tmpfs",mountpoint="/run",{_AT}}}': "9e9+0x60",
                f"node_filesystem_avail_bytes{{{_ROOT},{_AT}}}": "0+0x60",
                f"node_filesystem_size_bytes{{{_ROOT},{_AT}}}": "9e9+0x60",
                f"node_filesystem_readonly{{{_ROOT},{_AT}}}": "1+0x60",
            },
            expect={"20m": ()},
        ),
    ),
)

# A boot partition is smaller than what the guide wants left free, and would page for ever.
LITTLE_DISK: Final = Alert(
    name="LowDiskSpace",
    subject="disk-available",
    group=Group.RESOURCES,
    section="5.1",
    value="""
min_over_time(node_filesystem_avail_bytes{$node, $disks}[${2m}])
and
max_over_time(node_filesystem_size_bytes{$node, $disks}[${2m}]) >= 4e9
unless
max_over_time(node_filesystem_readonly{$node}[${2m}]) == 1
""",
    compare="<",
    window="2m",
    by=_DISK_BY,
    unit=Unit.BYTES,
    tiers=(critical("disk/critical/available", _GB, "1m"),),
    summary=Text("호스트 {instance}의 디스크가 거의 가득 찼습니다", "A disk of host {instance} is almost full"),
    description=Text(
        "호스트 {instance}의 {mountpoint} 파일시스템에 남은 공간이 {value}뿐입니다. 기준 {threshold} 미만이 "
        "{hold} 이상 "
        "이어졌습니다.",
        "Only {value} are left on {mountpoint} of host {instance}; under {threshold} for {hold}.",
    ),
    next_steps=_DISK_STEPS,
    stimulus=Level(
        gauge=f"node_filesystem_avail_bytes{{{_ROOT}}}",
        rest=3.0 * _GB,
        constant={f"node_filesystem_size_bytes{{{_ROOT}}}": 4.5 * _GB},
        labels=_ROOT_LABELS,
    ),
    cases=(
        Case(
            name="a boot partition smaller than 4 GB is silent",
            inputs={
                f'node_filesystem_avail_bytes{{device="/dev/vda2",fstype="vfat",mountpoint="/boot",{_AT}}}': "3e8+0x60",
                f'node_filesystem_size_bytes{{device="/dev/vda2",fstype="vfat",mountpoint="/boot",{_AT}}}': "5e8+0x60",
            },
            expect={"20m": ()},
        ),
    ),
)

LOW_INODES: Final = Alert(
    name="LowInodes",
    subject="inodes",
    group=Group.RESOURCES,
    section="5.1",
    value=Recording(
        "instance_mountpoint:node_filesystem_inodes_used:ratio",
        """
(
  1 -
  min_over_time(node_filesystem_files_free{$node, $disks}[${2m}])
  /
  (max_over_time(node_filesystem_files{$node, $disks}[${2m}]) > 0)
)
unless
max_over_time(node_filesystem_readonly{$node}[${2m}]) == 1
""",
    ),
    window="2m",
    by=_DISK_BY,
    unit=Unit.RATIO,
    tiers=(warning(None, 0.8, "10m"), critical(None, 0.9, "5m")),
    summary=Text("호스트 {instance}의 inode가 부족합니다", "Host {instance} runs out of inodes"),
    description=Text(
        "호스트 {instance}의 {mountpoint} 파일시스템 inode 사용률이 {value}입니다. 기준 {threshold} 초과가 {hold} 이상 "
        "이어졌습니다. 공간이 남아도 파일을 만들 수 없게 됩니다.",
        "Inode use of {mountpoint} on host {instance} is {value}; above {threshold} for {hold}. Soon no file "
        "can be made.",
    ),
    next_steps=_DISK_STEPS,
    stimulus=Level(
        gauge=f"node_filesystem_files_free{{{_ROOT}}}",
        rest=0.1,
        level=lambda used: (1 - used) * 1_000_000,
        constant={f"node_filesystem_files{{{_ROOT}}}": 1_000_000.0},
        labels=_ROOT_LABELS,
    ),
)

DISK_FILLING_UP: Final = Alert(
    name="DiskFillingUp",
    subject="disk-prediction",
    group=Group.RESOURCES,
    section="5.1",
    value="""
predict_linear(node_filesystem_avail_bytes{$node, $disks}[${1h}], 4 * 3600)
and
instance_mountpoint:node_filesystem_used:ratio > 0.5
""",
    compare="<",
    window="1h",
    by=_DISK_BY,
    unit=Unit.BYTES,
    tiers=(warning(None, 0, "30m"),),
    summary=Text("호스트 {instance}의 디스크가 곧 가득 찹니다", "A disk of host {instance} will soon be full"),
    description=Text(
        "최근 {window}의 추세대로면 호스트 {instance}의 {mountpoint} 파일시스템이 4시간 안에 가득 찹니다. 이 "
        "추세가 {hold} "
        "이상 이어졌습니다.",
        "At the pace of the last {window}, {mountpoint} of host {instance} is full within 4 hours; so for {hold}.",
    ),
    next_steps=_DISK_STEPS,
    stimulus=Trend(
        gauge=f"node_filesystem_avail_bytes{{{_ROOT}}}",
        ramp="1h",
        ahead="4h",
        rest=40e9,
        beside={f"node_filesystem_size_bytes{{{_ROOT}}}": 2.5},
        labels=_ROOT_LABELS,
    ),
    cases=(
        Case(
            # 40 GB are left, and 12 GB go in an hour: full in 3 h 20 m, as the second sample tells.
            name="a disk that will be full within four hours fires after half an hour",
            inputs={
                f"node_filesystem_avail_bytes{{{_ROOT},{_AT}}}": "40e9-1e8x180",
                f"node_filesystem_size_bytes{{{_ROOT},{_AT}}}": "100e9+0x180",
            },
            expect={
                "30m": (),
                "30m30s": (Firing(severity="warning", labels={**_HOST, **_ROOT_LABELS}, value=-14e9),),
            },
        ),
        Case(
            name="a disk that fills slowly is silent",
            inputs={
                f"node_filesystem_avail_bytes{{{_ROOT},{_AT}}}": "40e9-1e7x180",
                f"node_filesystem_size_bytes{{{_ROOT},{_AT}}}": "100e9+0x180",
            },
            expect={"90m": ()},
        ),
    ),
)

ALERTS: Final = (
    HIGH_CPU_USAGE,
    HIGH_MEMORY_USAGE,
    LITTLE_MEMORY,
    LOW_DISK_SPACE,
    LITTLE_DISK,
    LOW_INODES,
    DISK_FILLING_UP,
)
