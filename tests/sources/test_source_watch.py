import asyncio
import resource
import shutil
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine.errors import UserError
from engine.sources import watching
from engine.sources.directory import DirectorySource
from engine.sources.errors import SourceMissing
from engine.sources.repository import GitSource
from engine.sources.source import open_source


@pytest.fixture
def root(tmp_path):
    path = tmp_path / "catalog"
    (path / "models").mkdir(parents=True)
    (path / "catalog.yaml").write_text("format: 1\n")
    return path


def changes(source, hints, change, *, ready=lambda: None):
    """Whether a hint follows `change`, after the watch came to rest."""

    async def scenario():
        async with hints(source) as seen:
            ready()
            await seen.quiet()
            before = seen.count
            change()
            await seen.after(before, within=5)
            return seen.watch.mode

    return asyncio.run(scenario())


def test_the_watch_stands_before_the_first_hint(root, hints):
    async def scenario():
        source = DirectorySource(root)
        async with hints(source) as seen:  # has waited for the first hint
            (root / "models" / "x.yaml").write_text("a: 1\n")
            await seen.after(1, within=5)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "models" / "x.yaml").write_text("a: 1\n"),
        lambda root: (root / "catalog.yaml").unlink(),
        lambda root: (root / "catalog.yaml").rename(root / "models" / "catalog.yaml"),
        lambda root: (root / "models" / "new").mkdir(),
        shutil.rmtree,
        lambda root: root.rename(root.with_name("away")),
    ],
    ids=["write", "unlink", "rename", "mkdir", "delete the root", "move the root"],
)
def test_every_kind_of_change_to_a_directory_is_hinted(root, hints, change):
    assert changes(DirectorySource(root), hints, lambda: change(root)) == "events"


def test_a_file_in_a_directory_that_is_new_is_hinted(root, hints):
    (root / "new").mkdir()
    changes(DirectorySource(root), hints, lambda: (root / "new" / "x.yaml").write_text("a: 1\n"))


def test_a_burst_of_writes_is_few_hints_and_the_last_is_not_lost(root, hints):
    async def scenario():
        source = DirectorySource(root, settle=0.02)
        async with hints(source) as seen:
            await seen.quiet()
            before, started = seen.count, time.monotonic()
            for number in range(2_000):
                (root / "models" / f"{number % 20}.yaml").write_text(f"n: {number}\n")
                if number % 100 == 0:
                    await asyncio.sleep(0)
            took = time.monotonic() - started
            await seen.after(before)
            await seen.quiet()
            assert seen.count - before <= 3 + took / 0.1
            last = await asyncio.to_thread(source.read)
            assert last.files["models/19.yaml"] == b"n: 1999\n"

    asyncio.run(scenario())


def test_scratch_files_of_editors_are_not_hinted(root, hints):
    async def scenario():
        async with hints(DirectorySource(root)) as seen:
            await seen.quiet()
            before = seen.count
            for name in ("4913", ".x.swp", "x.yaml~", "#x#"):
                (root / name).write_text("scratch")
                (root / name).unlink()
            (root / ".git").mkdir()
            (root / ".git" / "index").write_text("x")
            await seen.quiet()
            assert seen.count == before

    asyncio.run(scenario())


def test_the_swap_of_a_volume_is_hinted(tmp_path, hints):
    volume = tmp_path / "volume"
    for version in ("..one", "..two"):
        (volume / version).mkdir(parents=True)
    (volume / "..data").symlink_to("..one")

    def swap():
        (volume / "..data_tmp").symlink_to("..two")
        (volume / "..data_tmp").rename(volume / "..data")

    changes(DirectorySource(volume), hints, swap)


def test_the_swap_of_a_root_that_is_a_link_is_hinted(tmp_path, root, hints):
    (tmp_path / "current").symlink_to(root)
    (tmp_path / "next").mkdir()

    def swap():
        (tmp_path / "swap").symlink_to("next")
        (tmp_path / "swap").rename(tmp_path / "current")

    changes(DirectorySource(tmp_path / "current"), hints, swap)


