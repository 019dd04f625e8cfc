"""The program a runner process runs: a user's `runner.py` with its parts chosen on the command line."""

import argparse
import importlib

from tilebox.workflows import Client, Task
from tilebox.workflows.cache import LocalFileSystemCache


def load(path: str) -> type[Task]:
    """The task class named `module:Class`."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--url", required=True)
    arguments.add_argument("--transport", required=True)
    arguments.add_argument("--cluster", required=True)
    arguments.add_argument("--tasks", nargs="+", required=True)
    arguments.add_argument("--until-idle", action="store_true")
    arguments.add_argument("--cache")
    chosen = arguments.parse_args()

    client = Client(url=chosen.url, transport=chosen.transport)
    cache = LocalFileSystemCache(chosen.cache) if chosen.cache else None
    runner = client.runner(chosen.cluster, tasks=[load(path) for path in chosen.tasks], cache=cache)
    if chosen.until_idle:
        runner.run_all()
    else:
        runner.run_forever()


if __name__ == "__main__":
    main()
