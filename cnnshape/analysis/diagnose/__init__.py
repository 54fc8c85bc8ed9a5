"""Why a model failed, read off the recording.

The walk: a trace that ends in a failure → :mod:`failing` (everything around it) → :mod:`dispatch`
(the ``rules`` in order) → a diagnosis with candidates, each written as :mod:`edits`. Whether they
help is for :mod:`cnnshape.experiments` to try.
"""
