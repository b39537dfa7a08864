"""The WeChat channel: who residents are there, what came in, and what is on its way to them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "wechat_nonces",
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("push_key", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("mark"),
    )
    op.create_index("ix_wechat_nonces_at", "wechat_nonces", ["at"], unique=False)
    op.create_table(
        "wechat_pushes",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_wechat_pushes_at", "wechat_pushes", ["at"], unique=False)
    op.create_table(
        "wechat_tokens",
        sa.Column("appid", sa.String(length=40), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("appid"),
    )
    op.create_table(
        "identities",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(length=12), nullable=False),
        sa.Column("external_id", sa.String(length=128), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("former", sa.JSON(), nullable=False),
        sa.Column("planned_seq", sa.Integer(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("awaits_contact", sa.Boolean(), nullable=False),
        sa.Column("language_tag", sa.String(length=8), nullable=True),
        sa.Column("community", sa.String(length=40), nullable=True),
        sa.Column("reminders", sa.Boolean(), nullable=True),
        sa.Column("reachable", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("channel", "external_id"),
    )
    op.create_index("ix_identities_conversation_id", "identities", ["conversation_id"], unique=False)
    op.create_table(
        "wechat_grants",
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("trigger", sa.String(length=8), nullable=False),
        sa.Column("remaining", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["identity_id"],
            ["identities.id"],
        ),
        sa.PrimaryKeyConstraint("identity_id", "trigger"),
    )
    op.create_table(
        "wechat_sends",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("push_key", sa.String(length=64), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("rid", sa.String(length=80), nullable=True),
        sa.Column("holder", sa.String(length=80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["identity_id"],
            ["identities.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_wechat_sends_identity_id", "wechat_sends", ["identity_id"], unique=False)
    op.create_index(
        "ix_wechat_sends_offered",
        "wechat_sends",
        ["at"],
        unique=False,
        sqlite_where=sa.text("state = 'offered'"),
        postgresql_where=sa.text("state = 'offered'"),
    )
    op.create_index("ix_wechat_sends_push", "wechat_sends", ["push_key"], unique=False)
    op.create_index(
        "ix_wechat_sends_under_way",
        "wechat_sends",
        ["identity_id"],
        unique=True,
        sqlite_where=sa.text("state = 'sending'"),
        postgresql_where=sa.text("state = 'sending'"),
    )
    op.create_table(
        "wechat_templates",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("platform_id", sa.String(length=32), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["identity_id"],
            ["identities.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_wechat_templates_identity_id", "wechat_templates", ["identity_id"], unique=False)
    op.create_index("ix_wechat_templates_platform_id", "wechat_templates", ["platform_id"], unique=False)
    op.create_table(
        "wechat_bubbles",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("send_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
        ),
        sa.ForeignKeyConstraint(
            ["identity_id"],
            ["identities.id"],
        ),
        sa.ForeignKeyConstraint(
            ["send_id"],
            ["wechat_sends.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("identity_id", "conversation_id", "seq", "number"),
    )
    op.create_index("ix_wechat_bubbles_conversation_id", "wechat_bubbles", ["conversation_id"], unique=False)
    op.create_index("ix_wechat_bubbles_send_id", "wechat_bubbles", ["send_id"], unique=False)
    op.create_index(
        "ix_wechat_bubbles_waiting",
        "wechat_bubbles",
        ["identity_id"],
        unique=False,
        sqlite_where=sa.text("send_id IS NULL"),
        postgresql_where=sa.text("send_id IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("wechat_bubbles")
    op.drop_table("wechat_templates")
    op.drop_table("wechat_sends")
    op.drop_table("wechat_grants")
    op.drop_table("identities")
    op.drop_table("wechat_tokens")
    op.drop_table("wechat_pushes")
    op.drop_table("wechat_nonces")
