"""JSON Schema 2020-12 as `jsonschema` reads it, where it is too slow, too literal or too trusting replaced."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, TypeAlias

import attrs
from jsonschema import Draft202012Validator, FormatChecker, ValidationError, validators
from referencing import Registry

from templates_registry.schema.patterns import compile_pattern
from templates_registry.schema.time_limit import spend

Schema: TypeAlias = Mapping[str, Any]

LONGEST_TEXT = 10_000
"""The cap of a string whose schema has no maxLength."""

# The pattern of the HTML standard. The stock check is satisfied by a lone "@".
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
EMAIL = re.compile(rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@(?=.{{1,255}}\Z){_LABEL}(?:\.{_LABEL})*")


def _is_email(value: object) -> bool:
    return not isinstance(value, str) or EMAIL.fullmatch(value) is not None


def _is_regex(value: object) -> bool:
    return not isinstance(value, str) or re.compile(value) is not None


def _formats() -> FormatChecker:
    checker = FormatChecker(formats=())
    checker.checkers = {
        **Draft202012Validator.FORMAT_CHECKER.checkers,
        "email": (_is_email, ()),
        "regex": (_is_regex, (re.error, OverflowError, RecursionError)),
    }
    return checker


FORMATS = _formats()
# Checkers of several packages, some of which raise what they do not say, e.g. at digits of other scripts. Whatever
# makes one of them fail is not of the format.
FORMATS.checkers = {name: (check, Exception) for name, (check, _) in FORMATS.checkers.items()}


def _type(validator: Any, types: Any, instance: object, schema: Schema) -> Iterator[ValidationError]:
    yield from Draft202012Validator.VALIDATORS["type"](validator, types, instance, schema) or ()
    if isinstance(instance, str) and len(instance) > LONGEST_TEXT and "maxLength" not in schema:
        yield ValidationError("too long", validator="maxLength", validator_value=LONGEST_TEXT)


def _pattern(_: Any, pattern: str, instance: object, schema: Schema) -> Iterator[ValidationError]:
    # A text that is too long has its own message already, and no pattern ever runs over it.
    is_short = isinstance(instance, str) and len(instance) <= schema.get("maxLength", LONGEST_TEXT)
    if is_short and compile_pattern(pattern).search(str(instance)) is None:
        yield ValidationError("no match")


def _multiple_of(_: Any, divisor: float, instance: object, __: Schema) -> Iterator[ValidationError]:
    # By the decimal figures: in binary, 0.3 is no multiple of 0.1.
    is_number = isinstance(instance, int | float) and not isinstance(instance, bool)
    if is_number and (Fraction(str(instance)) / Fraction(str(divisor))).denominator != 1:
        yield ValidationError("not a multiple")


def _unique_items(_: Any, unique: bool, instance: object, __: Schema) -> Iterator[ValidationError]:
    # By hash: the stock comparison of mixed items takes minutes for a list that fits into 64 KB.
    if unique and isinstance(instance, list) and len({_canonical(item) for item in instance}) < len(instance):
        yield ValidationError("not unique")


def _canonical(item: Any) -> str:
    return json.dumps(_without_float_integers(item), sort_keys=True)


def _without_float_integers(item: Any) -> Any:
    if isinstance(item, float) and item.is_integer():
        return int(item)
    if isinstance(item, list):
        return [_without_float_integers(child) for child in item]
    if isinstance(item, dict):
        return {key: _without_float_integers(child) for key, child in item.items()}
    return item


def _properties(validator: Any, properties: Any, instance: object, schema: Schema) -> Iterator[ValidationError]:
    # The stock keyword forgets which property it was that may not be there at all.
    refused = [name for name, part in properties.items() if part is False]
    rest = {name: part for name, part in properties.items() if part is not False}
    yield from Draft202012Validator.VALIDATORS["properties"](validator, rest, instance, schema) or ()
    for name in refused:
        if isinstance(instance, dict) and name in instance:
            yield ValidationError("not allowed", path=[name], instance=instance[name])


def _limited(keyword: Any) -> Any:
    def judged(validator: Any, value: Any, instance: object, schema: Schema) -> Iterator[ValidationError]:
        spend()
        yield from keyword(validator, value, instance, schema) or ()

    return judged


def _validator_class(**own: Any) -> Any:
    keywords = {**Draft202012Validator.VALIDATORS, **own}
    made: Any = validators.extend(  # type: ignore[no-untyped-call]
        Draft202012Validator, {name: _limited(keyword) for name, keyword in keywords.items()}
    )
    # The stock method hands a part that names its dialect back to the stock class.
    made.evolve = attrs.evolve
    return made


Validator: Any = _validator_class(
    type=_type, pattern=_pattern, multipleOf=_multiple_of, uniqueItems=_unique_items, properties=_properties
)
MetaValidator: Any = _validator_class()


def validator(schema: Schema) -> Any:
    """A validator that checks formats and never fetches anything."""
    return Validator(schema, registry=Registry(), format_checker=FORMATS)
