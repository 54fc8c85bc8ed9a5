"""The ``cnnshape`` command: finds a subcommand's file and turns errors into exit codes."""

from __future__ import annotations

import errno
import importlib
import io
import os
import re
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from cnnshape.cli.click_sentences import remembered
from cnnshape.cli.help_page import Context
from cnnshape.cli.output import label
from cnnshape.errors import CnnshapeError
from cnnshape.messages import Said, say, translated
from cnnshape.words import did_you_mean

#: Command name → the module that holds it, and the line shown by ``cnnshape --help``.
#: The modules are imported only when their command runs, so that ``--help`` stays fast.
COMMANDS: dict[str, tuple[str, str]] = {
    "inspect": ("cnnshape.cli.inspect", "Shapes, parameters, MACs and size check per layer."),
    "check": ("cnnshape.cli.check", "Pass or fail: sizes, expected shapes, formulas, budgets."),
    "explain": ("cnnshape.cli.explain", "Run a script, and say why a model in it raised."),
    "compare": ("cnnshape.cli.compare", "Two architectures side by side."),
    "annotate": ("cnnshape.cli.annotate", "forward's source with the shapes beside each line."),
    "sizes": ("cnnshape.cli.sizes", "Which input sizes the model accepts."),
    "draw": ("cnnshape.cli.draw", "Draw the architecture: svg, png, pdf, dot, mermaid."),
    "sweep": ("cnnshape.cli.sweep", "Many models, each isolated: timm:*, files, a list."),
    "params": ("cnnshape.cli.params", "Every parameter, buffer and hook, with first values."),
    "models": ("cnnshape.cli.models", "What can be named as MODEL."),
    "formula": ("cnnshape.cli.formula", "Evaluate, solve, or test a size formula; needs no torch."),
    "train": ("cnnshape.cli.train", "Train a network, or resume a run."),
    "evaluate": ("cnnshape.cli.evaluate", "Measure a trained run on test pictures."),
    "predict": ("cnnshape.cli.predict", "Classify pictures with a run or a model."),
    "features": ("cnnshape.cli.features", "Draw what a layer makes of a picture."),
    "completion": ("cnnshape.cli.completion", "Tab completion for bash, zsh, fish, PowerShell."),
}


#: What Click 8.2 and later raise where ``cnnshape`` stands alone: its message is the help.
_PRINTS_HELP: tuple[type[Exception], ...] = tuple(
    filter(None, (getattr(click.exceptions, "NoArgsIsHelpError", None),))
)


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, not when they are listed."""

    context_class = Context

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order of the documentation."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the one command that is about to run."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(COMMANDS[cmd_name][0]).command
        assert isinstance(command, click.Command)
        command.context_class = Context
        if command.help:
            # The docstrings are raw; Click's mark for "do not rewrap" is the character itself.
            command.help = command.help.replace("\\b\n", "\b\n")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As Click does, with the nearest command named when there is none."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in COMMANDS:
            raise click.UsageError(_unknown_command(name), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any of them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


def _unknown_command(name: str) -> str:
    hint = did_you_mean(name, COMMANDS, limit=2)
    return say("no command {name}{hint}", name=repr(name), hint=hint)


def _print_version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    from cnnshape.cli.version import version_text

    click.echo(version_text())
    ctx.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the versions of cnnshape, Python, torch, torchvision and Graphviz, and exit.",
)
@click.option("--debug", is_flag=True, help="Show the Python traceback of an error.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """What shape is this PyTorch network, why, and what does it look like?

    \b
    cnnshape inspect lenet --input 1,1,28,28
    cnnshape formula conv --input 28 --kernel 5 --padding 2

    MODEL is a bundled name (see `cnnshape models`), torchvision:resnet18, timm:convnext_tiny,
    package.module:Name, path/to/file.py:Name, a file such as net.pt2, or hf:FOLDER for a
    configuration of transformers. Naming your own file runs it, as importing does.
    """
    ctx.obj = {"debug": debug}


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0 fine · 1 the model failed, a check did not hold, nothing found · 2 wrong usage · 130 Ctrl-C.
    """
    with _streams():
        return _run(list(sys.argv[1:] if arguments is None else arguments))


