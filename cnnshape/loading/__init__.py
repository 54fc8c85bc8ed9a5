"""From what a user types to what a forward pass needs.

A MODEL argument becomes an ``nn.Module`` (:mod:`~cnnshape.loading.model`), an
``--input`` becomes tensors (:mod:`~cnnshape.loading.inputs`), a device name becomes a
way to execute (:mod:`~cnnshape.loading.device`). Importing this package, or any parser
in it, does not import torch.
"""
