"""A user's whole program, run in a process of its own: the variables that name trusted authorities are read once."""

import sys

from tilebox.workflows import Client
from tilebox.workflows.observability.logging import configure_console_logging

from harness.runners import run_all
from harness.telemetry import logs_of
from workflows.first_steps import ChildTask, ParentTask


def main() -> None:
    url, transport = sys.argv[1:]
    configure_console_logging(enabled=False)
    client = Client(url=url, transport=transport)
    # Long enough that compressing it pays.
    job = client.jobs().submit("over TLS " * 50, ParentTask(3))
    run_all(client, None, [ParentTask, ChildTask])
    print(client.jobs().find(job).state.name)
    for record in logs_of(client, job, 3):
        print(record.body, record.attributes["index"])


if __name__ == "__main__":
    main()
