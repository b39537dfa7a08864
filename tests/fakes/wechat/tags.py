"""Tags on users, and what may be read of a user (sheet 17, 18)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.wechat.account import Right
from tests.fakes.wechat.codes import RefusedError, error_body
from tests.fakes.wechat.server import Answer, Call, Route

if TYPE_CHECKING:
    from tests.fakes.wechat.platform import WechatPlatform
    from tests.fakes.wechat.user import User

_MOST_TAGS = 100
_NAME_BYTES = 30
_MOST_OPENIDS = 50
_MOST_PER_USER = 20


class Tags:
    """`names`: tag id -> name. Ids 0, 1 and 2 are WeChat's own."""

    def __init__(self, platform: WechatPlatform) -> None:
        self._platform = platform
        self.names: dict[int, str] = {}
        self._last_id = 99

    def routes(self) -> list[Route]:
        def post(name: str, handler: Any) -> Route:
            return Route("POST", f"/cgi-bin/tags/{name}", handler, Right.TAGS)

        return [
            post("create", self.create),
            post("update", self.update),
            post("delete", self.delete),
            post("members/batchtagging", self.tag),
            post("members/batchuntagging", self.untag),
            post("getidlist", self.of_user),
            Route("GET", "/cgi-bin/tags/get", self.get, Right.TAGS),
            Route("GET", "/cgi-bin/user/info", self.user_info, Right.USERS),
        ]

    def create(self, call: Call) -> Answer:
        name = self._new_name(call)
        if len(self.names) >= _MOST_TAGS:
            raise RefusedError(45056)
        self._last_id += 1
        self.names[self._last_id] = name
        return {"tag": {"id": self._last_id, "name": name}}

    def update(self, call: Call) -> Answer:
        tag = self._existing(_member(call, "tag").get("id"))
        self.names[tag] = self._new_name(call)
        return error_body(0)

    def delete(self, call: Call) -> Answer:
        tag = self._existing(_member(call, "tag").get("id"))
        del self.names[tag]
        for user in self._carrying(tag):
            user.state.tags.remove(tag)
        return error_body(0)

    def get(self, _call: Call) -> Answer:
        return {
            "tags": [{"id": tag, "name": name, "count": len(self._carrying(tag))} for tag, name in self.names.items()]
        }

    def tag(self, call: Call) -> Answer:
        users, tag = self._users(call), self._existing(call.body.get("tagid"))
        if any(len(user.state.tags) >= _MOST_PER_USER and tag not in user.state.tags for user in users):
            raise RefusedError(45059)
        for user in users:
            # The tag set last decides which menu is shown.
            user.state.tags = [*(other for other in user.state.tags if other != tag), tag]
        return error_body(0)

    def untag(self, call: Call) -> Answer:
        users, tag = self._users(call), self._existing(call.body.get("tagid"))
        for user in users:
            user.state.tags = [other for other in user.state.tags if other != tag]
        return error_body(0)

    def of_user(self, call: Call) -> Answer:
        return {"tagid_list": self._platform.known(call.text("openid", 40003)).state.tags}

    def user_info(self, call: Call) -> Answer:
        user = self._platform.known(call.query.get("openid", ""))
        if not user.state.following:
            return {"subscribe": 0, "openid": user.openid}
        followed, scene = user.state.followed_at, user.state.scene
        return {
            "subscribe": 1,
            "openid": user.openid,
            # The same for everyone (sheet 18): who reads it gets the wrong language.
            "language": "zh_CN",
            "subscribe_time": int((followed or self._platform.clock()).timestamp()),
            "remark": "",
            "groupid": 0,
            "tagid_list": user.state.tags,
            "subscribe_scene": "ADD_SCENE_QR_CODE" if scene else "ADD_SCENE_SEARCH",
            "qr_scene": 0,
            "qr_scene_str": scene,
        }

    def _carrying(self, tag: int) -> list[User]:
        return [user for user in self._platform.users.values() if tag in user.state.tags]

    def _new_name(self, call: Call) -> str:
        name = _member(call, "tag").get("name")
        if not isinstance(name, str) or not name or name in self.names.values():
            raise RefusedError(45157)
        if len(name.encode()) > _NAME_BYTES:
            raise RefusedError(45158)
        return name

    def _existing(self, tag: object) -> int:
        if not isinstance(tag, int) or tag not in self.names:
            raise RefusedError(45159)
        return tag

    def _users(self, call: Call) -> list[User]:
        openids = call.body.get("openid_list")
        if not isinstance(openids, list) or not 1 <= len(openids) <= _MOST_OPENIDS:
            raise RefusedError(40032)
        users = [self._platform.known(openid) for openid in openids]
        if any(not user.state.following for user in users):
            raise RefusedError(43004)
        return users


def _member(call: Call, name: str) -> dict[str, Any]:
    found = call.body.get(name)
    if not isinstance(found, dict):
        raise RefusedError(47001)
    return found
