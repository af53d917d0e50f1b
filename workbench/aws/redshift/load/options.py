"""The options of a COPY of text, and which of them go together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workbench.aws.redshift import command
from workbench.aws.redshift.refusals import GUIDE, SqlError, not_here

FORMATS = ("CSV", "JSON", "PARQUET")
COMPRESSIONS = ("GZIP", "BZIP2", "ZSTD")
GRAMMAR = {
    **dict.fromkeys(("CSV", "PARQUET", "MANIFEST", *COMPRESSIONS), command.FLAG),
    **dict.fromkeys(("ESCAPE", "REMOVEQUOTES", "FILLRECORD", "IGNOREBLANKLINES"), command.FLAG),
    **dict.fromkeys(("EMPTYASNULL", "BLANKSASNULL", "TRIMBLANKS", "ROUNDEC"), command.FLAG),
    **dict.fromkeys(("TRUNCATECOLUMNS", "ACCEPTANYDATE", "NOLOAD"), command.FLAG),
    **dict.fromkeys(("DELIMITER", "QUOTE", "NULL", "DATEFORMAT", "TIMEFORMAT"), command.TEXT),
    **dict.fromkeys(("CREDENTIALS", "REGION"), command.TEXT),
    **dict.fromkeys(("IGNOREHEADER", "MAXERROR", "COMPROWS"), command.NUMBER),
    **dict.fromkeys(("JSON", "ACCEPTINVCHARS"), command.TEXT_OR_NONE),
    "STATUPDATE": command.SWITCH,
    "COMPUPDATE": r"(?:\s+(PRESET|ON|OFF|TRUE|FALSE)\b)?",
    "ENCODING": r"(?:\s+AS\b)?\s+'?(\w+)'?",
    "IAM_ROLE": command.ROLE,
    "WITH": r"()(?=\s+CREDENTIALS\b)",
    "FORMAT": command.FORMAT,
}
# Redshift has these; nobody here executes them.
NOT_HERE = frozenset(
    "FIXEDWIDTH AVRO ORC SHAPEFILE RCFILE SEQUENCEFILE LZOP ENCRYPTED MASTER_SYMMETRIC_KEY SSH "
    "READRATIO ACCESS_KEY_ID SECRET_ACCESS_KEY SESSION_TOKEN EXPLICIT_IDS IGNOREALLERRORS "
    "JOB SERIALIZETOJSON".split()
)
WITH_JSON = "DELIMITER ESCAPE FILLRECORD IGNOREBLANKLINES NULL REMOVEQUOTES QUOTE".split()
MAX_ERRORS = 100_000
REGION = "us-east-1"


@dataclass(frozen=True)
class Options:
    """How COPY reads text. The defaults are those of delimited text."""

    form: str = "TEXT"
    json: str = "auto"
    compression: str = ""
    delimiter: str = "|"
    quote: str = '"'
    null: str = r"\N"
    escape: bool = False
    remove_quotes: bool = False
    header: int = 0
    skip_blank: bool = False
    fill: bool = False
    empty_as_null: bool = False
    blanks_as_null: bool = False
    trim: bool = False
    truncate: bool = False
    replacement: str = ""  # of invalid UTF-8; empty: that is an error
    any_date: bool = False
    date_format: str = ""  # empty: Redshift's default
    time_format: str = ""
    round: bool = False
    max_errors: int = 1  # with so many, the load fails
    load: bool = True


def unknown(word: str) -> SqlError:
    if word in NOT_HERE:
        return not_here(f"The option {word} of COPY")
    return SqlError(f'syntax error at or near "{word}"')


def options(given: Mapping[str, str]) -> Options:
    """The options of the clauses of a COPY of text. SqlError for what does not go together."""
    _check(given)
    form = next((each for each in FORMATS if each in given), "TEXT")
    replacement = given.get("ACCEPTINVCHARS")
    return Options(
        form=form,
        json=given.get("JSON", "") or "auto",
        compression=next((each for each in COMPRESSIONS if each in given), ""),
        delimiter=command.character(
            given.get("DELIMITER", "," if form == "CSV" else "|"), "DELIMITER"
        ),
        quote=command.character(given.get("QUOTE", '"'), "QUOTE"),
        null=command.unescaped(given.get("NULL", r"\N")),
        escape="ESCAPE" in given,
        remove_quotes="REMOVEQUOTES" in given,
        header=int(given.get("IGNOREHEADER", 0)),
        skip_blank="IGNOREBLANKLINES" in given,
        fill="FILLRECORD" in given,
        empty_as_null="EMPTYASNULL" in given,
        blanks_as_null="BLANKSASNULL" in given,
        trim="TRIMBLANKS" in given,
        truncate="TRUNCATECOLUMNS" in given,
        replacement="" if replacement is None else _replacement(replacement),
        any_date="ACCEPTANYDATE" in given,
        date_format=given.get("DATEFORMAT", ""),
        time_format=given.get("TIMEFORMAT", ""),
        round="ROUNDEC" in given,
        max_errors=max(1, int(given.get("MAXERROR", 1))),
        load="NOLOAD" not in given,
    )


def _check(given: Mapping[str, str]) -> None:
    forms = [each for each in FORMATS if each in given]
    if len(forms) > 1:
        raise SqlError(f"conflicting or redundant options: {' and '.join(forms)}")
    if len([each for each in COMPRESSIONS if each in given]) > 1:
        raise SqlError("conflicting or redundant options: only one compression may be named")
    for form, others in (("CSV", ("ESCAPE", "REMOVEQUOTES")), ("JSON", WITH_JSON)):
        if wrong := [each for each in others if form in given and each in given]:
            page = f"{GUIDE}/copy-parameters-data-format.html"
            raise SqlError(f"{form} is not compatible with {', '.join(wrong)}. See {page}")
    if "QUOTE" in given and "CSV" not in given:
        raise SqlError("QUOTE can only be used with CSV")
    if int(given.get("MAXERROR", 0)) > MAX_ERRORS:
        raise SqlError(f"MAXERROR must be between 0 and {MAX_ERRORS}")
    if "\n" in command.unescaped(given.get("NULL", "")):
        raise SqlError("the string of NULL AS must not contain a newline")
    encoding = given.get("ENCODING", "UTF8").upper()
    if encoding not in ("UTF8", "UTF-8"):
        raise not_here(f"COPY with ENCODING {encoding}")
    if given.get("REGION", REGION) != REGION:
        raise not_here(f"COPY from the region {given['REGION']}")


def _replacement(given: str) -> str:
    return command.character(given or "?", "The replacement of ACCEPTINVCHARS")
