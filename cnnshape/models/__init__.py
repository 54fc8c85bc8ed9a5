"""The bundled networks, each a plain ``nn.Module`` in a file of its own, and their registry.

Importing this package does not import torch; :mod:`cnnshape.models.registry` names
every network by string and imports its file on demand.
"""
