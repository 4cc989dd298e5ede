"""Installing and asking a release, without a network: npm is a stand-in, and the release is a few lines of our own."""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from lostproof.errors import BadInput
from lostproof.subjects import npm, releases

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="there is no node here")

FAKE_NPM = """#!{python}
import json, os, pathlib, shutil, sys
here = pathlib.Path(__file__).parent
with (here / "calls").open("a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + chr(10))
if (here / "fails").exists():
    sys.exit((here / "fails").read_text())
if sys.argv[1] == "pack":
    shutil.copy(here / "release.tgz", sys.argv[sys.argv.index("--pack-destination") + 1])
else:
    for name in json.loads(pathlib.Path("package.json").read_text())["dependencies"]:
        package = pathlib.Path("node_modules", name)
        (package / "bin").mkdir(parents=True)
        (package / "bin" / "node").write_text((here / "real-node").read_text())
        (package / "bin" / "node").chmod(0o755)
        manifest = dict(name=name, type="module", exports="./index.js")
        (package / "package.json").write_text(json.dumps(manifest))
        (package / "index.js").write_text("export const chalk = String;")
"""

MANIFEST = {
    "name": "openclaw",
    "version": "2026.1.1",
    "type": "module",
    "engines": {"node": ">=22.14.0"},
    "dependencies": {"chalk": "5.0.0", "huge": "1.0.0"},
}

# A maintenance module as releases write theirs, with a rule of its own: stale rows are lost unless their job is active.
SEAM = """
let taskRegistryMaintenanceRuntime = null;
function setTaskRegistryMaintenanceRuntimeForTests(runtime) {
\ttaskRegistryMaintenanceRuntime = runtime;
}
const getTaskById = (id) => taskRegistryMaintenanceRuntime.getTaskById(id);
const listTaskRecords = () => taskRegistryMaintenanceRuntime.listTaskRecords();
const markTaskLostById = (told) => taskRegistryMaintenanceRuntime.markTaskLostById(told);
const setTaskCleanupAfterById = (told) => taskRegistryMaintenanceRuntime.setTaskCleanupAfterById(told);
const deleteTaskRecordById = (id) => taskRegistryMaintenanceRuntime.deleteTaskRecordById(id);
const isCronJobActive = (job) => taskRegistryMaintenanceRuntime.isCronJobActive(job);
"""
IMPORTS = """import { a as getTaskById, b as listTaskRecords, c as markTaskLostById, d as setTaskCleanupAfterById,\
 e as deleteTaskRecordById, f as isCronJobActive } from "./registry-B.js";
"""
RULE = """import { chalk } from "chalk";
async function sweepTaskRegistry() {
\tconsole.log(chalk("sweeping"));
\tconst now = Date.now();
\tfor (const { taskId } of listTaskRecords()) {
\t\tconst task = getTaskById(taskId);
\t\tif (task.status === "running" && now - task.lastEventAt >= 3e5 && !isCronJobActive(task.sourceId))
\t\t\tmarkTaskLostById({ taskId, endedAt: now, error: "gone" });
\t\telse setTaskCleanupAfterById({ taskId, cleanupAfter: now });
\t}
}
"""
SETTER = "setTaskRegistryMaintenanceRuntimeForTests"


def chunks(way: str = SEAM, rule: str = RULE) -> dict[str, str]:
    """Return the files of a small release whose module is reached in one of the two ways."""
    names = ["sweepTaskRegistry as s", *([f"{SETTER} as t"] if way == SEAM else [])]
    full = [name.split(" ")[0] for name in names]
    taken = ", ".join(f"{name.split(' ')[2]} as {name.split(' ')[0]}" for name in names)
    return {
        "dist/task-registry.maintenance-A.js": f"{way}{rule}export {{ {', '.join(names)} }};\n",
        "dist/task-registry.maintenance-Z.js": f'import {{ {taken} }} from "./task-registry.maintenance-A.js";\n'
        f"export {{ {', '.join(full)} }};\n",
        "dist/registry-B.js": 'import "./absent.js";\n',
        "dist/unrelated-D.js": 'import "huge";\n',
    }


