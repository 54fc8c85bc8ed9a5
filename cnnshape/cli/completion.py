"""``cnnshape completion``: the script that makes Tab complete commands, flags, models, layers."""

from __future__ import annotations

import os
from typing import Any

import click
from click.shell_completion import (
    BashComplete,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

from cnnshape.errors import UsageError

VARIABLE = "_CNNSHAPE_COMPLETE"
_SHELLS = ("bash", "zsh", "fish", "powershell")


class _Bash(BashComplete):
    """Bash takes a colon for the end of a word: the whole line is read, and the front cut off."""

    source_template = """\
%(complete_func)s() {
    local line="${COMP_LINE:0:COMP_POINT}" type value front word
    word="${line##*[[:space:]]}"
    front="${word%%"${word##*[:=]}"}"
    [[ "$COMP_WORDBREAKS" == *:* ]] || front=""
    COMPREPLY=()
    while IFS=',' read -r type value; do
        if [[ $type == dir ]]; then
            compopt -o dirnames
        elif [[ $type == file ]]; then
            compopt -o default
        elif [[ $type == plain ]]; then
            COMPREPLY+=("${value#"$front"}")
            [[ $value == *[:=] ]] && compopt -o nospace
        fi
    done < <(env CNNSHAPE_LINE="$line" %(complete_var)s=bash_complete "$1")
    return 0
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words in front of the one that is being typed, and that one."""
        line = os.environ.get("CNNSHAPE_LINE", "")
        words = split_arg_string(line)
        if line[-1:].isspace() or len(words) < 2:
            return words[1:], ""
        return words[1:-1], words[-1]

    @staticmethod
    def _check_version() -> None:
        """Click asks bash for its version, which takes a process; 4.4 is from 2016."""


def register() -> None:
    """Have Click use the script above for bash."""
    add_completion_class(_Bash, "bash")


@click.command("completion", short_help="Tab completion for bash, zsh, fish and PowerShell.")
@click.argument("shell", type=click.Choice(_SHELLS))
def command(*, shell: str) -> int:
    r"""Print the script that makes Tab complete `cnnshape` in SHELL.

    Completed are commands, flags, names of models (bundled, torchvision:, timm:), what a file
    defines, and the paths of layers. No file of yours is run for it.

    \b
    bash        cnnshape completion bash > ~/.local/share/bash-completion/completions/cnnshape
    zsh         cnnshape completion zsh > "${fpath[1]}/_cnnshape"
    fish        cnnshape completion fish > ~/.config/fish/completions/cnnshape.fish
    powershell  cnnshape completion powershell >> $PROFILE
    """
    from cnnshape.cli.main import cli

    register()
    found: Any = get_completion_class(shell)
    if found is None:
        raise UsageError(f"the installed click knows no {shell}: pip install --upgrade click")
    click.echo(found(cli, {}, "cnnshape", VARIABLE).source(), nl=False)
    return 0
