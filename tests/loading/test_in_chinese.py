"""What is wrong with a model, an input or a device, in Chinese, with nothing English left."""

from __future__ import annotations

import pytest
import torch

import cnnshape
from cnnshape.errors import CnnshapeError
from cnnshape.messages import translated
from tests.analysis.diagnose.test_in_chinese import english

CODE = """
import torch

class First(torch.nn.Linear):
    def __init__(self, width):
        super().__init__(width, 2)

class Second(torch.nn.Module):
    def forward(self, first, second):
        return first

def none():
    return None
"""


@pytest.mark.parametrize(
    ("spec", "inputs", "options", "said"),
    [
        ("lenett", "1,1,28,28", {}, "没有模型 'lenett'；是不是想写 lenet？"),
        ("net.py", "1,4", {}, "net.py 里定义了 2 个网络：First 和 Second；请写明是哪一个"),
        ("net.py:Third", "1,4", {}, "net.py 里没有 'Third'；它定义了 First、Second 和 none"),
        ("net.py:First", "1,4", {}, "First 需要 width：请写成字面量，First(width=…)"),
        ("net.py:First(depth=3)", "1,4", {}, "First 没有参数 'depth'"),
        ("net.py:First(width=4)", None, {}, "需要输入的形状；它是 First，有 4 个特征"),
        ("net.py:Second", "1,4", {}, "接受 2 个输入，但给了 1 个：缺少 second，请加上"),
        ("net.py:none", "1,4", {}, "none 返回的是 NoneType，应当是 nn.Module"),
        ("nets.py:First", "1,4", {}, "没有文件 nets.py；是不是想写 net.py？"),
        ("torchvision:resnet19", "1,3,224,224", {}, "torchvision 没有模型 'resnet19'"),
        ("lenet", "1,1,,28", {}, "'1,1,,28' 里缺少一个尺寸"),
        ("lenet", "1,1,28,-28", {}, "尺寸 -28 是负数"),
        ("lenet", "1,1,28,28:flot", {}, "没有 'flot' 这种数据类型"),
        ("lenet", "1,1,28,28", {"device": "gpu"}, "没有 'gpu' 这种设备"),
        ("lenet", "1,1,28,28", {"dtype": "int64"}, "--dtype 是模型的浮点类型"),
        (torch.nn.Linear, "1,4", {}, "Linear 是一个类"),
    ],
)
def test_bad_input(tmp_path, monkeypatch, spec, inputs, options, said):
    (tmp_path / "net.py").write_text(CODE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CnnshapeError) as raised:
        cnnshape.inspect(spec, inputs, **options)
    told = translated(raised.value.args[0], "zh")
    assert said in told
    assert not english(told)
