"""cnnshape: what shape is this network, why, and what does it look like?"""
