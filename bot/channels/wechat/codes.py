"""What the platform's error codes mean and what is done about each. An unknown code is a failure of that one call."""

from __future__ import annotations

from enum import StrEnum


class Reaction(StrEnum):
    """What whoever called does next."""

    RENEW = "renew"  # another access token, then once more
    RETRY = "retry"  # the platform is busy
    WINDOW_CLOSED = "window_closed"  # nothing can be sent before the person writes again
    COUNT_EXCEEDED = "count_exceeded"  # the messages of this window are used up
    UNFOLLOWED = "unfollowed"
    BLOCKED = "blocked"
    FALLBACK_TEXT = "fallback_text"  # the same as plain text
    SPLIT = "split"
    TOO_FAST = "too_fast"  # a minute's pause
    QUOTA_DAY = "quota_day"  # until midnight in China
    FEATURE_OFF = "feature_off"  # the account lacks this call
    ALARM = "alarm"  # a person must change something in the console or the settings
    IGNORE = "ignore"
    BUG = "bug"  # our request was wrong
    MEDIA_GONE = "media_gone"
    OPT_OUT = "opt_out"  # the person does not accept this kind of notice (any more)
    UNDELIVERABLE = "undeliverable"  # to this person, this time
    UNKNOWN_CODE = "unknown_code"


BUSY = -1
NO_MENU = 46003
INVALID_SECRET_OR_TOKEN = 40001

_KNOWN: dict[int, tuple[str, Reaction]] = {
    BUSY: ("system_busy", Reaction.RETRY),
    # The access token and the account
    INVALID_SECRET_OR_TOKEN: ("invalid_credential", Reaction.RENEW),
    40014: ("invalid_access_token", Reaction.RENEW),
    42001: ("access_token_expired", Reaction.RENEW),
    41001: ("access_token_missing", Reaction.BUG),
    41002: ("appid_missing", Reaction.BUG),
    41004: ("secret_missing", Reaction.BUG),
    40002: ("invalid_grant_type", Reaction.BUG),
    40013: ("invalid_appid", Reaction.ALARM),
    40125: ("invalid_app_secret", Reaction.ALARM),
    40164: ("ip_not_whitelisted", Reaction.ALARM),
    40243: ("app_secret_frozen", Reaction.ALARM),
    61004: ("ip_not_whitelisted", Reaction.ALARM),
    89503: ("ip_waits_for_the_administrator", Reaction.ALARM),
    48001: ("api_unauthorized", Reaction.FEATURE_OFF),
    48004: ("api_forbidden", Reaction.ALARM),
    # The receiver
    40003: ("invalid_openid", Reaction.UNDELIVERABLE),
    43004: ("require_subscribe", Reaction.UNFOLLOWED),
    50005: ("user_unsubscribed", Reaction.UNFOLLOWED),
    43019: ("receiver_on_the_blacklist", Reaction.BLOCKED),
    48002: ("user_blocks_messages", Reaction.BLOCKED),
    50002: ("user_limited", Reaction.BLOCKED),
    43101: ("user_refuses_the_notice", Reaction.OPT_OUT),
    70000: ("protection_of_minors", Reaction.UNDELIVERABLE),
    # Messages
    45015: ("response_out_of_time_limit", Reaction.WINDOW_CLOSED),
    45047: ("out_of_response_count_limit", Reaction.COUNT_EXCEEDED),
    45087: ("service_messages_blocked", Reaction.ALARM),
    40200: ("invalid_account_type", Reaction.FALLBACK_TEXT),
    45098: ("menu_message_too_many_items", Reaction.FALLBACK_TEXT),
    45099: ("menu_message_item_too_long", Reaction.FALLBACK_TEXT),
    45002: ("content_size_out_of_limit", Reaction.SPLIT),
    45008: ("article_size_out_of_limit", Reaction.BUG),
    44002: ("empty_post_data", Reaction.BUG),
    44004: ("empty_content", Reaction.BUG),
    40008: ("invalid_message_type", Reaction.BUG),
    40033: ("invalid_request_charset", Reaction.BUG),
    40035: ("invalid_parameter", Reaction.BUG),
    47001: ("data_format_error", Reaction.BUG),
    47002: ("json_must_be_utf8", Reaction.BUG),
    47003: ("argument_invalid", Reaction.BUG),
    40037: ("invalid_template_id", Reaction.ALARM),
    # The platform knows this client_msg_id: the message went out before.
    45065: ("client_msg_id_known", Reaction.IGNORE),
    45067: ("client_msg_id_too_long", Reaction.BUG),
    45072: ("invalid_typing_command", Reaction.IGNORE),
    45080: ("typing_too_long_after_a_message", Reaction.IGNORE),
    45081: ("typing_already", Reaction.IGNORE),
    # Quotas
    45009: ("daily_quota_reached", Reaction.QUOTA_DAY),
    45011: ("minute_quota_reached", Reaction.TOO_FAST),
    # Media
    40004: ("invalid_media_type", Reaction.BUG),
    40005: ("invalid_file_type", Reaction.BUG),
    40006: ("invalid_file_size", Reaction.BUG),
    40007: ("invalid_media_id", Reaction.MEDIA_GONE),
    40009: ("invalid_image_size", Reaction.BUG),
    40137: ("invalid_image_format", Reaction.BUG),
    41005: ("media_data_missing", Reaction.BUG),
    45001: ("media_size_out_of_limit", Reaction.BUG),
    # Menus, tags, QR codes
    40015: ("invalid_button_type", Reaction.BUG),
    40016: ("invalid_button_count", Reaction.BUG),
    40017: ("invalid_sub_button_size", Reaction.BUG),
    40018: ("invalid_button_name_size", Reaction.BUG),
    40019: ("invalid_button_key_size", Reaction.BUG),
    40020: ("invalid_button_url_size", Reaction.BUG),
    40022: ("invalid_sub_button_level", Reaction.BUG),
    40023: ("invalid_sub_button_count", Reaction.BUG),
    40024: ("invalid_sub_button_type", Reaction.BUG),
    40025: ("invalid_sub_button_name_size", Reaction.BUG),
    40026: ("invalid_sub_button_key_size", Reaction.BUG),
    40027: ("invalid_sub_button_url_size", Reaction.BUG),
    40053: ("invalid_qr_action", Reaction.BUG),
    45056: ("too_many_tags", Reaction.ALARM),
    45059: ("too_many_tags_on_the_user", Reaction.UNDELIVERABLE),
    45157: ("tag_name_taken", Reaction.IGNORE),
    45158: ("tag_name_too_long", Reaction.BUG),
    45159: ("unknown_tag", Reaction.BUG),
    NO_MENU: ("no_menu", Reaction.IGNORE),
    65301: ("no_conditional_menu", Reaction.IGNORE),
    65303: ("no_default_menu", Reaction.BUG),
    65304: ("match_rule_empty", Reaction.BUG),
    65305: ("too_many_conditional_menus", Reaction.ALARM),
    65306: ("conditional_menus_not_for_this_account", Reaction.FEATURE_OFF),
    65307: ("conditional_menu_empty", Reaction.BUG),
    65316: ("too_many_outside_domains", Reaction.ALARM),
    65317: ("invalid_menu_url", Reaction.BUG),
    65320: ("match_rule_field_refused", Reaction.BUG),
}


def reaction(code: int) -> Reaction:
    return _KNOWN[code][1] if code in _KNOWN else Reaction.UNKNOWN_CODE


def name(code: int) -> str:
    return _KNOWN[code][0] if code in _KNOWN else "unknown_code"
