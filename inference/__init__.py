"""Turns a photograph into a recolored photograph: the model, the worker, its HTTP service and its client."""
