"""Engines: the scalar stepper, the vectorised explorer, and what is decided on the closed graph."""
