"""Small torch networks that tests share. Weights are seeded, not trained."""
