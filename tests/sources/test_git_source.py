import os
import subprocess
import threading
import time

import pytest

from engine.sources.directory import DirectorySource
from engine.sources.errors import (
    DubiousOwnership,
    GitMissing,
    NotARepository,
    PathMissing,
    SourceMissing,
    SourceTimeout,
    SourceUnreadable,
    UnknownRef,
)
from engine.sources.findings import Caps
from engine.sources.repository import GitSource


def codes(tree):
    return {problem.file: problem.code for problem in tree.problems}


def test_reads_the_files_of_a_commit_as_a_directory_has_them(repository):
    tree = GitSource(repository.path).read()
    there = DirectorySource(repository.path / "catalog").read()
    assert tree.files == there.files == {"catalog.yaml": b"format: 1\n", "models/a/x.yaml": b"a: 1\n"}
    assert tree.blobs == there.blobs
    assert tree.revision == repository.git("rev-parse", "HEAD")
    assert tree.committed_at == int(repository.git("show", "-s", "--format=%ct")) * 10**9
    assert tree.problems == ()


def test_what_is_not_committed_does_not_exist(repository):
    before = GitSource(repository.path).read()
    repository.write({"catalog/models/a/y.yaml": "staged", "catalog/models/a/x.yaml": "changed"})
    repository.git("add", "catalog/models/a/y.yaml")
    (repository.path / ".git" / "index.lock").touch()
    assert GitSource(repository.path).read() == before


@pytest.mark.parametrize("path", [".", "", "./"])
def test_the_catalog_may_be_the_top_directory(repository, path):
    assert GitSource(repository.path, "main", path).read().files.keys() == {
        "README.md",
        "catalog/catalog.yaml",
        "catalog/models/a/x.yaml",
    }


@pytest.mark.parametrize("path", ["catalog", "./catalog/", "catalog/."])
def test_the_path_may_be_written_in_any_way(repository, path):
    assert "catalog.yaml" in GitSource(repository.path, "main", path).read().files


def test_an_older_commit_can_be_asked_for(repository):
    first = repository.git("rev-parse", "HEAD")
    repository.commit({"catalog/catalog.yaml": "format: 2\n"})
    source = GitSource(repository.path)
    assert source.read(first).files["catalog.yaml"] == b"format: 1\n"
    assert source.read().files["catalog.yaml"] == b"format: 2\n"


def test_bare_mirrored_and_linked_repositories_are_alike(repository, tmp_path):
    repository.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    repository.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    tree = GitSource(repository.path).read()
    assert GitSource(tmp_path / "bare.git").read() == tree
    assert GitSource(tmp_path / "linked").read() == tree
    assert GitSource(repository.path / ".git").read() == tree


def test_sha256_repositories_work(new_repository, tmp_path):
    made = new_repository(tmp_path / "r", "--object-format=sha256")
    commit = made.commit({"catalog/catalog.yaml": "format: 1\n"})
    tree = GitSource(made.path).read()
    assert tree.revision == commit
    assert len(commit) == 64
    assert tree.blobs == {"catalog.yaml": made.git("rev-parse", "HEAD:catalog/catalog.yaml")}
    assert GitSource(made.path, commit).head() == commit


def test_every_kind_of_ref_is_followed(repository):
    commit = repository.git("rev-parse", "HEAD")
    repository.git("tag", "light")
    repository.git("tag", "-a", "-m", "annotated", "heavy")
    repository.git("tag", "-a", "-m", "of a tag", "heavier", "heavy")
    repository.git("branch", "team/feature")
    repository.git("update-ref", "refs/remotes/origin/main", commit)
    repository.git("update-ref", "refs/environments/production", commit)
    for packed in (False, True):
        if packed:
            repository.git("pack-refs", "--all")
            repository.git("gc", "-q")
        for ref in (
            *("main", "light", "heavy", "heavier", "team/feature", "origin/main", "HEAD"),
            *("refs/environments/production", "refs/heads/main", commit, commit[:10]),
        ):
            assert GitSource(repository.path, ref).head() == commit


def test_a_branch_wins_over_a_tag_of_its_name(repository):
    repository.git("tag", "main")
    commit = repository.commit({"catalog/catalog.yaml": "format: 2\n"})
    assert GitSource(repository.path).head() == commit


