"""A pooling module that a network calls twice: two calls, two rows, two sizes."""

import cnnshape

report = cnnshape.inspect("basic-cnn")
for layer in report.layers[1:]:
    before, after = ("×".join(map(str, s[0])) for s in (layer.input_shapes, layer.output_shapes))
    arrow = f"{before} → {after}"
    print(f"{layer.path:<8} call {layer.call}  {arrow:<26} {layer.params:>6,} parameters")
print(f"{report.totals.params:,} parameters, {report.totals.macs:,} multiply-accumulates")
