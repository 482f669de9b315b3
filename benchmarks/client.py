"""One user of the service, for setting a benchmark up."""

import secrets
from io import BytesIO

import httpx
from PIL import Image


class Client:
    """Registered and logged in, with one album."""

    def __init__(self, url: str) -> None:
        self.email = "bench@example.com"
        self._http = httpx.Client(base_url=url, timeout=120)
        password = secrets.token_urlsafe(16)
        self.user_id = str(self._post("/auth/register", email=self.email, username="bench", password=password)["id"])
        self.access_token = str(self._post("/auth/login", email=self.email, password=password)["access_token"])
        self.headers = {"Authorization": f"Bearer {self.access_token}"}
        self.album_id = str(self._post("/albums/", name="Jeju")["id"])

    def _post(self, path: str, **body: object) -> dict[str, object]:
        headers = getattr(self, "headers", {})
        answer = self._http.post(path, json=body, headers=headers)
        answer.raise_for_status()
        return dict(answer.json())

    def presign(self, size: int) -> dict[str, object]:
        """Announce a photo of so many bytes."""
        return self._post(
            "/photos/presigned-url",
            album_id=self.album_id,
            filename="photo.jpg",
            content_type="image/jpeg",
            file_size=size,
        )

    def put(self, upload: dict[str, object], content: bytes) -> None:
        """Upload what was announced."""
        headers = upload["upload_headers"]
        assert isinstance(headers, dict)
        answer = self._http.request(
            str(upload["upload_method"]), str(upload["upload_url"]), content=content, headers=headers
        )
        answer.raise_for_status()

    def confirm(self, upload: dict[str, object]) -> str:
        """Confirm what was uploaded; the photo's id."""
        return str(self._post("/photos/confirm", photo_id=upload["photo_id"])["id"])

    def download(self, photo_id: str) -> int:
        """Read a photo's image to its end; its bytes."""
        with self._http.stream("GET", f"/photos/{photo_id}/image", headers=self.headers) as answer:
            answer.raise_for_status()
            return sum(len(chunk) for chunk in answer.iter_bytes())


def picture(size: int) -> bytes:
    """A JPEG of exactly ``size`` bytes: what follows its end marker is ignored by every decoder."""
    file = BytesIO()
    Image.new("RGB", (640, 480), (90, 120, 160)).save(file, "JPEG")
    return file.getvalue() + bytes(size - file.tell())
