"""Guide 6: do registering, signing in, uploading and viewing succeed."""

from typing import Final

from photo_monitoring.criteria import Alert, Group, Recording, Text, Unit, critical, warning
from photo_monitoring.proofs.stimuli import Case, Ratio


def _failed(ko: str, en: str) -> Text:
    """Say which share of what (in the two languages) failed."""
    return Text(
        f"최근 {{window}} {ko} 요청의 {{value}}가 실패했습니다(4xx, 5xx). 기준 {{threshold}} 초과가 {{hold}} "
        f"이상 이어졌습니다.",
        f"Of the {en} of the last {{window}}, {{value}} failed (4xx or 5xx); above {{threshold}} for {{hold}}.",
    )


_SPLIT: Final = Text("4xx(입력, 인증)인지 5xx(우리 쪽)인지 나눕니다.", "4xx (input, sign-in) or 5xx (ours)?")

HIGH_REGISTRATION_FAILURE_RATIO: Final = Alert(
    name="HighRegistrationFailureRatio",
    subject="registration",
    group=Group.BUSINESS,
    section="6.1",
    symptom_of=("database",),
    value=Recording(
        "job:http_requests_register_failures:ratio_rate5m",
        """
sum by (job) (rate(http_requests_total{$api, handler="/auth/register", method="POST", status=~"[45].."}[${5m}]))
/
sum by (job) (rate(http_requests_total{$api, handler="/auth/register", method="POST"}[${5m}]))
""",
    ),
    volume=Recording(
        "job:http_requests_register:increase5m",
        'sum by (job) (increase(http_requests_total{$api, handler="/auth/register", method="POST"}[${5m}]))',
    ),
    by=("job",),
    unit=Unit.RATIO,
    tiers=(
        warning("registration/warning", 0.1, "5m", minimum=40),
        critical("registration/critical", 0.3, "2m", minimum=20),
    ),
    summary=Text("회원가입 실패율이 높습니다", "Many registrations fail"),
    description=_failed("회원가입", "registrations"),
    next_steps=(
        _SPLIT,
        Text(
            "4xx면 클라이언트 배포나 자동 가입 시도를, 5xx면 DB를 확인합니다.",
            "4xx: a client release or bots; 5xx: the database.",
        ),
    ),
    stimulus=Ratio(
        part='http_requests_total{handler="/auth/register",method="POST",status="409"}',
        others='http_requests_total{handler="/auth/register",method="POST",status="201"}',
    ),
)

HIGH_LOGIN_FAILURE_RATIO: Final = Alert(
    name="HighLoginFailureRatio",
    subject="login",
    group=Group.BUSINESS,
    section="6.1",
    symptom_of=("database",),
    value=Recording(
        "job:http_requests_login_failures:ratio_rate5m",
        """
sum by (job) (rate(http_requests_total{$api, handler="/auth/login", method="POST", status=~"[45].."}[${5m}]))
/
sum by (job) (rate(http_requests_total{$api, handler="/auth/login", method="POST"}[${5m}]))
""",
    ),
    volume=Recording(
        "job:http_requests_login:increase5m",
        'sum by (job) (increase(http_requests_total{$api, handler="/auth/login", method="POST"}[${5m}]))',
    ),
    by=("job",),
    unit=Unit.RATIO,
    tiers=(warning("login/warning", 0.2, "5m", minimum=20), critical("login/critical", 0.5, "2m", minimum=20)),
    summary=Text("로그인 실패율이 높습니다", "Many logins fail"),
    description=_failed("로그인", "logins"),
    next_steps=(
        Text(
            "429와 401이 많으면 무차별 대입을 의심하고 상위 클라이언트를 봅니다.",
            "Many 401 and 429: password guessing; look at the top clients.",
        ),
        Text("5xx면 DB와 비밀번호 해싱 대기를 확인합니다.", "5xx: check the database and the queue for hashing."),
    ),
    stimulus=Ratio(
        part='http_requests_total{handler="/auth/login",method="POST",status="401"}',
        others='http_requests_total{handler="/auth/login",method="POST",status="200"}',
    ),
)

HIGH_PRESIGNED_URL_FAILURE_RATIO: Final = Alert(
    name="HighPresignedUrlFailureRatio",
    subject="presigned-url",
    group=Group.BUSINESS,
    section="6.2",
    symptom_of=("database", "object_storage"),
    value=Recording(
        "job:http_requests_presigned_url_failures:ratio_rate5m",
        """
sum by (job) (rate(http_requests_total{$api, handler="/photos/presigned-url", method="POST", status=~"[45].."}[${5m}]))
/
sum by (job) (rate(http_requests_total{$api, handler="/photos/presigned-url", method="POST"}[${5m}]))
""",
    ),
    volume=Recording(
        "job:http_requests_presigned_url:increase5m",
        'sum by (job) (increase(http_requests_total{$api, handler="/photos/presigned-url", method="POST"}[${5m}]))',
    ),
    by=("job",),
    unit=Unit.RATIO,
    tiers=(
        warning("presigned-url/warning", 0.05, "5m", minimum=50),
        critical("presigned-url/critical", 0.15, "2m", minimum=20),
    ),
    summary=Text("Presigned URL 생성 실패율이 높습니다", "Many presigned URLs cannot be made"),
    description=_failed("Presigned URL 생성", "requests for presigned URLs"),
    next_steps=(
        _SPLIT,
        Text(
            "5xx면 Object Storage 자격 증명과 DB를, 4xx면 거절된 형식과 크기를 확인합니다.",
            "5xx: storage credentials, database; 4xx: refused types and sizes.",
        ),
    ),
    stimulus=Ratio(
        part='http_requests_total{handler="/photos/presigned-url",method="POST",status="503"}',
        others='http_requests_total{handler="/photos/presigned-url",method="POST",status="200"}',
    ),
)

