"""Errors as Python, pytest, rich, IPython, Jupyter and logs write them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cnnshape.analysis.messages.explain_text import explain_text
from cnnshape.analysis.messages.read_error import errors_in

NET = """\
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3)
        self.fc = nn.Linear(100, 10)

    def forward(self, x):
        x = torch.flatten(torch.relu(self.conv(x)), 1)
        return self.fc(x)
"""
CALL = "Net()(torch.zeros(2, 1, 32, 32))"
SAID = "fc expects 100 features, but 7200 arrive"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("told")
    (folder / "net.py").write_text(NET)
    (folder / "run.py").write_text(f"import torch\nfrom net import Net\n{CALL}\n")
    (folder / "test_it.py").write_text(
        f"import torch\nfrom net import Net\n\ndef test_it():\n    {CALL}\n"
    )
    (folder / "rich_run.py").write_text(
        "from rich.traceback import install\ninstall()\n"
        f"import torch\nfrom net import Net\n{CALL}\n"
    )
    return folder


def output(folder: Path, *arguments: str) -> str:
    command = [sys.executable, *arguments]
    options = {"capture_output": True, "text": True, "encoding": "utf-8", "timeout": 120}
    done = subprocess.run(command, cwd=folder, **options)
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def traceback(folder):
    return output(folder, "run.py")


def test_python(traceback):
    found = explain_text(traceback)
    assert found.diagnosis == SAID
    assert (found.path, found.type, found.op) == ("fc", "Linear", "linear")
    assert (found.source.line, found.source.function) == (12, "forward")
    assert found.source.code == "return self.fc(x)"
    [suggestion] = found.suggestions
    assert suggestion.path == "fc"
    assert (suggestion.from_, suggestion.to, suggestion.verified) == (100, 7200, False)


@pytest.mark.parametrize(("style", "color"), [("long", "yes"), ("short", "no"), ("auto", "no")])
def test_pytest(folder, style, color):
    text = output(
        folder, "-m", "pytest", "-p", "no:cacheprovider", f"--tb={style}", f"--color={color}",
        "test_it.py",
    )  # fmt: skip
    found = explain_text(text)
    assert found.diagnosis == SAID
    assert found.source.line == 12
    assert found.source.code == "return self.fc(x)"


def test_rich(folder):
    pytest.importorskip("rich")
    found = explain_text(output(folder, "rich_run.py"))
    assert found.diagnosis == SAID
    assert found.source.code == "return self.fc(x)"


def test_line_ends_of_windows(traceback):
    assert explain_text(traceback.replace("\n", "\r\n")).diagnosis == SAID


def test_paths_of_windows(traceback):
    def paths(line):
        return line.replace("/", "\\") if line.startswith("  File ") else line

    found = explain_text("\n".join(map(paths, traceback.splitlines())))
    assert (found.path, found.diagnosis) == ("fc", SAID)


PYTHON_313 = """\
Traceback (most recent call last):
  File "/home/ada/train.py", line 15, in main
    loss = criterion(model(x), y)
                     ~~~~~^^^
  File "/opt/lib/python3.13/site-packages/torch/nn/modules/module.py", line 1762, in _call_impl
    return forward_call(*args, **kwargs)
  File "/home/ada/train.py", line 11, in forward
    return self.head(self.pool(F.relu(self.conv2(x))).flatten(1))
                                      ~~~~~~~~~~^^^
  File "/opt/lib/python3.13/site-packages/torch/nn/modules/module.py", line 1762, in _call_impl
    return forward_call(*args, **kwargs)
  File "/opt/lib/python3.13/site-packages/torch/nn/modules/conv.py", line 549, in _conv_forward
    return F.conv2d(
           ~~~~~~~~^
        input, weight, bias, self.stride, self.padding, self.dilation, self.groups
        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    )
    ^
