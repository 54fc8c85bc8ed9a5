"""A LeNet trained on real handwritten digits, in seconds and without a network.

The digits come with scikit-learn: pip install "cnnshape[train]".
"""

import tempfile
from pathlib import Path

from cnnshape.training import configure, evaluate, train

with tempfile.TemporaryDirectory() as folder:
    run = Path(folder) / "lenet"
    result = train(configure("lenet", "digits", epochs=6), output=str(run))
    for record in result.history:
        print(
            f"epoch {record.epoch}  loss {record.train_loss:.3f}  "
            f"validation {100 * record.validation_accuracy:.1f} %"
        )
    print("test", evaluate(run))
