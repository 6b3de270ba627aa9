"""The kinds of contrast, a file each; ``registry`` has them by name.

Naming them must not import them: they bring the statistics libraries, which a mere listing does not need.
"""

from pathlib import Path
from typing import Final

NAMES: Final = tuple(sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py") if path.stem != "registry"))
"""Names of all kinds, as a claim's file uses them."""