RuntimeError: Given groups=1, weight of size [16, 8, 3, 3], expected input[4, 6, 14, 14] to have 8 \
channels, but got 6 channels instead
"""


def test_statements_over_several_lines():
    """Python 3.13 shows them whole, each line with its own marks."""
    found = explain_text(PYTHON_313)
    assert (found.path, found.type) == ("conv2", "Conv2d")
    assert found.diagnosis == "conv2 expects 8 channels, but 6 arrive"


def test_behind_the_prefixes_of_a_log(traceback):
    lines = traceback.splitlines()
    logged = [f"2026-05-01 12:00:{n:02d},118 ERROR [rank0] {line}" for n, line in enumerate(lines)]
    after = "2026-05-01 12:01:00,000 INFO [rank0] started again"
    assert explain_text("\n".join([*logged, after])).diagnosis == SAID
    ranks = "\n".join(f"[rank1]: {line}" for line in lines)
    assert explain_text(ranks).diagnosis == SAID


def test_the_last_error_of_a_model_counts(traceback):
    earlier = traceback.replace("7200", "1234")
    later = (
        'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\nOSError: full\n'
    )
    assert explain_text(f"epoch 1\n{earlier}\nepoch 2\n{traceback}\n{later}").diagnosis == SAID


def test_an_error_that_another_one_hides(traceback):
    hidden = (
        f"{traceback}\nThe above exception was the direct cause of the following exception:\n\n"
        'Traceback (most recent call last):\n  File "train.py", line 9, in <module>\n    fit()\n'
        "TrainingError: epoch 3 failed\n"
    )
    assert explain_text(hidden).diagnosis == SAID
    assert [error.exception for error in errors_in(hidden)] == ["RuntimeError", "TrainingError"]


def test_an_error_in_another_process(traceback):
    indented = traceback.replace("Traceback", "Original Traceback")
    wrapped = (
        "Traceback (most recent call last):\n"
        '  File "train.py", line 4, in <module>\n    next(iter(loader))\n'
        "RuntimeError: Caught RuntimeError in DataLoader worker process 0.\n" + indented
    )
    assert explain_text(wrapped).diagnosis == SAID


JUPYTER = """\
---------------------------------------------------------------------------
RuntimeError                              Traceback (most recent call last)
Cell In[3], line 10
      7     def forward(self, x):
      8         return self.fc(x)
---> 10 Net()(torch.zeros(2, 7))

File /opt/lib/python3.12/site-packages/torch/nn/modules/module.py:1751, in Module._wrapped_call_impl(self, *args, **kwargs)
   1749     return self._compiled_call_impl(*args, **kwargs)  # type: ignore[misc]
   1750 else:
-> 1751     return self._call_impl(*args, **kwargs)

Cell In[3], line 8, in Net.forward(self, x)
      7 def forward(self, x):
----> 8     return self.fc(x)

File /opt/lib/python3.12/site-packages/torch/nn/modules/module.py:1751, in Module._wrapped_call_impl(self, *args, **kwargs)
   1749     return self._compiled_call_impl(*args, **kwargs)  # type: ignore[misc]
   1750 else:
-> 1751     return self._call_impl(*args, **kwargs)

File /opt/lib/python3.12/site-packages/torch/nn/modules/linear.py:125, in Linear.forward(self, input)
    124 def forward(self, input: Tensor) -> Tensor:
--> 125     return F.linear(input, self.weight, self.bias)

RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x7 and 9x4)
"""  # noqa: E501
COLAB = """\
RuntimeError                              Traceback (most recent call last)
<ipython-input-4-08f2f43a5c6e> in <module>
----> 1 Net()(torch.zeros(2, 7))

/usr/local/lib/python3.7/dist-packages/torch/nn/modules/module.py in _call_impl(self, *input, **kwargs)
   1128                 or _global_forward_hooks or _global_forward_pre_hooks):
-> 1129             return forward_call(*input, **kwargs)
   1130         # Do not call functions when jit is used

<ipython-input-3-a76b2bbb0a3c> in forward(self, x)
      7     def forward(self, x):
----> 8         return self.fc(x)

/usr/local/lib/python3.7/dist-packages/torch/nn/modules/module.py in _call_impl(self, *input, **kwargs)
-> 1129             return forward_call(*input, **kwargs)

/usr/local/lib/python3.7/dist-packages/torch/nn/modules/linear.py in forward(self, input)
    113     def forward(self, input: Tensor) -> Tensor:
--> 114         return F.linear(input, self.weight, self.bias)
    115 

RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x7 and 9x4)
"""  # noqa: E501, W291


@pytest.mark.parametrize("text", [JUPYTER, COLAB], ids=["jupyter", "colab"])
def test_notebooks(text):
    found = explain_text(text)
    assert found.diagnosis == "fc expects 9 features, but 7 arrive"
    assert (found.path, found.source.line, found.source.code) == ("fc", 8, "return self.fc(x)")


def test_a_compiled_model(folder):
    """The compiler's own frames say nothing; below its message stand those of the model."""
    (folder / "compiled.py").write_text(
        "import torch\nfrom net import Net\n"
        'torch.compile(Net(), backend="eager")(torch.zeros(2, 1, 32, 32))\n'
    )
    found = explain_text(output(folder, "compiled.py"))
    assert (found.path, found.diagnosis) == ("fc", SAID)
    assert found.source.code == "return self.fc(x)"


def test_a_gpu_says_in_a_line_of_its_own_what_was_wrong():
    said = "Loss.cu:250: block: [0,0,0], thread: [3,0,0] Assertion `{}` failed.\n"
    after = "RuntimeError: CUDA error: device-side assert triggered\n"
    assert explain_text(said.format("t >= 0 && t < n_classes") + after).kind == "loss.target_range"
    assert (
        explain_text(said.format("srcIndex < srcSelectDimSize") + after).kind == "embedding.index"
    )
    assert explain_text(after).kind == "index.out_of_range"


