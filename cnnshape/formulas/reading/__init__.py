r"""Reading formulas that people wrote: plain text, unicode and LaTeX become expressions.

>>> from cnnshape.formulas.reading.equations import read
>>> equation, = read(r"N = \lfloor \frac{W - F + 2P}{S} \rfloor + 1", "conv")
>>> equation.label, equation.expression
('N', Expression('floor((input - kernel + 2*padding)/stride) + 1'))
"""
