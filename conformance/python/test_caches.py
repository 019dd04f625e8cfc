"""Caches live in runners, so these cases check what the server gives them: stable job ids (K-1 to K-11)."""

from pathlib import Path

import pytest
from tilebox.workflows import Client, ExecutionContext, Task
from tilebox.workflows.cache import InMemoryCache, JobCache, LocalFileSystemCache
from tilebox.workflows.data import Cluster, JobState

from harness.runners import run_all
from harness.wire import Wire


class Write(Task):
    """Writes, and reads back in a child."""

    text: str

    def execute(self, context: ExecutionContext) -> None:
        context.job_cache.group("texts")["one"] = self.text.encode()
        context.job_cache["plain"] = b"\x00\xff"
        context.submit_subtask(Read(self.text))


class Read(Task):
    text: str

    def execute(self, context: ExecutionContext) -> None:
        cache = context.job_cache
        assert cache["texts/one"] == self.text.encode()
        assert cache["plain"] == b"\x00\xff"
        assert list(cache) == ["plain"]
        with pytest.raises(KeyError):
            cache["missing"]


@pytest.mark.parametrize("kind", ["memory", "files"])
def test_k_3_data_is_kept_apart_by_job(client: Client, cluster: Cluster, tmp_path: Path, kind: str) -> None:
    """K-3 to K-7: tasks of one job share a cache; two jobs that write the same keys do not meet."""
    cache: JobCache = InMemoryCache() if kind == "memory" else LocalFileSystemCache(tmp_path)
    jobs = [client.jobs().submit(text, Write(text), cluster=cluster) for text in ("a", "b")]
    run_all(client, cluster, [Write, Read], cache=cache)
    assert [client.jobs().find(job).state for job in jobs] == [JobState.COMPLETED] * 2
    if kind == "files":
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(str(job.id) for job in jobs)


def test_k_1_no_cache(client: Client, wire: Wire, cluster: Cluster) -> None:
    """K-1: without a cache the access raises, and the error says what to do."""
    job = client.jobs().submit("no cache", Write("a"), cluster=cluster)
    run_all(client, cluster, [Write, Read])
    assert client.jobs().find(job).state == JobState.FAILED
    assert "No cache configured" in wire.tree(job).root.display
