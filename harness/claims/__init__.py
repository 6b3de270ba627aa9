"""The article's statements as testable contrasts, and what was found about them."""
