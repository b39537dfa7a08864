"""Every kind of message and event of the platform, as it sends them, becomes its typed push."""

from __future__ import annotations

from typing import Any

import pytest

from bot.channels.wechat.documents import parse
from bot.channels.wechat.errors import PushRejected, Reason
from bot.channels.wechat.pushes import (
    Clicked,
    Followed,
    Ignored,
    Image,
    Link,
    Location,
    OptIn,
    Push,
    Scanned,
    ScanResult,
    SubscriptionSent,
    TemplateDone,
    TemplateStatus,
    Text,
    Unfollowed,
    Unsupported,
    Video,
    Voice,
    read,
)
from tests.channels.wechat.vectors import CAPTURED_PUSH, OPENID, ORIGINAL_ID, WORKED

CREATED = 1760000000


def body(rest: str, sender: str = OPENID, created: object = CREATED) -> str:
    """`rest`: the elements behind the common ones."""
    names = f"<ToUserName><![CDATA[{ORIGINAL_ID}]]></ToUserName><FromUserName><![CDATA[{sender}]]></FromUserName>"
    return f"<xml>{names}<CreateTime>{created}</CreateTime>{rest}</xml>"


def message(kind: str, rest: str = "", number: object = "24086087575195331") -> str:
    return body(f"<MsgType><![CDATA[{kind}]]></MsgType>{rest}<MsgId>{number}</MsgId>")


def event(kind: str, rest: str = "", **common: Any) -> str:
    return body(f"<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[{kind}]]></Event>{rest}", **common)


def of(text: str) -> Push:
    return read(parse(text.encode()), ORIGINAL_ID)


def refusal(text: str, original_id: str = ORIGINAL_ID) -> Reason:
    with pytest.raises(PushRejected) as caught:
        read(parse(text.encode()), original_id)
    return caught.value.reason


def said(push: Push) -> tuple[object, ...]:
    """The kind and what is its own; the common part is checked here."""
    fields = dict(vars(push))
    common = [fields.pop(name) for name in ("to", "sender", "created", "key")]
    assert common[:3] == [ORIGINAL_ID, OPENID, CREATED]
    assert len(common[3]) == 64
    return (type(push), *fields.values())


IMAGE = "<PicUrl><![CDATA[http://mmbiz.qpic.cn/a]]></PicUrl><MediaId><![CDATA[m1]]></MediaId>"
VOICE = "<MediaId><![CDATA[m1]]></MediaId><Format><![CDATA[Speex]]></Format>"
FILM = "<MediaId><![CDATA[m1]]></MediaId><ThumbMediaId><![CDATA[t]]></ThumbMediaId>"
PLACE = "<Location_X>31.861200</Location_X><Location_Y>117.283000</Location_Y><Scale>20</Scale>"
LINK = "<Title><![CDATA[题目]]></Title><Description><![CDATA[d]]></Description><Url><![CDATA[https://x/]]></Url>"
MESSAGES = [
    (message("text", "<Content><![CDATA[你好]]></Content>"), (Text, "你好", None)),
    (message("text", "<Content></Content>"), (Text, "", None)),
    (message("Text", "<Content>\n<![CDATA[ a\nb ]]>\n</Content>"), (Text, "a\nb", None)),
    (message("text", "<Content>满意</Content><bizmsgmenuid>101</bizmsgmenuid>"), (Text, "满意", "101")),
    (message("text", "<Content>满意</Content><bizmsgmenuid>0</bizmsgmenuid>"), (Text, "满意", "0")),
    (message("text", "<Content>满意</Content><bizmsgmenuid/>"), (Text, "满意", None)),
    (message("text", "<Content>a</Content><MsgDataId>x</MsgDataId><Idx>1</Idx>"), (Text, "a", None)),
    (message("text", "<Content>【收到不支持的消息类型，暂无法显示】</Content>"), (Unsupported, "sticker")),
    (message("image", IMAGE), (Image, "m1", "http://mmbiz.qpic.cn/a")),
    (message("image", "<MediaId>m1</MediaId>"), (Image, "m1", "")),
    (message("voice", VOICE + "<MediaId16K>m2</MediaId16K><Recognition/>"), (Voice, "m1", "m2", "speex")),
    (message("voice", VOICE), (Voice, "m1", None, "speex")),
    (message("video", FILM), (Video, "m1")),
    (message("shortvideo", FILM), (Video, "m1")),
    (message("location", f"{PLACE}<Label>蜀山区</Label>"), (Location, 31.8612, 117.283, "蜀山区")),
    (message("location", "<Location_X>-90</Location_X><Location_Y>180.0</Location_Y>"), (Location, -90.0, 180.0, "")),
    (message("link", LINK), (Link, "题目")),
    (message("file"), (Unsupported, "file")),
    (message("微信"), (Unsupported, "other")),
    (message(OPENID + "x" * 64), (Unsupported, "other")),
]
SCANNED = (
    "<EventKey><![CDATA[k]]></EventKey><ScanCodeInfo><ScanType><![CDATA[qrcode]]></ScanType>"
    "<ScanResult><![CDATA[https://a/?b&c]]></ScanResult></ScanCodeInfo>"
)
PICTURES = "<SendPicsInfo><Count>1</Count><PicList><item><PicMd5Sum>a</PicMd5Sum></item></PicList></SendPicsInfo>"
PICKED = "<SendLocationInfo><Location_X>31</Location_X><Location_Y>117</Location_Y></SendLocationInfo>"
KEY = "<EventKey><![CDATA[k]]></EventKey>"


