"""From scores to probabilities to a class, for one image and an untrained network."""

import math

import torch

from cnnshape.models.mlp import MLP

device = "cuda" if torch.cuda.is_available() else "cpu"
torch.manual_seed(0)
model = MLP().to(device)
image = torch.rand(1, 28, 28, device=device)

with torch.no_grad():
    scores = model(image)
probabilities = scores.softmax(dim=1)

print("scores       ", " ".join(f"{score:7.4f}" for score in scores[0].tolist()))
print("probabilities", " ".join(f"{part:7.4f}" for part in probabilities[0].tolist()))
print("they add up to", round(probabilities.sum().item(), 4))
print("predicted class", probabilities.argmax(1).item())

# Softmax by hand: every score's exponential, divided by their sum.
exponentials = [math.exp(score) for score in scores[0].tolist()]
by_hand = [value / sum(exponentials) for value in exponentials]
largest = max(abs(a - b) for a, b in zip(by_hand, probabilities[0].tolist(), strict=True))
print("by hand the same to within 0.00001:", largest < 1e-5)
