"""What an error's text alone tells: a pasted traceback, a log, the words of an exception.

Nothing is run and no file that the text names is opened, so what is suggested here is never tried.
Text becomes an error with its frames (``read_error``), the frames say at which layer it was
(``place``), and tables of torch's messages say what was expected and what arrived (``table``,
``layers``, ``shapes``, ``others``). None of it imports torch.
"""
