import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest

from engine.sources import folder
from engine.sources.directory import DirectorySource
from engine.sources.errors import SourceMissing, SourceUnreadable, SourceUnsettled
from engine.sources.findings import Caps

SECRET = "the content of a file outside"


@pytest.fixture
def root(tmp_path):
    path = tmp_path / "catalog"
    (path / "models" / "a").mkdir(parents=True)
    (path / "catalog.yaml").write_text("format: 1\n")
    (path / "models" / "a" / "x.yaml").write_text("a: 1\n")
    return path


@pytest.fixture(params=["by descriptor", "by path"])
def each_system(request, monkeypatch):
    """As on POSIX, and as on Windows, where nothing is opened relative to a directory."""
    monkeypatch.setattr(folder, "_BY_DESCRIPTOR", request.param == "by descriptor")


@pytest.fixture
def outside(tmp_path):
    path = tmp_path / "outside"
    path.mkdir()
    (path / "secret.yaml").write_text(SECRET)
    return path


def read(path, **options):
    return DirectorySource(path, settle=0.02, **options).read()


def codes(tree):
    return {problem.file: problem.code for problem in tree.problems}


@pytest.mark.usefixtures("each_system")
def test_reads_every_file_with_the_blob_id_that_git_gives_it(root):
    tree = read(root)
    assert tree.files == {"catalog.yaml": b"format: 1\n", "models/a/x.yaml": b"a: 1\n"}
    assert list(tree.files) == sorted(tree.files)
    assert tree.problems == ()
    assert tree.committed_at is None
    for path, blob in tree.blobs.items():
        hashed = subprocess.run(["git", "hash-object", root / path], check=True, capture_output=True, text=True)
        assert blob == hashed.stdout.strip()


def test_the_revision_is_the_content_alone(root, tmp_path):
    source = DirectorySource(root, settle=0.02)
    before = source.head()
    assert before.startswith("dir:")
    shutil.copytree(root, tmp_path / "copy")
    assert DirectorySource(tmp_path / "copy").head() == before
    os.utime(root / "catalog.yaml", ns=(0, 0))
    assert source.head() == before


@pytest.mark.parametrize("mtime", [0, 1_700_000_000_000_000_000, 4_000_000_000_000_000_000])
def test_a_change_is_seen_whatever_the_modification_time_says(root, mtime):
    file = root / "catalog.yaml"
    os.utime(file, ns=(mtime, mtime))
    before = read(root)
    file.write_text("format: 2\n")
    os.utime(file, ns=(mtime, mtime))
    assert read(root).revision != before.revision


def test_hidden_and_scratch_files_are_no_part_of_the_catalog(root):
    before = read(root)
    for name in (
        "x.yaml~",
        ".x.yaml.swp",
        "4913",
        "#x.yaml#",
        ".#x.yaml",
        "x.yaml.tmp",
        "x.yaml___jb_tmp___",
        ".hidden",
    ):
        (root / "models" / name).write_text("scratch")
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("scratch")
    assert read(root) == before


@pytest.mark.usefixtures("each_system")
def test_links_that_leave_the_root_are_not_followed(root, outside):
    (root / "absolute.yaml").symlink_to("/etc/passwd")
    (root / "relative.yaml").symlink_to("../outside/secret.yaml")
    (root / "folder").symlink_to(outside)
    (root / "step").symlink_to("folder/secret.yaml")
    (root / "models" / "back.yaml").symlink_to("../../catalog/catalog.yaml")  # comes back in, but leaves on the way
    tree = read(root)
    assert codes(tree) == dict.fromkeys(
        ("absolute.yaml", "folder", "models/back.yaml", "relative.yaml", "step"), "outside-catalog"
    )
    assert tree.files.keys() == {"catalog.yaml", "models/a/x.yaml"}
    assert SECRET not in str(tree)


@pytest.mark.usefixtures("each_system")
def test_links_that_stay_inside_are_followed(root):
    (root / ".store" / "deep").mkdir(parents=True)
    (root / ".store" / "deep" / "y.yaml").write_text("y: 1\n")
    (root / "models" / "b").symlink_to("../.store/deep")
    (root / "relative.yaml").symlink_to("./models/../models/b/y.yaml")
    (root / "absolute.yaml").symlink_to(root / "models" / "b" / "y.yaml")
    tree = read(root)
    assert tree.problems == ()
    assert {path for path, data in tree.files.items() if data == b"y: 1\n"} == {
        "absolute.yaml",
        "models/b/y.yaml",
        "relative.yaml",
    }