@pytest.mark.parametrize("kind", ["directory", "repository"])
def test_a_source_that_goes_and_comes_back_is_followed_again(repository, hints, kind, monkeypatch):
    monkeypatch.setattr(watching, "_CHECK_MS", 50)
    top = repository.path
    source = GitSource(top) if kind == "repository" else DirectorySource(top / "catalog", settle=0.02)

    async def scenario():
        async with hints(source) as seen:
            await seen.quiet()
            before = seen.count
            top.rename(top.with_name("away"))
            await seen.after(before, within=5)
            with pytest.raises(SourceMissing):
                source.read()
            before = seen.count
            shutil.copytree(top.with_name("away"), top, symlinks=True)
            await seen.after(before, within=5)
            await seen.quiet(0.4)
            before = seen.count
            commit = repository.commit({"catalog/catalog.yaml": "format: 2\n"})
            await seen.after(before, within=5)
            tree = source.read()
            assert tree.files["catalog.yaml"] == b"format: 2\n"
            assert kind == "directory" or tree.revision == commit

    asyncio.run(scenario())


def test_a_commit_is_hinted_at_once(repository, hints):
    source = GitSource(repository.path)

    async def scenario():
        delays = []
        async with hints(source) as seen:
            for number in range(5):
                await seen.quiet(0.2)
                before = seen.count
                commit = await asyncio.to_thread(repository.commit, {"catalog/catalog.yaml": f"format: {number}\n"})
                started = time.monotonic()
                await seen.after(before)
                delays.append(time.monotonic() - started)
                assert source.head() == commit
        return sorted(delays)[2]

    assert asyncio.run(scenario()) < 0.1  # the contract: well under 100 ms on a quiet machine (15 ms were measured)


@pytest.mark.parametrize("ref", ["main", "team/a/feature", "HEAD", "release"])
def test_every_way_a_ref_can_move_is_hinted(repository, hints, ref):
    first = repository.git("rev-parse", "HEAD")
    second = repository.commit({"catalog/catalog.yaml": "format: 2\n"})
    if ref == "release":
        repository.git("tag", "release", first)
    elif ref == "team/a/feature":
        repository.git("branch", ref, first)
        repository.git("pack-refs", "--all")  # which removes the empty directories
    source = GitSource(repository.path, ref)

    def move():
        if ref == "release":
            repository.git("tag", "-f", "release", second)
        elif ref == "team/a/feature":
            repository.git("update-ref", f"refs/heads/{ref}", second)
        else:
            repository.git("update-ref", "refs/heads/main", first)

    before = source.head()
    assert changes(source, hints, move) == "events"
    assert source.head() != before


def test_a_branch_that_is_made_later_is_hinted(repository, hints):
    changes(GitSource(repository.path, "later/on"), hints, lambda: repository.git("branch", "later/on"))


def test_a_packed_ref_that_moves_is_hinted(repository, hints):
    repository.git("pack-refs", "--all")
    changes(GitSource(repository.path), hints, lambda: repository.commit({"catalog/catalog.yaml": "format: 2\n"}))


def test_a_push_into_a_bare_repository_is_hinted(repository, hints, tmp_path):
    repository.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    source = GitSource(tmp_path / "bare.git")

    def push():
        repository.commit({"catalog/catalog.yaml": "format: 2\n"})
        repository.git("push", "-q", str(tmp_path / "bare.git"), "main")

    changes(source, hints, push)
    assert source.read().files["catalog.yaml"] == b"format: 2\n"


def test_the_head_of_a_linked_work_tree_is_followed(repository, hints, tmp_path):
    repository.git("branch", "other", repository.commit({"catalog/catalog.yaml": "format: 2\n"}) + "~1")
    repository.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    source = GitSource(tmp_path / "linked", "HEAD")
    before = source.head()
    linked = ("-C", str(tmp_path / "linked"))
    changes(source, hints, lambda: repository.git(*linked, "checkout", "-q", "other"))
    assert source.head() != before


