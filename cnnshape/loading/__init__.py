"""From what a user types to what a forward pass needs.

A MODEL argument becomes an ``nn.Module`` (:mod:`~cnnshape.loading.model`), what is given as
inputs becomes the arguments of its forward (:mod:`~cnnshape.loading.inputs`), and both are handed
on as one :class:`~cnnshape.loading.prepare.Prepared`. Importing this package, or any parser in
it, does not import torch.
"""
