"""The jobs that the pages show, made by the official SDK."""

import base64
import http.client
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from urllib.parse import urlsplit

from harness.runners import runner
from harness.waiting import wait_until
from tilebox.workflows import Client
from tilebox.workflows.data import Job

import tasks

SUBMITTERS = 4


class World:
    """A client of one server, and its jobs, each made when it is first asked for."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = Client(url=url)

    def run(self) -> None:
        """Executes everything there is to execute."""
        with runner(self.client, None, tasks.ALL) as connected:
            connected.run_all()

    def submit(self, name: str, task: object) -> Job:
        return self.client.jobs().submit(name, task)

    @cached_property
    def mosaic(self) -> str:
        """A completed job with logs, spans, progress and a dependency."""
        job = self.submit("mosaic-alps", tasks.Mosaic(12))
        self.run()
        wait_until(lambda: self.telemetry("QueryJobSpans", job, "resourceSpans", 26), timeout=30)
        wait_until(lambda: self.telemetry("QueryJobLogs", job, "resourceLogs", 14), timeout=30)
        return str(job.id)

    @cached_property
    def hostile(self) -> str:
        """A failed job whose every text is hostile, on a server with a hostile cluster."""
        job = self.submit(tasks.HOSTILE, tasks.Hostile(f"{tasks.HOSTILE} {tasks.ANSI}"))
        long = self.submit(tasks.LONG, tasks.Leaf(1))
        self.run()
        name = tasks.HOSTILE[:80]
        cluster = {"name": name, "slug": "hostile", "description": f"{tasks.HOSTILE} {tasks.ANSI} {tasks.LONG}"}
        self.call("WorkflowsService/CreateCluster", cluster)
        wait_until(lambda: self.telemetry("QueryJobSpans", job, "resourceSpans", 6), timeout=30)
        wait_until(lambda: self.telemetry("QueryJobLogs", job, "resourceLogs", 2), timeout=30)
        assert long.id != job.id
        return str(job.id)

    @cached_property
    def census(self) -> str:
        """A failed job of more than a thousand tasks: one failed after two retries, an optional one failed too."""
        job = self.submit("census", tasks.Census(1100))
        self.run()
        return str(job.id)

    def ingest(self) -> str:
        """A job that fails, and completes when it is retried."""
        tasks.Parse.attempts = 0
        job = self.submit("ingest-files", tasks.Ingest(3))
        self.run()
        return str(job.id)

    def submit_input(self, name: str, data: bytes) -> str:
        """Submits a job of one task with these bytes as input, which nothing executes."""
        submission = request(name)
        submission["tasks"]["taskGroups"][0]["inputs"] = [base64.b64encode(data).decode()]
        job = self.call("JobService/SubmitJob", submission)
        return str(uuid.UUID(bytes=base64.b64decode(job["id"]["uuid"])))

    def take(self, name: str) -> str:
        """Has a runner take a task with this name and say nothing more; answers the id of the task."""
        cluster = self.call("WorkflowsService/ListClusters", {})["clusters"][0]["slug"]
        wanted = {"clusterSlug": cluster, "identifiers": [{"name": name, "version": "v0.0"}]}
        answer = self.call("TaskService/NextTask", {"nextTaskToRun": wanted})
        return str(uuid.UUID(bytes=base64.b64decode(answer["nextTask"]["id"]["uuid"])))

    def first_task(self, job: str) -> str:
        """The id of the first task of a job."""
        request = {"jobId": {"uuid": base64.b64encode(uuid.UUID(job).bytes).decode()}}
        found = self.call("JobService/ListJobTasks", request)["page"]["tasks"][0]
        return str(uuid.UUID(bytes=base64.b64decode(found["id"]["uuid"])))

    def telemetry(self, method: str, job: Job, field: str, count: int) -> bool:
        answer = self.call(f"TelemetryQueryService/{method}", {"jobId": {"uuid": encoded(job)}})
        return len(answer.get(field, [])) >= count

    def call(self, method: str, request: dict) -> dict:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc)
        return _call(connection, method, request)

    def submit_many(self, count: int) -> None:
        """Submits jobs of one task, which nothing executes."""

        def submit(part: int) -> None:
            connection = http.client.HTTPConnection(urlsplit(self.url).netloc)
            for number in range(part, count, SUBMITTERS):
                _call(connection, "JobService/SubmitJob", request(f"many-{number:05d}"))

        with ThreadPoolExecutor(SUBMITTERS) as pool:
            list(pool.map(submit, range(SUBMITTERS)))


def encoded(job: Job) -> str:
    return base64.b64encode(job.id.bytes).decode()


def request(name: str) -> dict:
    """A job of one task that no runner knows."""
    return {
        "jobName": name,
        "traceParent": "00-6b5dd6328ae6f7dc35fc987eade2cb97-899fb70e0df2b53d-03",
        "tasks": {
            "taskGroups": [
                {
                    "inputs": [""],
                    "identifierPointers": [0],
                    "clusterSlugPointers": [0],
                    "displayPointers": [0],
                    "maxRetriesValues": [0],
                }
            ],
            "clusterSlugLookup": [""],
            "identifierLookup": [{"name": "Nobody", "version": "v1.0"}],
            "displayLookup": ["Nobody"],
        },
    }


def _call(connection: http.client.HTTPConnection, method: str, request: dict) -> dict:
    headers = {"content-type": "application/json"}
    connection.request("POST", f"/workflows.v1.{method}", json.dumps(request), headers)
    answer = connection.getresponse()
    body = json.loads(answer.read())
    assert answer.status == 200, f"{method}: {body}"
    return body
