"""Why a model failed, read off the recording.

The walk: a trace that ends in a failure → ``failing`` (everything around it) → ``dispatch`` (the
``rules`` in order) → a ``Diagnosis`` with suggestions, each with the ``edits`` that carry it out.
Whether they help is for :mod:`cnnshape.experiments.search_fixes` to try.
"""
