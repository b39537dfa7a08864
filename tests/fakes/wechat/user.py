"""The acts of one user."""

from __future__ import annotations

from collections import deque
from datetime import datetime
from typing import TYPE_CHECKING

from tests.fakes.wechat.delivery import Delivery
from tests.fakes.wechat.pushes import Value
from tests.fakes.wechat.users import NotFollowingError, Option, Screen, Shown, State
from tests.fakes.wechat.windows import Trigger

if TYPE_CHECKING:
    from tests.fakes.wechat.platform import WechatPlatform

STICKER = "【收到不支持的消息类型，暂无法显示】"
_AMR = b"#!AMR\n" + bytes(64)


class User:
    """An act returns when WeChat is done with its push: answered, or given up. `lose` answers are lost on the way."""

    def __init__(self, platform: WechatPlatform, openid: str) -> None:
        self.platform = platform
        self.openid = openid
        self.state = State()
        self.screen = Screen()

    @property
    def shown(self) -> deque[Shown]:
        return self.screen.shown

    @property
    def left(self) -> int:
        """Customer-service messages that the account may still send."""
        return self.state.windows.left(self.platform.clock())

    @property
    def typing(self) -> bool:
        """Whether the client shows that the account is typing."""
        return self.state.types(self.platform.clock())

    async def next(self, timeout: float = 10.0) -> Shown:
        return await self.screen.next(timeout)

    async def says(self, text: str, *, lose: int = 0) -> Delivery:
        return await self._message("text", Trigger.MESSAGE, lose, Content=text)

    async def taps(self, option: Option | int | str, *, lose: int = 0) -> Delivery:
        """Tap an item of a menu message: the object, its number in the last one, or its label."""
        found = self.screen.option(option)
        given = "0" if self.platform.forgets_menu_ids else found.id
        menu_id: Value = int(given) if given.isdecimal() else given
        return await self._message("text", Trigger.MENU, lose, Content=found.content, bizmsgmenuid=menu_id)

    async def sends_sticker(self) -> Delivery:
        return await self.says(STICKER)

    async def sends_image(self, data: bytes | None = None, *, lose: int = 0) -> Delivery:
        media_id = self.platform.media.keep("image", self.platform.media.example if data is None else data)
        address = f"http://mmbiz.qpic.cn/mmbiz_jpg/{media_id}/0"
        return await self._message("image", Trigger.MESSAGE, lose, PicUrl=address, MediaId=media_id)

    async def sends_voice(self, audio: bytes = _AMR, *, lose: int = 0) -> Delivery:
        """The 16 kHz recording has the same bytes as the other."""
        low, high = (self.platform.media.keep("voice", audio) for _ in range(2))
        return await self._message("voice", Trigger.MESSAGE, lose, MediaId=low, Format="amr", MediaId16K=high)

    async def sends_video(self) -> Delivery:
        ids = (self.platform.media.keep(kind, b"\x00" * 64) for kind in ("video", "thumb"))
        return await self._message(
            "video", Trigger.MESSAGE, 0, **dict(zip(("MediaId", "ThumbMediaId"), ids, strict=True))
        )

    async def sends_location(self, latitude: float, longitude: float, label: str, *, lose: int = 0) -> Delivery:
        place: dict[str, Value] = {"Location_X": latitude, "Location_Y": longitude, "Scale": 16, "Label": label}
        return await self._message("location", Trigger.MESSAGE, lose, **place)

    async def sends_link(self, title: str, url: str) -> Delivery:
        return await self._message("link", Trigger.MESSAGE, 0, Title=title, Description="", Url=url)

    async def follows(self, scene: str | None = None, *, lose: int = 0) -> Delivery:
        self.state.following, self.state.followed_at = True, self.platform.clock()
        self.state.scene = scene or ""
        fields = {"EventKey": ""} if scene is None else {"EventKey": f"qrscene_{scene}", "Ticket": "gQ" + "t" * 30}
        return await self._event("subscribe", Trigger.FOLLOW, lose, **fields)

    async def unfollows(self, *, lose: int = 0) -> Delivery:
        self.state = State(following=False)
        return await self._event("unsubscribe", None, lose, EventKey="")

    async def scans(self, scene: str, *, lose: int = 0) -> Delivery:
        """A code with a scene: who does not follow yet does so through it."""
        if not self.state.following:
            return await self.follows(scene, lose=lose)
        return await self._event("SCAN", Trigger.SCAN, lose, EventKey=scene, Ticket="gQ" + "t" * 30)

    async def clicks(self, key: str, *, lose: int = 0) -> Delivery:
        return await self._event("CLICK", Trigger.MENU, lose, EventKey=key)

    async def views(self, url: str) -> Delivery:
        return await self._event("VIEW", None, 0, EventKey=url, MenuId=self.platform.menus.default_id or 1)

    async def scans_by_menu(self, key: str, result: str, *, waits: bool = True) -> Delivery:
        event = "scancode_waitmsg" if waits else "scancode_push"
        info: Value = {"ScanType": "qrcode", "ScanResult": result}
        return await self._event(event, Trigger.MENU, 0, EventKey=key, ScanCodeInfo=info)

    async def is_at(self, latitude: float, longitude: float) -> Delivery:
        """The periodic position of who agreed to tell it."""
        return await self._event("LOCATION", None, 0, Latitude=latitude, Longitude=longitude, Precision=40.0)

    async def decides(self, template_id: str, *, accepts: bool) -> Delivery:
        """Agree to one subscription notice on a page, or refuse it."""
        self.state.consents[template_id] += accepts
        word = "accept" if accepts else "reject"
        choice: Value = {"TemplateId": template_id, "SubscribeStatusString": word, "PopupScene": 1}
        return await self._event("subscribe_msg_popup_event", None, 0, SubscribeMsgPopupEvent={"List": choice})

    async def withdraws(self, *template_ids: str) -> Delivery:
        for template_id in template_ids:
            self.state.consents.pop(template_id, None)
        choices = [{"TemplateId": template_id, "SubscribeStatusString": "reject"} for template_id in template_ids]
        return await self._event("subscribe_msg_change_event", None, 0, SubscribeMsgChangeEvent={"List": choices})

    async def _message(self, kind: str, trigger: Trigger, lose: int, **fields: Value) -> Delivery:
        if not self.state.following:
            raise NotFollowingError(self.openid)
        now = self._acted(trigger)
        return await self.platform.push(self.platform.composer.message(self.openid, kind, now, **fields), lose=lose)

    async def _event(self, event: str, trigger: Trigger | None, lose: int, **fields: Value) -> Delivery:
        now = self._acted(trigger)
        return await self.platform.push(self.platform.composer.event(self.openid, event, now, **fields), lose=lose)

    def _acted(self, trigger: Trigger | None) -> datetime:
        now = self.platform.clock()
        if trigger is not None:
            self.state.windows.opened(trigger, now)
            self.state.last_exchange = now
        return now
