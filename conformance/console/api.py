"""Jobs and runners out of single calls, for cases in which it matters when each is made."""

import base64
import http.client
import json
import secrets
from urllib.parse import urlsplit
from uuid import UUID

TASK = ("Task", "v1.0")


class Api:
    """Calls to one server. What it submits is for a cluster of its own, on which no other case has runners."""

    def __init__(self, url: str, cluster: str | None = None) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        self.cluster = cluster or self.new_cluster()

    def new_cluster(self) -> str:
        name = f"live-{secrets.token_hex(4)}"
        return self.call("WorkflowsService/CreateCluster", {"name": name})["slug"]

    def call(self, method: str, request: dict) -> dict:
        headers = {"content-type": "application/json"}
        self.connection.request("POST", f"/workflows.v1.{method}", json.dumps(request), headers)
        answer = self.connection.getresponse()
        body = json.loads(answer.read())
        assert answer.status == 200, f"{method}: {body}"
        return body

    def submit(self, name: str, *groups: tuple[str, int, list[int]], identifier: tuple[str, str] = TASK) -> str:
        """Submits a job: groups of tasks, each with a display, how many it has, and which groups it waits for. One task
        if there are none.
        """
        groups = groups or (("Task", 1, []),)
        request = {
            "jobName": name,
            "traceParent": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01",
            "tasks": {
                "taskGroups": [
                    {
                        "inputs": [""] * count,
                        "identifierPointers": [0] * count,
                        "clusterSlugPointers": [0] * count,
                        "displayPointers": [place] * count,
                        "maxRetriesValues": [0] * count,
                        "dependenciesOnOtherGroups": dependencies,
                    }
                    for place, (_, count, dependencies) in enumerate(groups)
                ],
                "clusterSlugLookup": [self.cluster],
                "identifierLookup": [{"name": identifier[0], "version": identifier[1]}],
                "displayLookup": [display for display, _, _ in groups],
            },
        }
        job = self.call("JobService/SubmitJob", request)
        return str(UUID(bytes=base64.b64decode(job["id"]["uuid"])))

    def ask(self, *identifiers: tuple[str, str], cluster: str | None = None) -> dict | None:
        """Asks for work as a runner does; answers a task, or nothing if there is none."""
        named = [{"name": name, "version": version} for name, version in identifiers]
        request = {"nextTaskToRun": {"clusterSlug": cluster or self.cluster, "identifiers": named}}
        return self.call("TaskService/NextTask", request).get("nextTask")

    def take(self) -> dict:
        task = self.ask(TASK)
        assert task, "a task was expected"
        return task

    def done(self, task: dict) -> None:
        self.call("TaskService/NextTask", {"computedTask": {"id": task["id"], "display": task.get("display", "")}})

    def failed(self, task: dict) -> None:
        self.call("TaskService/TaskFailed", {"taskId": task["id"], "display": "Task", "wasWorkflowError": True})

    def cancel(self, job: str) -> None:
        self.call("JobService/CancelJob", {"jobId": {"uuid": base64.b64encode(UUID(job).bytes).decode()}})
