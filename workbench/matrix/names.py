"""The identifier cells: names of MySQL columns and tables, and their names in Redshift."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Name:
    """``redshift`` empty: refused, with this piece of a message."""

    mysql: str
    redshift: str = ""
    refused: str = ""
    what: str = ""


def _kept(*names: str) -> tuple[Name, ...]:
    return tuple(Name(name, name.lower()) for name in names)


COLUMNS = (
    *_kept("user", "order", "tag", "group", "select", "table", "default", "timestamp", "date"),
    *_kept("key", "index", "values", "from", "where", "analyse", "encrypt", "offset", "snapshot"),
    *_kept("system", "wallet", "language", "open", "percent", "respect", "trusted", "resort"),
    *_kept("UPPER", "MixedCase", "snake_case", "_leading", "trailing_", "a1", "1a", "123"),
    *_kept("with space", " leading", "a-b", "a.b", "a,b", "a;b", "a:b", "a'b", 'a"b', "a(b)"),
    *_kept("a[b]", "a{b}", "a?b", "a*b", "a+b", "a=b", "a<b>", "a|b", "a&b", "a^b", "a~b", "a!b"),
    *_kept("a@b", "a#b", "#hash", "$dollar", "é", "東京", "straße", "ñandú", "naïve", "x" * 64),
    *_kept("--", "/* */".replace("/", "|"), "drop table x; --", "a\tb", "true", "null", "sysdate"),
    Name("tab\nle", "tab\nle", what="a line feed"),
    Name("é" * 63, "é" * 63, what="126 bytes"),
    Name("é" * 64, refused="has 128 bytes", what="128 bytes"),
    Name("東" * 43, refused="has 129 bytes", what="129 bytes"),
    Name("100%", refused="are not supported"),
    Name("a`b", refused="are not supported"),
    Name("a/b", refused="are not supported"),
    Name("a\\b", refused="are not supported"),
    Name("oid", refused="system column"),
    Name("ctid", refused="system column"),
    Name("xmin", refused="system column"),
    Name("_deleted_at", refused="name of ours"),
    Name("_ETL_seq", refused="name of ours"),
)
TABLES = (
    *_kept("a-b", "Upper", "with space", "order", "user", "東京", "x" * 64, "a.b", "a'b"),
    Name("100%", refused="not supported"),
    Name("a/b", refused="not supported"),
    Name("é" * 64, refused="128 bytes", what="128 bytes"),
)
