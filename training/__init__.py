"""Makes the model: data, losses, training, evaluation and representation learning."""