def release(folder: Path, files: dict[str, str]) -> Path:
    for name, text in {"package.json": json.dumps(MANIFEST), **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


class Tools:
    """A PATH with a stand-in for npm, and a node that says what version it is."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir()
        self.script("npm", FAKE_NPM.format(python=sys.executable))
        self.node("22.23.3")
        real = f'#!/bin/sh\nexec {NODE} "$@"\n'
        (folder / "real-node").write_text(real)
        self.offer(chunks())

    def script(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(0o755)

    def node(self, version: str) -> None:
        self.script("node", f'#!/bin/sh\nif [ "$1" = --version ]; then echo v{version}; else exec {NODE} "$@"; fi\n')

    def offer(self, files: dict[str, str]) -> None:
        with tarfile.open(self.folder / "release.tgz", "w:gz") as archive:
            for name, text in {"package.json": json.dumps(MANIFEST), **files}.items():
                member = tarfile.TarInfo(f"package/{name}")
                member.size = len(text.encode())
                archive.addfile(member, io.BytesIO(text.encode()))

    def fail(self, error: str | None) -> None:
        (self.folder / "fails").unlink(missing_ok=True)
        if error is not None:
            (self.folder / "fails").write_text(error)

    def calls(self) -> list[list[str]]:
        told = self.folder / "calls"
        return [json.loads(line) for line in told.read_text().splitlines()] if told.exists() else []


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    made = Tools(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(made.folder))
    return made


@needs_node
def test_an_install_holds_what_the_module_needs_and_nothing_else(tools: Tools, tmp_path: Path) -> None:
    said: list[str] = []
    build = releases.install("2026.1.1", tmp_path / "cache", said.append)
    held = {str(file.relative_to(build.folder)) for file in build.folder.rglob("*.js")}
    assert held == {
        "dist/task-registry.maintenance-A.js",
        "dist/task-registry.maintenance-Z.js",
        "node_modules/chalk/index.js",
    }
    assert json.loads((build.folder / "package.json").read_text()) == MANIFEST
    assert (build.version, build.node) == ("2026.1.1", tools.folder / "node")
    assert said == ["installing openclaw 2026.1.1"]
    assert [call[0] for call in tools.calls()] == ["pack", "install"]
    assert all({"--ignore-scripts", "--no-audit", "--no-fund"} <= set(call) for call in tools.calls())


@needs_node
def test_an_installed_release_is_found_again_without_npm(tools: Tools, tmp_path: Path) -> None:
    first = releases.install("2026.1.1", tmp_path / "cache")
    tools.fail("npm error code ENOTFOUND")
    assert releases.install("2026.1.1", tmp_path / "cache") == first


@needs_node
def test_a_half_install_is_never_taken_for_a_whole_one(tools: Tools, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    at_install = FAKE_NPM.replace("if (here", 'if sys.argv[1] == "install" and (here')
    tools.script("npm", at_install.format(python=sys.executable))
    tools.fail("npm error code ECONNRESET")
    with pytest.raises(BadInput, match=r"could not reach its registry for chalk@5\.0\.0"):
        releases.install("2026.1.1", cache)
    assert list((cache / "openclaw").iterdir()) == []
    tools.fail(None)
    assert (releases.install("2026.1.1", cache).folder / "node_modules" / "chalk").is_dir()


@needs_node
@pytest.mark.parametrize(
    ("printed", "told"),
    [
        ("npm error code E404\nnpm error 404 Not Found", "npm knows no openclaw@2026.1.1"),
        ("npm error code ETARGET\nnpm error notarget No matching version", "npm knows no openclaw@2026.1.1"),
        ("npm error code ENOTFOUND\nnpm error network request failed", "could not reach its registry"),
        ("npm error code ENOSPC\nnpm error nospc no space left", "npm failed for openclaw@2026.1.1: npm error nospc"),
    ],
)
def test_what_npm_says_becomes_one_line(tools: Tools, tmp_path: Path, printed: str, told: str) -> None:
    tools.fail(printed)
    with pytest.raises(BadInput, match=told) as raised:
        releases.install("2026.1.1", tmp_path / "cache")
    assert "\n" not in str(raised.value)


def test_a_machine_without_npm_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadInput, match="npm is not on the PATH"):
        releases.install("2026.1.1", tmp_path / "cache")


@pytest.mark.parametrize("version", ["latest", "2026", "../x", "^2026.1.1", ""])
def test_only_exact_versions_are_installed(tmp_path: Path, version: str) -> None:
    with pytest.raises(BadInput, match="is not a version of openclaw"):
        releases.install(version, tmp_path)


@pytest.mark.parametrize(
    ("version", "wanted", "does"),
    [
        ("22.14.0", ">=22.14.0", True),
        ("22.13.9", ">=22.14.0", False),
        ("22.23.3", ">=22.22.3 <23 || >=24.15.0 <25 || >=25.9.0", True),
        ("23.1.0", ">=22.22.3 <23 || >=24.15.0 <25 || >=25.9.0", False),
        ("24.21.0", ">=24.16.0 <25 || >=26.1.0", True),
        ("22.9.0", ">= 22.10", False),
        ("20.19.1", "^20.9.0", True),
        ("21.0.0", "^20.9.0", False),
        ("22.5.0", "22.x || 24", True),
        ("24.0.0", ">22", True),
        ("22.9.9", "<=22", True),
        ("22.9.9", "*", True),
    ],
)
def test_ranges_are_read_as_npm_reads_them(version: str, wanted: str, does: bool) -> None:
    assert npm.satisfies(version, wanted) is does


def test_an_unreadable_range_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot read: 'lts'"):
        npm.satisfies("22.1.0", "lts")


@needs_node
def test_npm_brings_a_node_when_the_systems_own_is_too_old(tools: Tools, tmp_path: Path) -> None:
    tools.node("20.19.0")
    said: list[str] = []
    node = npm.node_for(">=24.16.0 <25", tmp_path, said.append)
    assert node.is_file() and node.is_relative_to(tmp_path / "node" / "24.21.0")
    assert npm.node_for(">=24.16.0 <25", tmp_path, said.append) == node
    assert said == ["installing Node 24.21.0"]


def test_a_node_that_nobody_has_is_told(tools: Tools, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="needs Node >=99"):
        npm.node_for(">=99", tmp_path)


@needs_node
def test_a_checkout_with_its_dependencies_is_used_in_place(tools: Tools, tmp_path: Path) -> None:
    checkout = release(tmp_path / "checkout", chunks())
    (checkout / "node_modules" / "chalk").mkdir(parents=True)
    (checkout / "node_modules" / "chalk" / "package.json").write_text("{}")
    assert releases.local(checkout, tmp_path / "cache").folder == checkout
    assert tools.calls() == []


@needs_node
def test_a_bare_package_is_completed_in_the_cache(tools: Tools, tmp_path: Path) -> None:
    package = release(tmp_path / "package", chunks())
    build = releases.local(package, tmp_path / "cache")
    assert build.folder.is_relative_to(tmp_path / "cache") and (build.folder / "node_modules" / "chalk").is_dir()
    assert not (package / "node_modules").exists()
    assert releases.local(package, tmp_path / "cache") == build
    release(package, chunks(rule=RULE.replace("3e5", "4e5")))
    assert releases.local(package, tmp_path / "cache").folder != build.folder


@needs_node
@pytest.mark.parametrize(
    ("lacks", "told"),
    [
        ("package.json", "has no package.json"),
        ("dist", "has no dist folder"),
        ("dist/task-registry.maintenance-A.js", "cannot be asked: "),
    ],
)
def test_a_folder_that_is_no_build_is_refused(tools: Tools, tmp_path: Path, lacks: str, told: str) -> None:
    package = release(tmp_path / "package", chunks())
    for lacking in [package / lacks, *package.glob("dist/task-registry*")] if "-A" in lacks else [package / lacks]:
        if lacking.is_dir():
            shutil.rmtree(lacking)
        else:
            lacking.unlink(missing_ok=True)
    with pytest.raises(BadInput, match=told):
        releases.local(package, tmp_path / "cache")


@needs_node
def test_a_release_without_maintenance_is_told_by_its_name(tools: Tools, tmp_path: Path) -> None:
    """Not by the folder where it was unpacked, which is gone by then."""
    files = {name: text for name, text in chunks().items() if "maintenance" not in name}
    tools.offer(files)
    with pytest.raises(BadInput) as caught:
        releases.install("2026.1.1", tmp_path / "cache")
    assert str(caught.value) == "openclaw@2026.1.1 cannot be asked: no task-registry.maintenance-*.js in its dist folder"
    assert list((tmp_path / "cache" / "openclaw").iterdir()) == []


def test_another_package_is_refused(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"name": "other"}')
    with pytest.raises(BadInput, match="is not that of openclaw"):
        releases.local(tmp_path, tmp_path / "cache")


def test_the_cache_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LOSTPROOF_CACHE", str(tmp_path))
    assert releases.default_cache() == tmp_path
    monkeypatch.delenv("LOSTPROOF_CACHE")
    assert releases.default_cache().name == "lostproof"


# Asking: this needs a Node that has load hooks.


def able_node() -> str | None:
    """Return a Node that the driver can run on: the system's own, or one that releases brought."""
    brought = sorted((releases.default_cache() / "node").glob("*/node_modules/*/bin/node"))
    for node in [*([NODE] if NODE else []), *map(str, brought)]:
        version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout.strip().removeprefix("v")
        if npm.satisfies(version, npm.HOOKS):
            return node
    return None


ABLE = able_node()
needs_hooks = pytest.mark.skipif(ABLE is None, reason=f"there is no Node {npm.HOOKS} here")
NOW = 1_800_000_000_000


def question(ask: int, age: int, active: bool = False) -> dict[str, object]:
    at = NOW - age
    row = {"row": f"r{ask}", "job": "j", "run": f"cron:j:{at}", "status": "running", "created": at, "started": at}
    return {
        "ask": ask,
        "now": NOW,
        "grace": 300_000,
        "process": {"authoritative": True, "active_jobs": ["j"] if active else [], "executing": None},
        "rows": [{**row, "last_event": at, "ended": None, "error": None}],
        "jobs": [],
        "log": [],
        "ledger": [],
        "unreadable": {"jobs": False, "logs": []},
    }


def drive(folder: Path, *options: str, asked: str = "") -> subprocess.CompletedProcess[str]:
    (folder / "node_modules" / "chalk").mkdir(parents=True, exist_ok=True)
    (folder / "node_modules" / "chalk" / "package.json").write_text('{"type": "module", "exports": "./index.js"}')
    (folder / "node_modules" / "chalk" / "index.js").write_text("export const chalk = String;")
    build = releases.Build(folder, "2026.1.1", Path(ABLE or ""))
    environment = {**os.environ, "OPENCLAW_STATE_DIR": str(folder / "state")}
    return subprocess.run([*build.command(), *options], input=asked, capture_output=True, text=True, env=environment)


@needs_hooks
@pytest.mark.parametrize("way", [SEAM, IMPORTS], ids=["seam", "imports"])
def test_a_release_is_asked_by_either_way(tmp_path: Path, way: str) -> None:
    folder = release(tmp_path / "package", chunks(way))
    asked = [question(0, 300_000), question(1, 299_999), question(2, 300_000, active=True), question(0, 300_000)]
    done = drive(folder, asked="".join(f"{json.dumps(one)}\n" for one in asked))
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    lost = {"row": "r0", "status": "lost", "ended": NOW, "error": "gone"}
    kept = {"status": "running", "ended": None, "error": None}
    assert answers == [
        {"ask": 0, "rows": [lost]},
        {"ask": 1, "rows": [{"row": "r1", **kept}]},
        {"ask": 2, "rows": [{"row": "r2", **kept}]},
        {"ask": 0, "rows": [lost]},
    ]
    assert "sweeping" in done.stderr  # what the release prints is no answer


@needs_hooks
def test_a_release_behind_a_link_is_asked_as_well(tmp_path: Path) -> None:
    release(tmp_path / "package", chunks(IMPORTS))
    (tmp_path / "link").symlink_to(tmp_path / "package")
    done = drive(tmp_path / "link", asked=json.dumps(question(0, 300_000)))
    assert json.loads(done.stdout)["rows"][0]["status"] == "lost", done.stderr


@needs_hooks
@pytest.mark.parametrize(("way", "via"), [(SEAM, "seam"), (IMPORTS, "imports")])
def test_a_release_is_described(tmp_path: Path, way: str, via: str) -> None:
    done = drive(release(tmp_path / "package", chunks(way)), "--describe")
    told = json.loads(done.stdout)
    assert (told["version"], told["module"], told["via"], told["missing"]) == (
        "2026.1.1",
        "task-registry.maintenance-A.js",
        via,
        [],
    )
    assert {"getTaskById", "isCronJobActive"} <= set(told["injected"])


@needs_hooks
@pytest.mark.parametrize(
    ("way", "rule", "told"),
    [
        (SEAM.replace("markTaskLostById", "loseTask"), RULE, "wants loseTask, which the driver does not know"),
        (IMPORTS.replace("c as markTaskLostById", "c as loseTask"), RULE, "does not take markTaskLostById"),
        (IMPORTS, RULE.replace("sweepTaskRegistry", "sweepAll"), "exports sweepTaskRegistry"),
        (
            IMPORTS.replace("f as isCronJobActive", "f as isCronJobActive, g as isRunAlive"),
            RULE.replace("!isCronJobActive", "!isRunAlive"),
            "calls isRunAlive, which the driver does not know",
        ),
    ],
)
def test_a_release_that_changed_shape_is_refused(tmp_path: Path, way: str, rule: str, told: str) -> None:
    files = chunks(way, rule)
    files["dist/registry-B.js"] = "export const g = () => false;\n"
    if "sweepAll" in rule:
        files = {name: text.replace("sweepTaskRegistry", "sweepAll") for name, text in files.items()}
    folder = release(tmp_path / "package", files)
    done = drive(folder, "--describe")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.splitlines()[-1].startswith("shape: ") and told in done.stderr
    with pytest.raises(BadInput, match=r"cannot be asked: (?!shape)"):
        releases.Build(folder, "2026.1.1", Path(ABLE or "")).describe()