_BEGUN: Final = Recording(
    "job:http_requests_uploads_begun:increase30m",
    """
sum by (job) (
  increase(http_requests_total{$api, handler="/photos/presigned-url", status=~"2.."}[${30m}] offset ${5m})
)
""",
)
_STARTED: Final = (
    'http_requests_total{handler="/photos/presigned-url",method="POST",status="200",instance="api-1",job="photo-api"}'
)
_CONFIRMED: Final = (
    'http_requests_total{handler="/photos/confirm",method="POST",status="200",instance="api-1",job="photo-api"}'
)

# Confirms are compared with uploads begun five minutes earlier, since uploading takes a while. Where uploads die down,
# the two windows see different traffic: there is a value only while uploads still begin at half their rate or more.
LOW_UPLOAD_COMPLETION: Final = Alert(
    name="LowUploadCompletion",
    subject="upload-completion",
    group=Group.BUSINESS,
    section="6.2",
    symptom_of=("database", "object_storage"),
    value=Recording(
        "job:http_requests_uploads_completed:ratio_increase30m",
        """
(
  (
    sum by (job) (increase(http_requests_total{$api, handler="/photos/confirm", status=~"2.."}[${30m}]))
    or
    0 * job:http_requests_uploads_begun:increase30m
  )
  /
  job:http_requests_uploads_begun:increase30m
)
and on (job)
12 * sum by (job) (increase(http_requests_total{$api, handler="/photos/presigned-url", status=~"2.."}[${5m}]))
>= job:http_requests_uploads_begun:increase30m
""",
    ),
    helpers=(_BEGUN,),
    compare="<",
    volume=_BEGUN,
    window="30m",
    by=("job",),
    unit=Unit.RATIO,
    tiers=(
        warning("upload-completion/warning", 0.8, "10m", minimum=20),
        critical("upload-completion/critical", 0.6, "5m", minimum=20),
    ),
    summary=Text("업로드 완료율이 낮습니다", "Few uploads are completed"),
    description=Text(
        "최근 {window} 시작된 업로드의 {value}만 완료되었습니다. 기준 {threshold} 미만이 {hold} 이상 이어졌습니다.",
        "Of the uploads begun in {window} only {value} were completed; under {threshold} for {hold}.",
    ),
    next_steps=(
        Text(
            "클라이언트가 Object Storage에 올리지 못하는지, 확인 요청이 실패하는지 나눕니다.",
            "Do clients fail to upload to storage, or does confirming fail?",
        ),
        Text(
            "확인 요청의 4xx 사유(크기, 형식, 체크섬)를 로그에서 봅니다.",
            "Read in the logs why confirms are refused: size, type, checksum.",
        ),
    ),
    stimulus=Ratio(
        part='http_requests_total{handler="/photos/confirm",method="POST",status="200"}',
        others='http_requests_total{handler="/photos/presigned-url",method="POST",status="200"}',
        among=True,
        rest=1.0,
        ramp="30m",
    ),
    cases=(
        Case(
            name="uploads that just stop are silent, though the last confirms leave the window first",
            inputs={_STARTED: "0+20x120 2400+0x120", _CONFIRMED: "0+20x120 2400+0x120"},
            expect=dict.fromkeys(("1h10m", "1h15m", "1h20m", "1h25m", "1h30m", "1h35m"), ()),
        ),
        Case(
            name="uploads that fall to a third are silent",
            inputs={_STARTED: "0+30x120 3600+10x120", _CONFIRMED: "0+30x120 3600+10x120"},
            expect=dict.fromkeys(("1h10m", "1h20m", "1h30m", "1h40m", "2h"), ()),
        ),
    ),
)

HIGH_IMAGE_FAILURE_RATIO: Final = Alert(
    name="HighImageFailureRatio",
    subject="image-views",
    group=Group.BUSINESS,
    section="6.2",
    symptom_of=("database", "object_storage", "cdn"),
    value=Recording(
        "job:http_requests_image_failures:ratio_rate5m",
        """
sum by (job) (rate(http_requests_total{$api, handler=~"(/share/.+)?/photos/.+/image", status=~"[45].."}[${5m}]))
/
sum by (job) (rate(http_requests_total{$api, handler=~"(/share/.+)?/photos/.+/image"}[${5m}]))
""",
    ),
    volume=Recording(
        "job:http_requests_image:increase5m",
        'sum by (job) (increase(http_requests_total{$api, handler=~"(/share/.+)?/photos/.+/image"}[${5m}]))',
    ),
    by=("job",),
    unit=Unit.RATIO,
    tiers=(
        warning("image-views/warning", 0.05, "5m", minimum=50),
        critical("image-views/critical", 0.15, "2m", minimum=20),
    ),
    summary=Text("이미지 조회 실패율이 높습니다", "Many images cannot be viewed"),
    description=_failed("이미지 조회", "requests for images"),
    next_steps=(
        _SPLIT,
        Text(
            "5xx면 Object Storage와 CDN을, 404가 많으면 지워진 사진의 링크를 확인합니다.",
            "5xx: storage and CDN; many 404: links to deleted photos.",
        ),
    ),
    stimulus=Ratio(
        part='http_requests_total{handler="/share/{token}/photos/{photo_id}/image",method="GET",status="404"}',
        others='http_requests_total{handler="/photos/{photo_id}/image",method="GET",status="302"}',
    ),
)

ALERTS: Final = (
    HIGH_REGISTRATION_FAILURE_RATIO,
    HIGH_LOGIN_FAILURE_RATIO,
    HIGH_PRESIGNED_URL_FAILURE_RATIO,
    LOW_UPLOAD_COMPLETION,
    HIGH_IMAGE_FAILURE_RATIO,
)
