"""The decision a CI job asks for: is head worse than what was recorded, told in exit codes and explained row by row."""
