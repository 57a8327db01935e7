"""The services: each a process of its own, started by `python -m services.<name>`."""

import gc

# Loading a service makes objects by the hundred thousand and no garbage: with its defaults the collector
# looks through all of them again and again, a tenth of the start. `shared.lifecycle` does the rest.
gc.set_threshold(50_000, 50, 100)