def _run(args: list[str]) -> int:
    if "_CNNSHAPE_COMPLETE" in os.environ:  # a shell asks what Tab offers
        from cnnshape.cli.completion import register

        register()
    try:
        result: Any = cli.main(args, prog_name="cnnshape", standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo(translated(say("interrupted")), err=True)
        return 130
    except (click.ClickException, CnnshapeError, ModuleNotFoundError, OSError) as error:
        if "--debug" in args:
            import traceback

            traceback.print_exc()
        return _told(error, args)
    return result if isinstance(result, int) else 0


class _Closed(io.TextIOBase):
    """Stands where standard output is closed: nothing can be written to it."""

    def write(self, text: str, /) -> int:
        """Refuse, unless there is nothing to write."""
        if text:
            raise OSError(errno.EBADF, "standard output is closed")
        return 0


@contextmanager
def _streams() -> Generator[None]:
    """Both streams are there and write UTF-8.

    A page of shapes is full of × and →, which a pipe on Windows would refuse, and a file's name
    may be no UTF-8. A stream that the caller closed is None.
    """
    before = sys.stdout, sys.stderr
    streams: tuple[Any, Any] = (sys.stdout or _Closed(), sys.stderr or io.StringIO())
    sys.stdout, sys.stderr = streams
    for stream in streams:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _told(error: Exception, args: Sequence[str]) -> int:
    """Say what went wrong, and the exit code for it."""
    if isinstance(error, click.UsageError) and not isinstance(error, _PRINTS_HELP):
        say_error(_usage(error), args)
        return 2
    if isinstance(error, click.ClickException):
        error.show()
        return 2 if isinstance(error, click.UsageError | click.FileError) else error.exit_code
    if isinstance(error, CnnshapeError):
        say_error(str(error), args)
        return error.exit_code
    if isinstance(error, ModuleNotFoundError):
        say_error(_missing(error), args)
        return 2
    # A full disk, say, where stdout goes; files that are named have their own sentences, and
    # Click itself exits quietly where the reader (head, less) has gone.
    assert isinstance(error, OSError)
    where = f" ({error.filename})" if error.filename else ""
    say_error(f"{error.strerror or error}{where}", args)
    return 2 if error.errno == errno.ENAMETOOLONG else 1


def _missing(error: ModuleNotFoundError) -> str:
    """A package that comes with cnnshape and was taken away, with the command that brings it back.

    >>> _missing(ModuleNotFoundError(name="yaml"))
    'this needs yaml, which is not installed: pip install PyYAML'
    """
    module = (error.name or "").partition(".")[0]
    if module in ("", "cnnshape"):
        raise error  # of ours, and wrong
    package = {"yaml": "PyYAML", "PIL": "pillow"}.get(module, module)
    return f"this needs {module}, which is not installed: pip install {package}"


def _usage(error: click.UsageError) -> str:
    """Click's message as one sentence that says where the options are listed."""
    text = error.format_message()
    if not isinstance(text, Said):
        text = text.replace("\n\t", " ").rstrip(".")  # Click lists choices by line
        text = remembered(f"{text[:1].lower()}{text[1:]}")
    where = error.ctx.command_path if error.ctx else "cnnshape"
    return say("{sentence} (see {command} --help)", sentence=text, command=where)


#: So many characters of a long word, or of a long argument that is quoted, are enough.
_ENOUGH = 80
_LETTER = r"[^\s\u3000-\uffef]"  # Chinese has no spaces between its words
_LONG_WORD = re.compile(rf"({_LETTER}{{{_ENOUGH}}}){_LETTER}{{{_ENOUGH},}}")


def say_error(text: str, args: Sequence[str] = ()) -> None:
    """What went wrong on stderr; ``args``, where they are very long, are cut in it."""
    text = translated(text)
    for argument in args:
        for part in (argument.strip(), argument.partition("=")[2].strip()):
            if len(part) > 2 * _ENOUGH:
                text = text.replace(part, f"{part[:_ENOUGH]}…")
    short = _LONG_WORD.sub(r"\1…", text)
    click.echo(f"{label(say('error: '), 'red')}{short}", err=True)