def test_history_may_be_rewritten_and_branches_deleted(repository):
    source = GitSource(repository.path, "deploy")
    repository.git("branch", "deploy")
    first = source.head()
    second = repository.commit({"catalog/catalog.yaml": "format: 2\n"})
    repository.git("branch", "-f", "deploy", second)
    assert source.head() == second
    repository.git("branch", "-f", "deploy", first)  # rewound
    assert source.head() == first
    repository.git("checkout", "-q", "--orphan", "other")
    unrelated = repository.commit({"catalog/catalog.yaml": "format: 3\n"})
    repository.git("branch", "-f", "deploy", unrelated)
    assert source.read().files["catalog.yaml"] == b"format: 3\n"
    repository.git("branch", "-D", "deploy")
    with pytest.raises(UnknownRef):
        source.read()


def test_an_unknown_ref_names_near_ones(repository):
    with pytest.raises(UnknownRef, match="no branch, tag or commit 'mian'") as refused:
        GitSource(repository.path, "mian").head()
    assert "main" in refused.value.hint


def test_a_repository_without_commits_says_so(new_repository, tmp_path):
    made = new_repository(tmp_path / "r")
    with pytest.raises(UnknownRef, match="no commits yet"):
        GitSource(made.path).head()


@pytest.mark.parametrize(
    "ref", ["", "--upload-pack=x", "-h", "main~1", "main^", "@{1}", "a..b", ":/text", "a b", "a\n", "x:y", "\udcff"]
)
def test_what_is_no_name_is_never_given_to_git(repository, ref):
    with pytest.raises(UnknownRef, match="cannot be the name"):
        GitSource(repository.path, ref)


@pytest.mark.parametrize("path", ["/etc", "../x", "catalog/../..", "a\nb", "\udcff"])
def test_a_path_stays_inside_the_commit(repository, path):
    with pytest.raises(PathMissing):
        GitSource(repository.path, "main", path)


@pytest.mark.parametrize("path", ["nothing", "README.md", "catalog/catalog.yaml", "of tree 1"])
def test_a_path_that_the_commit_lacks_is_told_with_those_that_it_has(repository, path):
    with pytest.raises(PathMissing, match="has no directory") as refused:
        GitSource(repository.path, "main", path).read()
    assert refused.value.hint == "there is a catalog.yaml in: catalog"


def test_only_the_repository_that_was_named_is_read(repository, tmp_path, monkeypatch):
    with pytest.raises(NotARepository):
        GitSource(repository.path / "catalog").head()
    with pytest.raises(SourceMissing):
        GitSource(tmp_path / "nothing").head()
    monkeypatch.setenv("GIT_DIR", str(repository.path / ".git"))  # as git sets it for its hooks
    (tmp_path / "plain").mkdir()
    with pytest.raises(NotARepository):
        GitSource(tmp_path / "plain").head()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
def test_a_repository_of_another_user_is_refused_until_it_is_trusted(repository, git_home):
    os.chown(repository.path, 65534, 65534)
    os.chown(repository.path / ".git", 65534, 65534)
    with pytest.raises(DubiousOwnership) as refused:
        GitSource(repository.path).head()
    assert "safe.directory" in refused.value.hint
    subprocess.run(refused.value.hint.partition(": ")[2].split(), check=True)
    assert GitSource(repository.path).read().files


def test_git_may_be_missing(repository, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitMissing, match="not found"):
        GitSource(repository.path).head()


def test_a_git_that_hangs_is_ended(repository):
    os.mkfifo(repository.path / ".git" / "packed-refs")  # git waits for a writer for ever
    started = time.monotonic()
    with pytest.raises(SourceTimeout):
        GitSource(repository.path, "nothing", timeout=0.3).head()
    assert time.monotonic() - started < 5


def objects_of(repository):
    return [path for path in (repository.path / ".git" / "objects").glob("??/*") if path.is_file()]


@pytest.mark.parametrize("harm", ["cut", "garbage", "gone"])
def test_damage_is_an_error_and_never_a_smaller_catalog(repository, harm):
    sound = GitSource(repository.path).read()
    refused = 0
    for path in objects_of(repository):
        before = path.read_bytes()
        path.chmod(0o600)
        if harm == "gone":
            path.unlink()
        else:
            path.write_bytes(before[: len(before) // 2] if harm == "cut" else b"garbage" * 9)
        try:
            assert GitSource(repository.path).read() == sound  # an object outside the catalog, such as README.md
        except SourceUnreadable:
            refused += 1
        path.write_bytes(before)
    assert refused == 7  # the commit, four trees and two files
    assert GitSource(repository.path).read() == sound


def test_a_damaged_ref_is_not_an_unknown_one(repository):
    (repository.path / ".git" / "refs" / "heads" / "main").write_text("1" * 40 + "\n")
    with pytest.raises(SourceUnreadable):
        GitSource(repository.path).head()


def test_what_a_commit_holds_beside_files_is_a_problem(repository):
    (repository.path / "catalog" / "link.yaml").symlink_to("/etc/passwd")
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},catalog/vendored")
    repository.write(
        {
            "catalog/large.yaml": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
            os.fsdecode(b"catalog/bad\xff.yaml"): "a: 1\n",
            "catalog/over.yaml": "#" * (256 * 1024 + 1),
            "catalog/.hidden/x.yaml": "a: 1\n",
            "catalog/x.yaml~": "a: 1\n",
        }
    )
    repository.git("add", "catalog")
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},catalog/vendored")
    repository.git("commit", "-q", "-m", "odd things")
    tree = GitSource(repository.path).read()
    assert codes(tree) == {
        "bad\\xff.yaml": "bad-file-name",
        "large.yaml": "lfs-pointer",
        "link.yaml": "symlink-in-commit",
        "over.yaml": "file-too-large",
        "vendored": "submodule",
    }
    assert not any(".hidden" in path or "~" in path for path in tree.files)