@pytest.mark.usefixtures("each_system")
def test_links_that_lead_nowhere_are_problems(root):
    (root / "one.yaml").symlink_to("two.yaml")
    (root / "two.yaml").symlink_to("one.yaml")
    (root / "gone.yaml").symlink_to("nothing.yaml")
    (root / "models" / "up").symlink_to("..")
    found = codes(read(root))
    assert found.pop("gone.yaml") == "unreadable-file"
    assert found == dict.fromkeys(("one.yaml", "two.yaml", "models/up"), "link-loop")


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_link_that_is_swapped_in_while_reading_never_leads_outside(root, outside, what):
    target = root / "models" if what == "folder" else root / "models" / "a" / "x.yaml"
    inside = root / ".inside"
    target.rename(inside)
    (outside / "a").mkdir()
    (outside / "a" / "x.yaml").write_text(SECRET)
    away = outside if what == "folder" else outside / "secret.yaml"
    done = threading.Event()

    def swap():
        while not done.is_set():
            inside.rename(target)
            target.rename(inside)
            target.symlink_to(away)
            target.unlink()

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        give_up = time.monotonic() + 30
        refused = found = 0
        while (min(refused, found) < 20) and time.monotonic() < give_up:
            scan = DirectorySource(root)._scan()
            assert SECRET.encode() not in scan.files.values()
            refused += any(problem.code == "outside-catalog" for problem in scan.problems)
            found += "models/a/x.yaml" in scan.files
    finally:
        done.set()
        swapper.join()
    assert min(refused, found) == 20


@pytest.mark.usefixtures("each_system")
def test_what_is_no_file_cannot_hang_the_reader(root):
    os.mkfifo(root / "fifo.yaml")
    (root / "linked.yaml").symlink_to("fifo.yaml")
    (root / "folder.yaml").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(root)
        try:
            listener.bind("socket.yaml")
        finally:
            os.chdir(here)
        assert codes(read(root)) == dict.fromkeys(("fifo.yaml", "linked.yaml", "socket.yaml"), "not-a-file")


def test_a_file_over_the_cap_is_not_read(root):
    cap = 256 * 1024
    (root / "largest.yaml").write_bytes(b"#" * cap)
    (root / "over.yaml").write_bytes(b"#" * (cap + 1))
    with (root / "sparse.yaml").open("wb") as file:
        file.truncate(10 * 2**30)
    (root / "reference.lock").write_bytes(b"#" * (cap + 1))  # written by the program, so it may be larger
    started = time.monotonic()
    tree = read(root)
    assert time.monotonic() - started < 2
    assert codes(tree) == {"over.yaml": "file-too-large", "sparse.yaml": "file-too-large"}
    assert {"largest.yaml", "reference.lock"} <= tree.files.keys()
    assert "10737418240" in tree.problems[1].message


@pytest.mark.parametrize(("caps", "said"), [(Caps(files=10), "52 files"), (Caps(total_bytes=100), "52 files")])
def test_too_much_is_refused_with_counts(root, caps, said):
    for number in range(50):
        (root / "models" / f"{number}.yaml").write_text("a: 12345\n")
    tree = read(root, caps=caps)
    assert tree.files == {}
    assert [problem.code for problem in tree.problems] == ["catalog-too-large"]
    assert said in tree.problems[0].message


@pytest.mark.usefixtures("each_system")
def test_a_name_that_is_no_text_is_a_problem(root):
    (root / os.fsdecode(b"bad\xff.yaml")).write_text("a: 1\n")
    assert codes(read(root)) == {"bad\\xff.yaml": "bad-file-name"}


@pytest.mark.usefixtures("each_system")
def test_absence_is_an_error_and_emptiness_is_not(tmp_path):
    with pytest.raises(SourceMissing, match="there is no directory"):
        read(tmp_path / "nothing")
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceMissing):
        read(tmp_path / "file")
    (tmp_path / "empty").mkdir()
    assert read(tmp_path / "empty").files == {}


def test_what_may_not_be_read_is_a_problem_and_mending_it_another_revision():
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    (made / "open.yaml").write_text("a: 1\n")
    closed = made / "closed.yaml"
    closed.write_text("a: 1\n")
    closed.chmod(0o000)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)  # nothing is closed to root
    try:
        tree = read(made)
        assert codes(tree) == {"closed.yaml": "unreadable-file"}
        os.seteuid(user)
        closed.chmod(0o644)
        assert read(made).revision != tree.revision
        made.chmod(0o000)
        if user == 0:
            os.seteuid(65534)
        with pytest.raises(SourceUnreadable, match="Permission denied"):
            read(made)
    finally:
        os.seteuid(user)
        made.chmod(0o755)
        shutil.rmtree(made)