def test_the_path_goes_from_call_to_call():
    """`model(x)`, in it `self.decoder(y)`, in it `self.fc(z)`."""
    call = (
        '  File "/lib/site-packages/torch/nn/modules/module.py", line 1, in _call_impl\n'
        "    return forward_call(*args, **kwargs)\n"
    )
    text = (
        'Traceback (most recent call last):\n  File "run.py", line 8, in <module>\n'
        f'    model(x)\n{call}  File "net.py", line 9, in forward\n'
        f'    return self.decoder(y)\n{call}  File "net.py", line 3, in forward\n'
        f"    return self.blocks[2](z)\n{call}"
        '  File "/lib/site-packages/torch/nn/modules/linear.py", line 1, in forward\n'
        "    return F.linear(input, self.weight, self.bias)\n"
        "RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x7 and 9x4)\n"
    )
    found = explain_text(text)
    assert found.path == "decoder.blocks.2"
    assert found.diagnosis == "decoder.blocks.2 expects 9 features, but 7 arrive"
    unsure = explain_text(text.replace("return self.decoder(y)", "return layer(y)"))
    assert unsure.path == ""
    assert unsure.suggestions[0].text.startswith("blocks[2] = nn.Linear(")


def test_several_layers_on_one_line():
    """Without carets, which Python writes since 3.11, nothing says which of both it was."""
    frames = (
        'Traceback (most recent call last):\n  File "net.py", line 8, in forward\n'
        "    return self.b(self.a(x))\n{carets}"
        '  File "/lib/site-packages/torch/nn/modules/module.py", line 1, in _call_impl\n'
        "    return forward_call(*args, **kwargs)\n"
        '  File "/lib/site-packages/torch/nn/modules/linear.py", line 1, in forward\n'
        "    return F.linear(input, self.weight, self.bias)\n"
        "RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x7 and 9x4)\n"
    )
    unmarked = explain_text(frames.format(carets=""))
    assert (unmarked.path, unmarked.diagnosis) == ("", "a Linear expects 9 features, but 7 arrive")
    inner = explain_text(frames.format(carets="                  ^^^^^^^^^\n"))
    assert (inner.path, inner.diagnosis) == ("a", "a expects 9 features, but 7 arrive")
    outer = explain_text(frames.format(carets="           ^^^^^^^^^^^^^^^^^\n"))
    assert outer.path == "b"


def test_a_layer_inside_another_is_not_named():
    text = (
        'Traceback (most recent call last):\n  File "net.py", line 8, in forward\n'
        "    return self.features(x)\n"
        '  File "/lib/site-packages/torch/nn/modules/module.py", line 1, in _call_impl\n'
        "    return forward_call(*args, **kwargs)\n"
        '  File "/lib/site-packages/torch/nn/modules/container.py", line 1, in forward\n'
        "    input = module(input)\n"
        '  File "/lib/site-packages/torch/nn/modules/module.py", line 1, in _call_impl\n'
        "    return forward_call(*args, **kwargs)\n"
        '  File "/lib/site-packages/torch/nn/modules/linear.py", line 1, in forward\n'
        "    return F.linear(input, self.weight, self.bias)\n"
        "RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x7 and 9x4)\n"
    )
    found = explain_text(text)
    assert found.path == ""
    assert found.diagnosis == "a Linear in features expects 9 features, but 7 arrive"


def test_a_message_that_the_terminal_broke():
    text = "RuntimeError: mat1 and mat2 shapes cannot be\nmultiplied (2x7 and 9x4)\n"
    assert explain_text(text).diagnosis == "a Linear expects 9 features, but 7 arrive"


def test_code_that_handles_errors_is_none():
    assert errors_in("try:\n    f()\nexcept ValueError: pass\n    raise KeyError(1)\n") == []
    assert explain_text("all is well\n") is None


def test_a_model_that_raises_itself():
    text = (
        'Traceback (most recent call last):\n  File "net.py", line 8, in forward\n'
        '    assert x.shape[-1] == 32, "wrong size"\nAssertionError: wrong size\n'
    )
    found = explain_text(text)
    assert (found.kind, found.diagnosis) == ("raised.own", "forward asserts otherwise: wrong size")


@pytest.mark.parametrize(
    "text",
    [
        "A" * 300_000,
        "Error: " * 50_000,
        ("a.b." * 490 + "Error\n") * 100,
        ("1, " * 600 + "\n") * 100,
    ],
    ids=["letters", "errors", "dots", "numbers"],
)
def test_long_lines_take_no_time(text):
    explain_text(text)
