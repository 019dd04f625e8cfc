"""Jobs whose tasks run in Rust and in Python and find each other's data (K-3 to K-8, K-11 to K-15, K-18)."""

import pytest
from scripts import BACKSLASH, NAMES, all_bytes, entries, large, of_group, step, text
from world import World

DIRECTIONS = [("Python", "Rust"), ("Rust", "Python")]


def names(world: World) -> tuple[str, ...]:
    return (*NAMES, BACKSLASH) if world.kind.backslash else NAMES


@pytest.mark.parametrize(("writer", "reader"), DIRECTIONS)
def test_k_6_one_writes_and_the_other_reads(world: World, writer: str, reader: str) -> None:
    """Every name and value arrives as it was sent, whoever the job begins with, and lies where K-11 to K-15 say."""
    first, second = entries(names(world), writer), entries(names(world), reader)
    groups = [group for group in ("", "group", "group/in ner", "bytes") if of_group(group, first)]
    listed = [[group, [key for key, _ in of_group(group, first)]] for group in groups]
    job = world.run(
        writer,
        [step(writer, missing=["plain", "group/plain", "group"], write=first)],
        [
            step(
                reader,
                read=first,
                keys=listed,
                items=[[group, of_group(group, first)] for group in groups],
                # K-4: what is not there, and what is a group.
                missing=["nothing", "group", "group/in ner", "group/nothing", "plain/below", "nothing/at/all"],
                # K-5: the last value counts, whoever wrote the one before.
                write=second,
            )
        ],
        [step(writer, read=second, keys=listed, items=[["group", of_group("group", second)]])],
    )
    assert world.names(job) == sorted(key for key, _ in first)


@pytest.mark.parametrize(("writer", "reader"), DIRECTIONS)
def test_k_18_needless_slashes_and_dots_are_the_same_key(world: World, writer: str, reader: str) -> None:
    """Both leave them out in the same way, in keys and in groups."""
    ways = ["a//b", "./a/./b", "a/b/", "a/b"]
    jobs = [
        world.run(
            writer,
            [step(writer, write=[[way, text(way)]])],
            [step(reader, read=[[other, text(way)] for other in ways], keys=[["a/", ["b"]], ["./a", ["b"]]])],
        )
        for way in ways
    ]
    assert [world.names(job) for job in jobs] == [["a/b"]] * len(ways)


@pytest.mark.parametrize(("begin", "end"), DIRECTIONS)
def test_t_92_many_write_and_one_collects(world: World, begin: str, end: str) -> None:
    """Tasks of both languages fill a group side by side; one that depends on all of them collects it (K-7)."""
    results = [[f"squares/{number}", text(str(number**2))] for number in range(16)]
    writers = [step(("Rust", "Python")[index % 2], write=[result]) for index, result in enumerate(results)]
    world.run(
        begin,
        writers,
        [step(end, items=[["squares", of_group("squares", results)], ["", []]], write=[["sum", text("1240")]])],
        [step(begin, read=[["sum", text("1240")]], keys=[["", ["sum"]]])],
    )


@pytest.mark.parametrize(("writer", "reader"), DIRECTIONS)
def test_k_3_jobs_do_not_meet(world: World, writer: str, reader: str) -> None:
    """Two jobs use the same keys; neither sees the other's."""
    for run in ("first", "second"):
        written = [["shared", text(run)], ["group/shared", text(run)]]
        world.run(
            writer,
            [step(writer, missing=["shared", "group/shared"], keys=[["", []], ["group", []]], write=written)],
            [step(reader, read=written)],
        )


@pytest.mark.parametrize(("writer", "remover"), DIRECTIONS)
def test_k_15_what_one_removes_is_gone_for_the_other(world: World, writer: str, remover: str) -> None:
    """A key that was removed is missing for both, and can be written again."""
    if remover == "Python" and not world.kind.deletes:
        # The Python SDK's cache in local files cannot; there it only has to see it.
        remover, writer = "Rust", "Python"
    both = [["group/kept", all_bytes()], ["group/gone", large()]]
    job = world.run(
        writer,
        [step(writer, write=both)],
        [step(remover, read=both, remove=["group/gone"])],
        [step(writer, missing=["group/gone"], keys=[["group", ["kept"]]])],
        [step(remover, missing=["group/gone"], write=[["group/gone", text("again")]])],
        [step(writer, read=[["group/gone", text("again")]])],
    )
    assert world.names(job) == ["group/gone", "group/kept"]
