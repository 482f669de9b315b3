"""Hostile traffic, bounded: what it must get is a refusal, and every refusal's status is checked.

Two victims with photos and shares are set up first. Attackers then guess passwords and share tokens, forge access
tokens, reach for foreign photos, misuse upload URLs and replay refresh tokens, from addresses of their own, and one
noisy client goes on asking until it is limited. At the end the victims' photos must still be there, unchanged.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import aiohttp

from photo_stack.load import owning
from photo_stack.load.client import Browser, StepFailed, Wanted
from photo_stack.load.forging import forged_tokens, random_share_token
from photo_stack.load.users import TOKEN_KEYS, Errand, NothingToDo, Tokens, VirtualUser, World, attacker_address

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from yarl import URL

    from photo_stack.load.pacing import Flow, Turn

ATTACKERS: Final = 32
NOISY_SHARE: Final = 0.3
"""Part of all slots that the noisy client takes."""
_LIMITED: Final = 429
_UPLOAD_REFUSED: Final = (400, 401, 403, 409, 411, 413, 415, 422)
_CONFIRM_REFUSED: Final = (400, 404, 409, 410, 422)
_OK_BELOW: Final = 400


class AttackSetupFailed(Exception):
    """The victims could not be set up, so there is nothing to attack; the counts say which step failed."""


@dataclass(slots=True)
class Crowd:
    """Who takes part: victims with photos, Mallory with an account, strangers without, and one who is noisy."""

    victims: list[VirtualUser]
    mallory: VirtualUser
    strangers: list[VirtualUser]
    noisy: VirtualUser

    @property
    def everyone(self) -> list[VirtualUser]:
        """All of them, for opening and closing their browsers."""
        return [*self.victims, self.mallory, *self.strangers, self.noisy]


def make_crowd(run: str, base: URL, victims: list[VirtualUser], world: World) -> Crowd:
    """Return the crowd; nothing is sent yet."""

    def attacker(number: int) -> VirtualUser:
        return VirtualUser(f"{run}-x", number, Browser(base, attacker_address(number), world.counts))

    return Crowd(victims, attacker(0), [attacker(number) for number in range(2, ATTACKERS)], attacker(1))


async def set_up(world: World, crowd: Crowd) -> None:
    """Give each victim an album with two photos and two shares (one with a password), and Mallory an album.

    Raises:
        AttackSetupFailed: a step did not get the answer it needs.
    """
    try:
        for user in (*crowd.victims, crowd.mallory):
            errand = Errand(world, user, _at_once)
            for step in (owning.register, owning.log_in, owning.create_album):
                await step(errand)
        for user in crowd.victims:
            errand = Errand(world, user, _at_once)
            for _ in range(2):
                await owning.upload(errand)
            album = user.albums[0]
            await owning.make_share(errand, album, password=None, days=1)
            await owning.make_share(errand, album, password=f"nobody guesses {user.username}", days=1)
    except StepFailed as failure:
        raise AttackSetupFailed from failure


async def check_victims(world: World, crowd: Crowd) -> None:
    """Fetch every photo of the victims as its owner; what is gone or changed is a breach."""
    for victim in crowd.victims:
        errand = Errand(world, victim, _at_once)
        try:
            await owning.log_in(errand)
            for photo in victim.photos:
                wanted = Wanted("victim_image", "GET", f"/photos/{photo.id}/image", (200,))
                await errand.download(wanted, photo, bearer=errand.access_token())
        except StepFailed:
            world.counts.breaches["victims_photos_not_intact"] += 1


class Attack:
    """The hostile scenario."""

    def __init__(self, world: World, crowd: Crowd) -> None:
        """After `set_up`."""
        self._world = world
        self._crowd = crowd
        self._kinds: tuple[tuple[Callable[[Errand], Awaitable[None]], float, bool], ...] = (
            (self._guess_password, 18, False),
            (self._guess_account, 6, False),
            (self._guess_share, 34, False),
            (self._guess_share_image, 8, False),
            (self._guess_share_password, 4, False),
            (self._reach_past_share, 6, False),
            (self._use_forged_token, 10, False),
            (self._reach_for_photo, 8, True),
            (self._reach_for_album, 3, True),
            (self._misuse_upload_url, 2, True),
            (self._replay_refresh_token, 1, True),
        )

    def next_flow(self) -> Flow | None:
        """Choose the noisy client or an attack; strangers attack, Mallory where an account is needed."""
        rng = self._world.rng
        if rng.random() < NOISY_SHARE:
            return self._flow(self._make_noise, self._crowd.noisy)
        run, _, needs_account = rng.choices(self._kinds, weights=[weight for _, weight, _ in self._kinds])[0]
        return self._flow(run, self._crowd.mallory if needs_account else rng.choice(self._crowd.strangers))

    def _flow(self, run: Callable[[Errand], Awaitable[None]], user: VirtualUser) -> Flow:
        async def flow(turn: Turn) -> None:
            try:
                await run(Errand(self._world, user, turn))
            except NothingToDo:
                return
            except StepFailed as failure:
                if failure.status is not None and failure.status < _OK_BELOW:
                    self._world.counts.breaches[run.__name__.removeprefix("_")] += 1

        return flow

    def _victim(self) -> VirtualUser:
        return self._world.pick(self._crowd.victims)

    async def _make_noise(self, errand: Errand) -> None:
        share = self._crowd.victims[0].albums[0].shares[0]
        await errand.send(Wanted("attack_noise", "GET", f"/share/{share.token}", (200, _LIMITED)), limit="share")

    async def _guess_password(self, errand: Errand) -> None:
        guess = {"email": self._victim().email, "password": f"password{self._world.rng.randrange(10**6)}"}
        wanted = Wanted("attack_wrong_password", "POST", "/auth/login", (401, _LIMITED))
        await errand.send(wanted, limit="auth", json=guess)

    async def _guess_account(self, errand: Errand) -> None:
        guess = {"email": f"nobody-{self._world.rng.getrandbits(64):x}@example.com", "password": "password123"}
        wanted = Wanted("attack_unknown_account", "POST", "/auth/login", (401, _LIMITED))
        await errand.send(wanted, limit="auth", json=guess)

    async def _guess_share(self, errand: Errand) -> None:
        path = f"/share/{random_share_token(self._world.rng)}"
        await errand.send(Wanted("attack_share_token", "GET", path, (404, _LIMITED)), limit="share")

    async def _guess_share_image(self, errand: Errand) -> None:
        photo = self._world.pick(self._victim().photos)
        path = f"/share/{random_share_token(self._world.rng)}/photos/{photo.id}/image"
        await errand.send(Wanted("attack_share_image", "GET", path, (404, _LIMITED)), limit="image")

    async def _guess_share_password(self, errand: Errand) -> None:
        share = self._victim().albums[0].shares[1]
        wanted = Wanted("attack_share_password", "GET", f"/share/{share.token}", (401, _LIMITED))
        guess = f"password{self._world.rng.randrange(10**6)}"
        await errand.send(wanted, limit="share", headers={"X-Share-Password": guess})

    async def _reach_past_share(self, errand: Errand) -> None:
        """Ask one victim's share for the other victim's photo."""
        share = self._crowd.victims[0].albums[0].shares[0]
        photo = self._world.pick(self._crowd.victims[1].photos)
        path = f"/share/{share.token}/photos/{photo.id}/image"
        await errand.send(Wanted("attack_photo_not_in_album", "GET", path, (404, _LIMITED)), limit="image")

    async def _use_forged_token(self, errand: Errand) -> None:
        real = Errand(self._world, self._crowd.mallory, _at_once).access_token()
        forged = forged_tokens(real, self._victim().id)
        kind = self._world.rng.choice(sorted(forged))
        path = self._world.rng.choice(("/auth/me", "/photos/", "/albums/"))
        wanted = Wanted(f"attack_token_{kind}", "GET", path, (401, _LIMITED))
        await errand.send(wanted, bearer=forged[kind])

    async def _reach_for_photo(self, errand: Errand) -> None:
        photo = self._world.pick(self._victim().photos)
        method, path, json = self._world.rng.choice(
            (
                ("GET", f"/photos/{photo.id}", None),
                ("GET", f"/photos/{photo.id}/image", None),
                ("PATCH", f"/photos/{photo.id}", {"title": "mine now"}),
                ("DELETE", f"/photos/{photo.id}", None),
            )
        )
        await errand.as_user(Wanted("attack_foreign_photo", method, path, (404, _LIMITED)), json=json)

    async def _reach_for_album(self, errand: Errand) -> None:
        album = self._victim().albums[0]
        method, path, json = self._world.rng.choice(
            (
                ("GET", f"/albums/{album.id}", None),
                ("PATCH", f"/albums/{album.id}", {"name": "mine now"}),
                ("POST", f"/albums/{album.id}/share", {}),
                ("DELETE", f"/albums/{album.id}", None),
            )
        )
        await errand.as_user(Wanted("attack_foreign_album", method, path, (404, _LIMITED)), json=json)

    async def _misuse_upload_url(self, errand: Errand) -> None:
        """Send to a presigned URL what was not signed: another type, fewer bytes, or under an altered signature."""
        rng = self._world.rng
        file = self._world.pool.photo(rng)
        order = {
            "album_id": errand.user.albums[0].id,
            "filename": file.name,
            "content_type": file.content_type,
            "file_size": file.size,
        }
        wanted = Wanted("presign", "POST", "/photos/presigned-url", (200, 201, _LIMITED))
        needs = ("photo_id", "upload_url", "upload_method", "upload_headers")
        answer = await errand.as_user(wanted, json=order, needs=needs)
        if answer.status == _LIMITED:
            return
        presigned = answer.json()
        headers = {str(name): str(value) for name, value in presigned["upload_headers"].items()}
        url, content = str(presigned["upload_url"]), file.content()
        kind = rng.choice(("type", "length", "signature"))
        if kind == "type":
            headers = {**headers, "Content-Type": "text/html"}
        elif kind == "length":
            content = content[:-1]
        else:
            url = url[:-4] + ("AAAA" if not url.endswith("AAAA") else "BBBB")
        wanted = Wanted(
            f"attack_upload_{kind}",
            str(presigned["upload_method"]),
            url,
            (*_UPLOAD_REFUSED, _LIMITED),
        )
        await errand.send(wanted, headers=headers, body=aiohttp.BytesIOPayload(io.BytesIO(content)))
        # Nothing may have been stored.
        confirm = Wanted("attack_confirm", "POST", "/photos/confirm", (*_CONFIRM_REFUSED, _LIMITED))
        await errand.as_user(confirm, json={"photo_id": presigned["photo_id"]})

    async def _replay_refresh_token(self, errand: Errand) -> None:
        """Use a refresh token twice; then the whole family must be revoked."""
        login = {"email": errand.user.email, "password": errand.user.password}
        wanted = Wanted("login", "POST", "/auth/login", (200, _LIMITED))
        answer = await errand.send(wanted, limit="auth", json=login, needs=TOKEN_KEYS)
        if answer.status == _LIMITED:
            return
        first = answer.json()["refresh_token"]
        answer = await errand.send(
            Wanted("refresh", "POST", "/auth/refresh", (200, _LIMITED)),
            limit="auth",
            json={"refresh_token": first},
            needs=TOKEN_KEYS,
        )
        if answer.status == _LIMITED:
            return
        for token in (first, Tokens.of(answer).refresh):
            wanted = Wanted("attack_refresh_replay", "POST", "/auth/refresh", (401, _LIMITED))
            answer = await errand.send(wanted, limit="auth", json={"refresh_token": token})
            if answer.status == _LIMITED:  # the replay never reached the tokens, so nothing was revoked
                return


async def _at_once() -> None:
    """Take no slot: for the few requests before and after the attack."""