def test_commits_that_move_nothing_of_ours_leave_the_head(repository, hints):
    """Staging, as every editor and prompt does it, is no reason to read."""

    async def scenario():
        async with hints(GitSource(repository.path)) as seen:
            await seen.quiet()
            before = seen.count
            repository.write({"catalog/catalog.yaml": "format: 2\n"})
            repository.git("add", "-A")
            repository.git("status")
            await seen.quiet()
            assert seen.count == before

    asyncio.run(scenario())


@asynccontextmanager
async def polled(seen):
    """Follow a watch that found no descriptor left for inotify when it began."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        await seen.__aenter__()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    try:
        assert seen.watch.mode == "poll"
        yield
    finally:
        await seen.__aexit__()


@pytest.mark.parametrize("kind", ["directory", "repository"])
def test_without_events_the_source_is_polled(repository, hints, kind, monkeypatch):
    monkeypatch.setattr(watching, "_POLL_S", 0.1)
    top = repository.path
    source = GitSource(top) if kind == "repository" else DirectorySource(top / "catalog")
    assert source.anchors()
    assert source.stamp() == source.stamp() is not None

    async def scenario():
        seen = hints(source)
        async with polled(seen):
            await seen.quiet(0.3)
            before = seen.count
            repository.commit({"catalog/catalog.yaml": "format: 2\n"})
            await seen.after(before, within=5)

    asyncio.run(scenario())


def unshared(command):
    return ["unshare", "--user", "--map-root-user", "sh", "-c", command]


@pytest.mark.skipif(
    subprocess.run(unshared("true"), capture_output=True).returncode != 0, reason="no user namespaces here"
)
def test_at_the_limit_of_watches_the_source_is_polled(tmp_path):
    (tmp_path / "catalog" / "models").mkdir(parents=True)
    script = """if True:
        import asyncio, sys
        from pathlib import Path
        from engine.sources.directory import DirectorySource
        async def main():
            stop = asyncio.Event()
            watch = DirectorySource(sys.argv[1]).watch(stop)
            hints = aiter(watch)
            await anext(hints)
            Path(sys.argv[1], "models", "x.yaml").write_text("a: 1")
            await asyncio.wait_for(anext(hints), 5)
            stop.set()
            print(watch.mode)
        asyncio.run(main())
    """
    limited = 'echo 1 > /proc/sys/user/max_inotify_watches && exec "$0" -c "$1" "$2"'
    command = [*unshared(limited), sys.executable, script, str(tmp_path / "catalog")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert (done.stdout, done.stderr) == ("poll\n", "")


def test_a_polled_watch_takes_events_again_when_it_can(root, hints, monkeypatch):
    monkeypatch.setattr(watching, "_SAFETY_S", 0.2)
    monkeypatch.setattr(watching, "_POLL_S", 0.05)

    async def scenario():
        seen = hints(DirectorySource(root))
        async with polled(seen), asyncio.timeout(5):
            while seen.watch.mode == "poll":
                await seen.after(seen.count)

    asyncio.run(scenario())


def test_a_hint_comes_even_if_nothing_is_seen_to_change(root, hints, monkeypatch):
    monkeypatch.setattr(watching, "_SAFETY_S", 0.3)
    monkeypatch.setattr(watching, "_CHECK_MS", 50)

    async def scenario():
        async with hints(DirectorySource(root)) as seen:
            await seen.after(3, within=5)

    asyncio.run(scenario())


def test_a_source_is_opened_from_what_was_named(repository):
    assert "directory" in open_source(catalog=str(repository.path / "catalog")).describe()
    source = open_source(repo=str(repository.path), ref="main", path="catalog")
    assert source.describe() == f"catalog at main in the Git repository {repository.path}"
    assert source.read().revision == source.head()
    for named in ({}, {"catalog": "a", "repo": "b"}):
        with pytest.raises(UserError, match="name the catalog"):
            open_source(**named)
