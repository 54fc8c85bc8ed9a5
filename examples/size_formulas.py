"""Two formulas as a tutorial prints them, held against what the framework computes."""

import cnnshape

WRITTEN = {
    "conv": r"$$ (W = \frac{W+2P-F}{S} + 1, H = \frac{H+2P-F}{S} + 1) $$",
    "max_pool": r"$$ W = \frac{W-F}{S} + 1, H = \frac{H-F}{S} + 1, $$",
}

NAMES = ("input", "kernel", "stride", "padding", "dilation")

for kind, formula in WRITTEN.items():
    for judgement in cnnshape.formula(kind, formula).judgements:
        print(f"{kind}, {judgement.label}: {judgement.verdict}", end="")
        print(", round down" if judgement.needs_floor else "", end="")
        print(f"; holds when {', '.join(judgement.holds_when)}")
        found = judgement.counterexample
        print(f"  it gives {found['formula']}, the framework {found['actual']}, for", end=" ")
        print(", ".join(f"{name} {found[name]}" for name in NAMES))
    print(f"  in full: {judgement.repaired}")
