"""Models and parameters as files hold them, a file of this package for each kind.

What ``torch.save`` wrote (:mod:`~cnnshape.loading.stored.saved_model`), what ``torch.export`` and
TorchScript wrote (:mod:`~cnnshape.loading.stored.exported`,
:mod:`~cnnshape.loading.stored.scripted`), a configuration of transformers or diffusers
(:mod:`~cnnshape.loading.stored.hugging_face`), and the parameters of a checkpoint alone
(:mod:`~cnnshape.loading.stored.checkpoint`).
"""