def test_no_read_mixes_two_states_of_two_files(root):
    """The writer truncates, writes one half, waits, writes the other, file after file; then it rests for a moment."""
    pair = [root / "a.yaml", root / "b.yaml"]
    done = threading.Event()

    def keep_writing():
        number = 0
        while not done.is_set():
            number += 1
            for path in pair:
                with path.open("w") as file:
                    file.write(f"n: {number}\n")
                    file.flush()
                    time.sleep(0.002)
                    file.write("rest: 1\n")
                time.sleep(0.001)
            time.sleep(0.06 if number % 4 == 0 else 0)

    for path in pair:
        path.write_text("n: 0\nrest: 1\n")
    writer = threading.Thread(target=keep_writing)
    writer.start()
    source = DirectorySource(root, settle=0.02)
    trees = []
    give_up = time.monotonic() + 30
    try:
        while len({tree.revision for tree in trees}) < 3 and time.monotonic() < give_up:
            trees.append(source.read())
    finally:
        done.set()
        writer.join()
    for tree in trees:
        assert tree.files["a.yaml"] == tree.files["b.yaml"]
        assert tree.files["a.yaml"].endswith(b"rest: 1\n")
    assert len({tree.revision for tree in trees}) == 3


def test_no_read_mixes_two_commits_of_a_work_tree(repository):
    names = [f"catalog/p{number}.yaml" for number in range(1_000)]
    for branch in ("one", "two"):
        repository.git("checkout", "-q", "-b", branch)
        repository.commit(dict.fromkeys(names, f"price: {branch}\n"))
    done = threading.Event()

    def keep_switching():
        while not done.is_set():
            for branch in ("one", "two"):
                repository.git("checkout", "-q", branch)
            time.sleep(0.4)

    switcher = threading.Thread(target=keep_switching)
    switcher.start()
    source = DirectorySource(repository.path / "catalog", settle=0.05, patience=30)
    try:
        trees = [source.read() for _ in range(5)]
    finally:
        done.set()
        switcher.join()
    for tree in trees:
        prices = {data for path, data in tree.files.items() if path[0] == "p"}
        assert len(prices) == 1
        assert len(tree.files) == len(names) + 2


def test_a_directory_that_never_rests_is_an_error_in_the_end(root):
    done = threading.Event()

    def keep_writing():
        number = 0
        while not done.is_set():
            number += 1
            (root / "a.yaml").write_text(f"n: {number}\n")

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        with pytest.raises(SourceUnsettled, match="kept changing"):
            read(root, patience=0.3)
    finally:
        done.set()
        writer.join()
    assert read(root).files["a.yaml"]


@pytest.mark.usefixtures("each_system")
def test_a_volume_that_swaps_one_link_is_read_whole(tmp_path):
    """As Kubernetes lays out a ConfigMap: every name is a link through `..data`, which is replaced in one step."""
    volume = tmp_path / "volume"

    def publish(number):
        version = volume / f"..v{number}"
        (version / "models").mkdir(parents=True)
        (version / "catalog.yaml").write_text(f"n: {number}\n")
        (version / "models" / "x.yaml").write_text(f"n: {number}\n")
        (volume / "..data_tmp").symlink_to(version.name)
        (volume / "..data_tmp").rename(volume / "..data")

    publish(0)
    (volume / "catalog.yaml").symlink_to("..data/catalog.yaml")
    (volume / "models").symlink_to("..data/models")
    source = DirectorySource(volume, settle=0.02)
    for number in range(3):
        tree = source.read()
        assert tree.files == dict.fromkeys(("catalog.yaml", "models/x.yaml"), f"n: {number}\n".encode())
        publish(number + 1)


def test_a_root_that_is_itself_a_link_may_be_swapped(tmp_path, root):
    (tmp_path / "current").symlink_to("catalog")
    source = DirectorySource(tmp_path / "current", settle=0.02)
    before = source.read()
    assert before.revision == read(root).revision
    shutil.copytree(root, tmp_path / "next")
    (tmp_path / "next" / "catalog.yaml").write_text("format: 2\n")
    (tmp_path / "swap").symlink_to("next")
    (tmp_path / "swap").rename(tmp_path / "current")
    assert source.read().files["catalog.yaml"] == b"format: 2\n"