def choices(container: str, *answers: tuple[str, str]) -> str:
    entries = "".join(
        f"<List><TemplateId>{template}</TemplateId><SubscribeStatusString>{answer}</SubscribeStatusString>"
        "<PopupScene>2</PopupScene></List>"
        for template, answer in answers
    )
    return f"<{container}>{entries}</{container}>"


def results(*entries: tuple[str, str, str]) -> str:
    listed = "".join(
        f"<List><TemplateId>{template}</TemplateId><MsgID>{number}</MsgID><ErrorCode>{code}</ErrorCode>"
        "<ErrorStatus>s</ErrorStatus></List>"
        for template, number, code in entries
    )
    return f"<SubscribeMsgSentEvent>{listed}</SubscribeMsgSentEvent>"


def job(status: str) -> str:
    return event("TEMPLATESENDJOBFINISH", f"<MsgID>200163836</MsgID><Status><![CDATA[{status}]]></Status>")


POPUP, CHANGE = "SubscribeMsgPopupEvent", "SubscribeMsgChangeEvent"
EVENTS = [
    (event("subscribe"), (Followed, None)),
    (event("subscribe", "<EventKey></EventKey>"), (Followed, None)),
    (event("subscribe", "<EventKey>qrscene_c=a&amp;l=vi</EventKey><Ticket>T</Ticket>"), (Followed, "c=a&l=vi")),
    (event("subscribe", "<EventKey>qrscene_qrscene_1</EventKey>"), (Followed, "qrscene_1")),
    (event("subscribe", "<EventKey>last_trade_no_1</EventKey>"), (Followed, None)),
    (event("SUBSCRIBE", "<EventKey>qrscene_</EventKey>"), (Followed, "")),
    (event("unsubscribe", "<EventKey></EventKey>"), (Unfollowed,)),
    (event("SCAN", "<EventKey>qrscene_1</EventKey><Ticket>T</Ticket>"), (Scanned, "qrscene_1")),
    (event("scan", KEY), (Scanned, "k")),
    (event("CLICK", KEY), (Clicked, "k")),
    (event("scancode_push", SCANNED), (ScanResult, "k", "https://a/?b&c", False)),
    (event("scancode_waitmsg", SCANNED), (ScanResult, "k", "https://a/?b&c", True)),
    (job("success"), (TemplateDone, "200163836", TemplateStatus.DELIVERED)),
    (job("failed:user block"), (TemplateDone, "200163836", TemplateStatus.BLOCKED)),
    (job("failed: system failed"), (TemplateDone, "200163836", TemplateStatus.FAILED)),
    (job("something new"), (TemplateDone, "200163836", TemplateStatus.FAILED)),
    (event("subscribe_msg_popup_event", choices(POPUP, ("t1", "accept"))), (OptIn, True, "t1", ())),
    (
        event("subscribe_msg_popup_event", choices(POPUP, ("t1", "reject"), ("t2", "accept"))),
        (OptIn, False, "t1", ((True, "t2"),)),
    ),
    (event("subscribe_msg_change_event", choices(CHANGE, ("t1", "reject"))), (OptIn, False, "t1", ())),
    (event("subscribe_msg_change_event", choices(POPUP, ("t1", "reject"))), (OptIn, False, "t1", ())),
    (event("subscribe_msg_sent_event", results(("t1", "9", "0"))), (SubscriptionSent, "t1", "9", 0, ())),
    (
        event("subscribe_msg_sent_event", results(("t1", "8", "0"), ("t1", "9", "-3"))),
        (SubscriptionSent, "t1", "8", 0, (("t1", "9", -3),)),
    ),
    (event("LOCATION", "<Latitude>31</Latitude><Longitude>117</Longitude><Precision>5</Precision>"), "location"),
    (event("VIEW", "<EventKey>www.qq.com</EventKey><MenuId>MENUID</MenuId>"), "view"),
    (event("view_miniprogram", KEY), "view_miniprogram"),
    (event("pic_sysphoto", KEY + PICTURES), "pic_sysphoto"),
    (event("pic_photo_or_album", KEY + PICTURES), "pic_photo_or_album"),
    (event("pic_weixin", KEY + PICTURES), "pic_weixin"),
    (event("location_select", KEY + PICKED), "location_select"),
    (event("kf_create_session", "<KfAccount>a@b</KfAccount>"), "kf_create_session"),
    (event("kf_close_session", "<KfAccount>a@b</KfAccount>"), "kf_close_session"),
    (event("kf_switch_session", "<FromKfAccount>a</FromKfAccount><ToKfAccount>b</ToKfAccount>"), "kf_switch_session"),
    (event("user_authorization_revoke"), "user_authorization_revoke"),
    (event("user_info_modified"), "user_info_modified"),
    (event("user_enter_tempsession", "<SessionFrom>x</SessionFrom>"), "user_enter_tempsession"),
    (event("MASSSENDJOBFINISH", "<MsgID>1</MsgID><Status>send success</Status>"), "masssendjobfinish"),
    (event("a text of somebody"), "other"),
    (event(""), "other"),
]


