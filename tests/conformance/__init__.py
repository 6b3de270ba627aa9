"""Conformance: the real programs of every language against the models, the protocol and each other.

Languages, workloads and variants are discovered from their data files. The same tests run on binaries built with the
compilers on PATH and, marked ``docker``, on the images that are measured.
"""
