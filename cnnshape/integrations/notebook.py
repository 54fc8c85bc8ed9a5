"""``%load_ext cnnshape``: errors of models explained under their cell, and ``%%cnnshape``."""

from __future__ import annotations

import ast
import shlex
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from io import StringIO
from typing import TYPE_CHECKING, Any

import click

from cnnshape.cli.options import input_option, mode_option
from cnnshape.errors import CnnshapeError, UsageError

if TYPE_CHECKING:
    from torch import nn


def load(shell: Any) -> None:
    """What IPython calls for ``%load_ext cnnshape``."""
    shell.events.register("post_run_cell", _explain)
    shell.register_magic_function(_Magic(shell), magic_kind="cell", magic_name="cnnshape")


def unload(shell: Any) -> None:
    """What IPython calls for ``%unload_ext cnnshape``."""
    shell.events.unregister("post_run_cell", _explain)
    shell.magics_manager.magics["cell"].pop("cnnshape", None)


def _explain(result: Any) -> None:
    """Under a cell in which a model raised: why, and what to change.

    IPython has shown the exception itself by then.
    """
    exception = result.error_in_exec
    if exception is None or _is_told(exception):
        return
    from cnnshape.api.explaining import explain_exception

    found = None
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()), suppress(Exception):
        found = explain_exception(exception)
    if found is not None and found.says_why:
        _display(found)


def _is_told(exception: BaseException) -> bool:
    """Whether ``with cnnshape.explain()`` in the cell has said it already."""
    return any(note.startswith("cnnshape: ") for note in getattr(exception, "__notes__", ()))


class _Magic:
    """``%%cnnshape [MODEL] -i SHAPE``: run the cell, then inspect the model that it defines."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self.__doc__ = _options.get_help(click.Context(_options, info_name="%%cnnshape"))

    def __call__(self, line: str, cell: str) -> None:
        from IPython.core.error import UsageError as Refused

        try:
            with _options.make_context("%%cnnshape", shlex.split(line)) as context:
                asked = dict(context.params)
        except click.exceptions.Exit:  # --help has been printed
            return
        except (click.UsageError, CnnshapeError, ValueError) as error:
            raise Refused(str(error)) from None
        if not self._shell.run_cell(cell).success:
            return
        name = " ".join(asked.pop("model"))
        try:
            self._inspect(name or _defined(cell, self._shell.user_ns), asked)
        except CnnshapeError as error:
            raise Refused(str(error)) from None

    def _inspect(self, name: str, asked: dict[str, Any]) -> None:
        import cnnshape

        model = _built(name, self._shell.ev(name))
        _display(cnnshape.inspect(model, asked.pop("inputs"), **asked))


@click.command("%%cnnshape", add_help_option=True)
@click.argument("model", nargs=-1)
@input_option("A shape, as for `cnnshape inspect`: 1,3,224,224.")
@click.option("--device", default="auto", help="Where to run: auto, cpu, meta, cuda.")
@click.option("--dtype", help="Floating dtype to run in.")
@mode_option
def _options(**_asked: Any) -> None:
    """Run the cell, then inspect the model it defines: the last instance, else the last class.

    MODEL is another name of the notebook, or an expression: Net, Net(num_classes=3), net.encoder.
    """


def _defined(cell: str, names: dict[str, Any]) -> str:
    """The name of the model that a cell defines."""
    from torch import nn

    bound = [name for name in _bound(cell) if name in names]
    instances = [name for name in bound if isinstance(names[name], nn.Module)]
    classes = [name for name in bound if _is_class(names[name])]
    found = instances or classes
    if not found:
        raise UsageError(
            "the cell defines no model: define a subclass of nn.Module or an instance in it, or "
            "name one, as in %%cnnshape net -i 1,3,224,224"
        )
    return found[-1]


def _bound(cell: str) -> Iterator[str]:
    """The names that the statements of a cell bind, in order.

    >>> list(_bound("class Net: ...\\nnet, x = Net(), 1\\nfor i in x: y = i"))
    ['Net', 'net', 'x', 'y']
    """
    for statement in ast.parse(cell).body:
        for node in ast.walk(statement) if not isinstance(statement, _SCOPES) else (statement,):
            if isinstance(node, _SCOPES):
                yield node.name
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    yield from (n.id for n in ast.walk(target) if isinstance(n, ast.Name))


_SCOPES = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def _is_class(value: object) -> bool:
    from torch import nn

    return isinstance(value, type) and issubclass(value, nn.Module)


def _built(name: str, model: Any) -> nn.Module:
    """The model; of a class, an instance made without arguments."""
    from torch import nn

    if _is_class(model):
        try:
            return model()
        except TypeError as error:
            raise UsageError(
                f"{name} cannot be built without arguments ({error}): give them, as in "
                f"%%cnnshape {name}(...)"
            ) from None
    if not isinstance(model, nn.Module):
        raise UsageError(f"{name} is no model but {type(model).__name__}")
    return model


def _display(shown: object) -> None:
    from IPython.display import display

    display(shown)