@pytest.mark.parametrize(("text", "expected"), MESSAGES)
def test_messages(text: str, expected: tuple[object, ...]) -> None:
    assert said(of(text)) == expected


@pytest.mark.parametrize(("text", "expected"), EVENTS)
def test_events(text: str, expected: tuple[object, ...] | str) -> None:
    assert said(of(text)) == ((Ignored, expected) if isinstance(expected, str) else expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("A", (Text, "你好，我想预约 😀", None)), ("D", (Followed, "front-desk")), ("E", (Text, "满意", "101"))],
)
def test_worked_examples(name: str, expected: tuple[object, ...]) -> None:
    push = of(WORKED[name].plaintext or "")
    assert (push.to, push.sender) == (ORIGINAL_ID, OPENID)
    assert (type(push), *list(vars(push).values())[4:]) == expected


def test_captured_push() -> None:
    push = read(parse((CAPTURED_PUSH.plaintext or "").encode()), "gh_680bdefc8c5d")
    assert isinstance(push, Text)
    assert (push.sender, push.created, push.content) == ("oIDrpjpQ8j8mBuQ8nM26HWzNEZgg", 1414243737, "?")


@pytest.mark.parametrize(
    "text",
    [
        "<xml><a>pad32-ok</a></xml>",
        f"<xml><ToUserName>{ORIGINAL_ID}</ToUserName></xml>",
        body(""),
        body("<MsgType>event</MsgType>"),
        body("<MsgType><a>text</a></MsgType><Content>b</Content>"),
        body("<MsgType>text</MsgType><Content>b</Content>", sender=""),
        body("<MsgType>text</MsgType><Content>b</Content>", sender="o/../x"),
        body("<MsgType>text</MsgType><Content>b</Content>", sender="o" * 65),
        body("<MsgType>text</MsgType><Content>b</Content>", sender="ｏ"),
        body("<MsgType>text</MsgType><Content>b</Content>", created=""),
        body("<MsgType>text</MsgType><Content>b</Content>", created="-1"),
        body("<MsgType>text</MsgType><Content>b</Content>", created="1e9"),
        body("<MsgType>text</MsgType><Content>b</Content>", created="١٧٦"),
        body("<MsgType>text</MsgType><Content>b</Content>", created="9" * 5000),
        message("text"),
        message("text", "<Content><a>b</a></Content>"),
        message("text", "<Content>b</Content><bizmsgmenuid><a>b</a></bizmsgmenuid>"),
        message("text", "<Content>b</Content>", number="<a>1</a>"),
        message("image"),
        message("voice", "<Format>amr</Format>"),
        message("video"),
        message("location", "<Location_X>31</Location_X>"),
        message("location", "<Location_X>nan</Location_X><Location_Y>1</Location_Y>"),
        message("location", "<Location_X>90.1</Location_X><Location_Y>1</Location_Y>"),
        message("location", "<Location_X>1</Location_X><Location_Y>-180.5</Location_Y>"),
        message("location", f"<Location_X>{'9' * 5000}</Location_X><Location_Y>1</Location_Y>"),
        event("CLICK").replace("<Event>", "<event>").replace("</Event>", "</event>"),
        event("CLICK"),
        event("SCAN"),
        event("scancode_push", KEY),
        event("scancode_push", KEY + "<ScanCodeInfo>a</ScanCodeInfo>"),
        event("scancode_push", KEY + "<ScanCodeInfo><ScanType>a</ScanType></ScanCodeInfo>"),
        event("TEMPLATESENDJOBFINISH", "<Status>success</Status>"),
        event("subscribe_msg_popup_event"),
        event("subscribe_msg_popup_event", choices(POPUP)),
        event("subscribe_msg_popup_event", f"<{POPUP}><List>a</List></{POPUP}>"),
        event("subscribe_msg_sent_event", results(("t", "1", "many"))),
        event("subscribe_msg_sent_event", results(("t", "1", "9" * 5000))),
        event("subscribe_msg_sent_event", "<SubscribeMsgSentEvent>a</SubscribeMsgSentEvent>"),
    ],
)
def test_refused(text: str) -> None:
    assert refusal(text) is Reason.XML


