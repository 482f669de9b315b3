"""The detail board's row on section 5 of the guide: CPU, memory, disks and network of the hosts."""

from typing import Final

from photo_monitoring.criteria import Text
from photo_monitoring.dashboards.panels import (
    BYTES,
    BYTES_PER_SECOND,
    COUNT,
    MEGABITS,
    RATIO,
    SECONDS,
    TIMES,
    Query,
    Row,
)
from photo_monitoring.dashboards.patterns import lines, one, quantile

_CPU: Final = "node_cpu_seconds_total"
_AVAILABLE: Final = "node_memory_MemAvailable_bytes"
_FREE: Final = "node_filesystem_avail_bytes"
_RECEIVED: Final = "node_network_receive_bytes_total"
_USED: Final = "instance:node_cpu_used:ratio_rate5m{$hosts}"
_HOST: Final = "{{instance}}"
_PLACE: Final = "{{instance}} {{mountpoint}}"
_BUSIEST: Final = Text("CPU(가장 바쁜 호스트)", "CPU of the busiest host")
_NO_DISK: Final = "a container on overlay file systems alone has no disk of its own"
_NO_CARD: Final = "a machine without a network card has loopback alone"

RESOURCES: Final = Row(
    id=7,
    title=Text("5. 리소스", "5. Resources"),
    panels=(
        lines(
            701,
            Text("CPU 사용률", "CPU use"),
            Text("호스트별 CPU 사용률입니다.", "CPU use by host."),
            RATIO,
            Query(_USED, _HOST),
            limits=("cpu",),
            points=(f"{_CPU}: CPU use",),
            maximum=1,
        ),
        lines(
            702,
            Text("CPU와 응답 시간", "CPU and response time"),
            Text(
                "CPU가 오를 때 응답 시간이 함께 오르면 인스턴스나 코어를 늘려야 합니다.",
                "Where the response time rises with the CPU, add instances or cores.",
            ),
            RATIO,
            one(f"max({_USED})", _BUSIEST, "red"),
            one(quantile("0.95"), Text("응답 시간 P95", "response time P95"), "orange", unit=SECONDS),
            points=(f"{_CPU}: CPU beside response time",),
            maximum=1,
        ),
        lines(
            703,
            Text("CPU 병목", "CPU bottlenecks"),
            Text(
                "CPU 시간을 쓰임새별로 나눕니다. iowait는 디스크, steal은 이웃 가상 머신, system은 커널입니다.",
                "Where CPU time goes: iowait is the disk, steal other virtual machines, system the kernel.",
            ),
            RATIO,
            Query(
                f'avg by (mode) (sum by (instance, cpu, mode) (rate({_CPU}{{$hosts, mode!="idle"}}[$rate])))',
                "{{mode}}",
            ),
            points=(f"{_CPU}: CPU bottlenecks",),
            maximum=1,
            stacked=True,
        ),
        lines(
            704,
            Text("메모리 사용률", "Memory use"),
            Text("호스트별 메모리 사용률입니다.", "Memory use by host."),
            RATIO,
            Query("instance:node_memory_used:ratio{$hosts}", _HOST),
            limits=("memory",),
            points=(f"{_AVAILABLE}: memory use",),
            maximum=1,
        ),
        lines(
            705,
            Text("사용 가능한 메모리와 OOM", "Available memory and OOM"),
            Text(
                "남은 메모리와, 커널이 메모리 부족으로 죽인 프로세스 수(1시간)입니다. 100MB 아래면 위험입니다.",
                "Memory left, and processes that the kernel killed for want of it within an hour; critical below 100 "
                "MB.",
            ),
            BYTES,
            Query(f"{_AVAILABLE}{{$hosts}}", _HOST),
            one(
                "sum(increase(node_vmstat_oom_kill{$hosts}[${1h}]))",
                Text("OOM으로 죽은 프로세스", "killed for memory"),
                "red",
                unit=COUNT,
                absent="older kernels do not count it",
            ),
            home_of=("memory-available",),
            points=(f"{_AVAILABLE}: danger of OOM",),
        ),
        lines(
            706,
            Text("메모리와 로그 큐", "Memory and log queue"),
            Text(
                "로그 큐가 쌓이는 동안 메모리가 오르는지 봅니다.",
                "Whether memory is used up while the log queue grows.",
            ),
            RATIO,
            one("max(instance:node_memory_used:ratio{$hosts})", Text("메모리 사용률", "memory use"), "purple"),
            one("sum(photo_api_log_queue_size{$picked})", Text("로그 큐", "log queue"), "blue", unit=COUNT),
            points=(f"{_AVAILABLE}: memory beside the log queue",),
            maximum=1,
        ),
        lines(
            707,
            Text("디스크 사용률", "Disk use"),
            Text("파일시스템별 사용률입니다.", "Use by file system."),
            RATIO,
            Query(
                "max by (instance, mountpoint) (instance_mountpoint:node_filesystem_used:ratio{$hosts})",
                _PLACE,
                absent=_NO_DISK,
            ),
            limits=("disk",),
            points=(f"{_FREE}: disk use",),
            maximum=1,
        ),
        lines(
            708,
            Text("남은 디스크 공간", "Free disk space"),
            Text(
                "파일시스템별 남은 공간입니다. 1GB 아래면 위험입니다.",
                "Free space by file system; critical below 1 GB.",
            ),
            BYTES,
            Query(f"min by (instance, mountpoint) ({_FREE}{{$hosts, $disks}})", _PLACE, absent=_NO_DISK),
            home_of=("disk-available",),
        ),
        lines(
            709,
            Text("4시간 뒤 남을 공간", "Free space in four hours"),
            Text(
                "최근 1시간의 추세가 이어질 때 4시간 뒤 남을 공간입니다. 0 아래면 가득 찹니다.",
                "Free space in four hours if the last hour goes on; below 0 the disk is full.",
            ),
            BYTES,
            Query(
                f"min by (instance, mountpoint) (predict_linear({_FREE}{{$hosts, $disks}}[${{1h}}], 4 * 3600))",
                _PLACE,
                absent=_NO_DISK,
            ),
            home_of=("disk-prediction",),
            points=(f"{_FREE}: danger of a full disk",),
            minimum=None,
        ),
        lines(
            710,
            Text("디스크가 차는 속도", "How fast disks fill"),
            Text(
                "시간당 줄어드는 공간입니다. 로그나 임시 파일이 쌓이면 여기서 먼저 보입니다.",
                "Space used up in an hour: logs and temporary files that pile up show here first.",
            ),
            BYTES,
            Query(
                f"max by (instance, mountpoint) (-deriv({_FREE}{{$hosts, $disks}}[${{1h}}]) * 3600)",
                _PLACE,
                absent=_NO_DISK,
            ),
            points=(f"{_FREE}: logs and temporary files piling up",),
            minimum=None,
        ),
        lines(
            711,
            Text("inode 사용률", "Inodes in use"),
            Text(
                "공간이 남아도 inode가 없으면 파일을 만들지 못합니다.",
                "Without inodes no file can be made, though there be space.",
            ),
            RATIO,
            Query(
                "max by (instance, mountpoint) (instance_mountpoint:node_filesystem_inodes_used:ratio{$hosts})",
                _PLACE,
                absent=_NO_DISK,
            ),
            home_of=("inodes",),
            maximum=1,
        ),
        lines(
            712,
            Text("네트워크 대역폭", "Bandwidth"),
            Text("호스트별 수신·송신 대역폭입니다.", "Bandwidth received and sent by host."),
            MEGABITS,
            *(
                Query(
                    f'instance_direction:node_network_bytes:rate5m{{$hosts, direction="{direction}"}} * 8 / 1e6',
                    Text(f"{ko} {_HOST}", f"{direction} {_HOST}"),
                    absent=_NO_CARD,
                )
                for direction, ko in (("receive", "수신"), ("transmit", "송신"))
            ),
            points=(f"{_RECEIVED}: bandwidth",),
        ),
        lines(
            713,
            Text("이미지 트래픽", "Image traffic"),
            Text(
                "로드 밸런서를 지난 바이트와 확인된 업로드입니다. 네트워크가 이미지 때문에 바쁜지 구별합니다.",
                "Bytes through the load balancer, and confirmed uploads: whether images are what keeps the network "
                "busy.",
            ),
            BYTES_PER_SECOND,
            one("sum(rate(haproxy_frontend_bytes_out_total{$balancer}[$rate]))", Text("내려보냄", "sent"), "purple"),
            one("sum(rate(haproxy_frontend_bytes_in_total{$balancer}[$rate]))", Text("받음", "received"), "blue"),
            one(
                "sum(rate(photo_api_photo_upload_size_total_bytes{$picked}[$rate]))",
                Text("확인된 업로드", "confirmed uploads"),
                "orange",
            ),
            points=(f"{_RECEIVED}: image traffic",),
        ),
        lines(
            714,
            Text("평소 대비 네트워크", "Traffic against usual"),
            Text(
                "지난주(없으면 어제) 같은 시간대의 몇 배인지 보여 줍니다. 2배부터 경고, 5배부터 위험(DDoS "
                "가능성)입니다.",
                "How many times the traffic of last week's (else yesterday's) same hour: a warning from 2, critical "
                "from "
                "5 on, perhaps a DDoS.",
            ),
            TIMES,
            Query(
                "instance_direction:node_network_bytes:rate5m{$hosts}\n/\n"
                "instance_direction:node_network_bytes:rate5m_usual{$hosts}",
                "{{instance}} {{direction}}",
                absent="compares with a day ago, and needs a day of data",
            ),
            home_of=("network",),
            points=(f"{_RECEIVED}: DDoS: unusual traffic",),
        ),
    ),
)
