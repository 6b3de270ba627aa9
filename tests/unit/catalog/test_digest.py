from dataclasses import dataclass

from harness.catalog.digest import of_value


@dataclass(frozen=True, slots=True)
class Value:
    one: int
    more: tuple[str, ...]


def test_of_value_when_equal_then_equal_and_when_a_field_differs_then_not() -> None:
    assert of_value(Value(1, ("a",))) == of_value(Value(1, ("a",)))
    assert of_value(Value(1, ("a",))) != of_value(Value(1, ("b",)))
    assert of_value({"b": 1, "a": None}) == of_value({"a": None, "b": 1})
