"""The services: each a process of its own, started by `python -m services.<name>`."""

import gc

# Nothing here makes cycles by the message, and loading makes objects by the hundred thousand and no garbage.
# With its defaults the collector took a tenth of each start and of the writer's time, and a gateway's 5,000
# connections of twenty rooms cost eleven full collections of up to 388 ms.
gc.set_threshold(50_000, 50, 100)
