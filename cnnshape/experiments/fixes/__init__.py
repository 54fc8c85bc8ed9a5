"""Carrying out a correction on a model that is put back afterwards.

:mod:`~cnnshape.analysis.diagnose.edits` says what to change; here it is done, on layers, on inputs
and on calls in the source.
"""
