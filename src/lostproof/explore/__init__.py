"""Interactive exploration: a person is the driver. Sessions, names, goals and outlooks; nothing here prints."""
