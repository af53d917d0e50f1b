import sys

# What checks the syntax of an IRI for jsonschema builds 39 parsers when it is imported, in a second
# and more, and every reader of a notebook imports it. Nothing here has a format of that kind.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
