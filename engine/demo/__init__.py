"""The demo: a real local model behind the gateway, told as a walk from a model file to the price on record."""