@pytest.mark.parametrize("caps", [Caps(files=10), Caps(total_bytes=100)])
def test_too_much_is_refused_with_counts(repository, caps):
    repository.commit({f"catalog/m{number}.yaml": f"number: {number}\n" for number in range(50)})
    tree = GitSource(repository.path, caps=caps).read()
    assert tree.files == {}
    assert [problem.code for problem in tree.problems] == ["catalog-too-large"]
    assert "52 files" in tree.problems[0].message


def test_nothing_that_a_repository_configures_is_run(repository, tmp_path):
    canary = tmp_path / "canary"
    run = f"touch {canary}"
    for name in ("post-checkout", "reference-transaction", "post-index-change"):
        hook = repository.path / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\n{run}\n")
        hook.chmod(0o755)
    repository.write({".gitattributes": "*.yaml filter=evil diff=evil working-tree-encoding=UTF-16\n"})
    repository.git("add", ".gitattributes")
    repository.git("commit", "-q", "-m", "attributes")
    canary.unlink(missing_ok=True)
    for name, value in (
        ("core.fsmonitor", run),
        ("core.pager", run),
        ("core.sshCommand", run),
        ("core.askPass", run),
        ("filter.evil.smudge", run),
        ("filter.evil.clean", run),
        ("filter.evil.required", "true"),
        ("diff.evil.textconv", run),
        ("alias.ls-tree", f"!{run}"),
        ("remote.origin.url", f"ext::sh -c '{run}'"),
        ("remote.origin.promisor", "true"),
        ("extensions.partialClone", "origin"),
        ("protocol.ext.allow", "always"),
    ):
        repository.git("config", name, value)
    source = GitSource(repository.path)
    assert source.read().files["catalog.yaml"] == b"format: 1\n"
    blob = source.read().blobs["catalog.yaml"]
    (repository.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(SourceUnreadable):
        GitSource(repository.path).read()  # it is not fetched from the remote either
    assert not canary.exists()


def test_replaced_objects_do_not_change_what_a_commit_means(repository):
    before = GitSource(repository.path).read()
    other = repository.git("hash-object", "-w", "README.md")
    repository.git("replace", before.blobs["catalog.yaml"], other)
    assert repository.git("show", "HEAD:catalog/catalog.yaml") == "hello"
    assert GitSource(repository.path).read() == before


def test_no_read_mixes_two_commits_during_a_storm_of_them(repository):
    done = threading.Event()
    prices: dict[str, bytes] = {}

    def keep_committing():
        number = 0
        while not done.is_set():
            number += 1
            content = f"price: {number}\n"
            commit = repository.commit({"catalog/a.yaml": content, "catalog/b.yaml": content})
            prices[commit] = content.encode()

    repository.commit({"catalog/a.yaml": "price: 0\n", "catalog/b.yaml": "price: 0\n"})
    committer = threading.Thread(target=keep_committing)
    source = GitSource(repository.path)
    trees = []
    committer.start()
    give_up = time.monotonic() + 30
    try:
        while len({tree.revision for tree in trees}) < 15 and time.monotonic() < give_up:
            trees.append(source.read())
    finally:
        done.set()
        committer.join()
    for tree in trees:
        assert tree.files["a.yaml"] == tree.files["b.yaml"] == prices.get(tree.revision, b"price: 0\n")
    assert len({tree.revision for tree in trees}) == 15


def test_what_was_read_before_is_not_read_again(repository):
    source = GitSource(repository.path)
    first = source.read()
    blob = first.blobs["catalog.yaml"]
    repository.commit({"catalog/new.yaml": "a: 1\n"})
    (repository.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    second = source.read()
    assert second.files == first.files | {"new.yaml": b"a: 1\n"}
    with pytest.raises(SourceUnreadable):
        GitSource(repository.path).read()