def test_for_another_account() -> None:
    assert refusal(message("text", "<Content>a</Content>"), "gh_another00000") is Reason.ACCOUNT


def keys(*texts: str) -> int:
    """How many different keys the pushes have."""
    return len({of(text).key for text in texts})


def test_key_of_a_message_is_its_number() -> None:
    again = message("text", "<Content>a</Content>")
    assert keys(again, again, again.replace("1760000000", "1760000009")) == 1
    assert keys(again, message("text", "<Content>a</Content>", number="24086087575195332")) == 2


@pytest.mark.parametrize("number", ["", "0", "000"])
def test_key_of_a_message_without_number(number: str) -> None:
    first = message("text", "<Content>a</Content>", number=number)
    assert keys(first, first) == 1
    later = first.replace("1760000000", "1760000001")
    assert keys(first, later, first.replace(OPENID, "oAnother"), message("image", IMAGE, number=number)) == 4


def test_key_of_an_event() -> None:
    click, other = event("CLICK", KEY), event("CLICK", KEY.replace("k", "l"))
    assert keys(click, click, event("click", KEY)) == 1
    later, another = event("CLICK", KEY, created=CREATED + 1), event("CLICK", KEY, sender="oAnother")
    assert keys(click, other, event("SCAN", KEY), later, another) == 5


def test_results_of_one_second_differ() -> None:
    assert keys(job("success"), job("success").replace("200163836", "200163837")) == 2
    sent = [event("subscribe_msg_sent_event", results(("t", number, "0"))) for number in "12"]
    assert keys(*sent) == 2


def test_parts_of_a_key_do_not_run_together() -> None:
    assert keys(event("click", "<EventKey>k</EventKey>"), event("clickk", "<EventKey></EventKey>")) == 2


@pytest.mark.parametrize("text", [text for text, _ in (*MESSAGES, *EVENTS)])
def test_nothing_of_a_push_is_shown(text: str) -> None:
    push = of(text)
    assert repr(push) == f"<{type(push).__name__}>"
    assert OPENID not in push.key
