"""``list`` and ``plan`` as a user meets them: through ``main``, with its exit codes and its two streams."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.catalog.load import load
from harness.claims.load import load_claims
from harness.store import runs
from harness.store.lock import Holder, hold
from tests.fakes.project import ROOT
from tests.unit.cli.conftest import Call, project

HEAVY = ("seaborn", "matplotlib", "pandas", "scipy", "docker", "psutil")


@pytest.mark.parametrize("what", ["workloads", "configurations", "claims", "metrics", "suites"])
def test_list_when_json_then_holds_every_id_and_nothing_else_is_said(memverdict: Call, what: str) -> None:
    catalog = load(ROOT)
    expected = {
        "workloads": [*catalog.workloads],
        "configurations": [f"{x.id}/{one.id}" for x in catalog.languages.values() for one in x.configurations],
        "claims": [*load_claims(ROOT, catalog)],
        "metrics": [*catalog.metrics],
        "suites": [*catalog.suites],
    }[what]
    called = memverdict("list", what, "--json")
    assert (called.code, called.err) == (0, "")
    assert [row["id"] for row in called.document[what]] == expected


def test_list_when_a_claim_is_in_suites_then_says_in_which(memverdict: Call) -> None:
    rows = {row["id"]: row for row in memverdict("list", "claims", "--json").document["claims"]}
    for suite in load(ROOT).suites.values():
        for name in suite.claims:
            assert suite.id in rows[name]["suites"]


def test_list_when_a_configuration_sets_something_then_says_what(memverdict: Call) -> None:
    rows = {row["id"]: row for row in memverdict("list", "configurations", "--json").document["configurations"]}
    for language in load(ROOT).languages.values():
        for one in language.configurations:
            assert len(rows[f"{language.id}/{one.id}"]["settings"]) == len(one.environment) + len(one.build)


def test_list_when_written_into_a_pipe_then_has_no_colours(memverdict: Call) -> None:
    assert "\x1b" not in memverdict("list", "suites").out


def test_list_when_it_does_not_exist_then_says_what_does(memverdict: Call) -> None:
    called = memverdict("list", "workload")
    assert (called.code, called.out) == (2, "")
    assert "'workloads'" in called.err


def test_list_runs_when_called_then_loads_no_library_of_statistics_figures_or_engines(tmp_path: Path) -> None:
    runs.create(tmp_path, "1-run", provenance={"suite": "quick", "engine": "docker"}, plan={}).close()
    code = (
        "import sys\nfrom harness.cli import main\n"
        f"sys.argv = ['memverdict', '--root', {str(tmp_path)!r}, 'list', 'runs']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0\n"
        f"sys.stderr.write(' '.join(sorted(set({HEAVY!r}) & set(sys.modules))))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1-run" in done.stdout


def test_list_runs_when_there_are_none_then_says_so(memverdict: Call, tmp_path: Path) -> None:
    assert memverdict("list", "runs", root=tmp_path).out == "no runs yet\n"
    assert memverdict("list", "runs", "--json", root=tmp_path).document == {"format": 1, "runs": []}


def test_list_runs_when_one_is_being_measured_then_says_so(memverdict: Call, tmp_path: Path) -> None:
    for name in ("1-stopped", "2-now"):
        runs.create(tmp_path, name, provenance={"suite": "quick", "engine": "docker"}, plan={}).close()
    with hold(runs.runs_folder(tmp_path), Holder(run="2-now", pid=1, since="now", command="memverdict run")):
        called = memverdict("list", "runs", "--json", root=tmp_path)
    assert called.document["runs"] == [
        {"id": "1-stopped", "suite": "quick", "engine": "docker", "status": "unfinished", "records": 0},
        {"id": "2-now", "suite": "quick", "engine": "docker", "status": "running", "records": 0},
    ]


def test_plan_when_the_seed_differs_then_only_the_order_inside_blocks_does(memverdict: Call) -> None:
    orders = []
    for seed in ("5", "6"):
        called = memverdict("plan", "--seed", seed, "--json")
        assert called.out == memverdict("plan", "--seed", seed, "--json").out
        plan = called.document["invocations"]
        orders.append([(str(one["block"]), one["cell"], one["replica"], *one["command"]) for one in plan])
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])


def test_plan_when_no_seed_is_given_then_one_is_drawn_and_said(memverdict: Call) -> None:
    drawn = [memverdict("plan", "--suite", "exact", "--json").document["seed"] for _ in range(3)]
    assert len(set(drawn)) > 1
    assert all(0 <= seed < 1 << 24 for seed in drawn)


def test_plan_when_narrowed_then_every_cell_but_the_canaries_matches(memverdict: Call) -> None:
    document = memverdict("plan", "--only", "workload=lru_cache", "--seed", "1", "--json").document
    assert document["only"] == "workload=lru_cache"
    assert {one["command"][1] for one in document["invocations"]} == {"lru_cache", "canary"}


def test_plan_when_for_people_then_says_how_much_how_long_and_what_it_can_tell(memverdict: Call) -> None:
    called = memverdict("plan", "--suite", "quick", "--seed", "5")
    assert called.code == 0
    assert "seed 5" in called.out
    assert "7 blocks" in called.out
    assert "beyond a margin" in called.out
    assert max(map(len, called.out.splitlines())) <= 100


def test_plan_when_every_invocation_is_listed_then_each_has_its_own_id_and_one_size(memverdict: Call) -> None:
    document = memverdict("plan", "--suite", "smoke", "--seed", "1", "--json").document
    assert json.loads(json.dumps(document)) == document
    ids = [one["id"] for one in document["invocations"]]
    assert len(ids) == len(set(ids)) > 0
    assert {one["size"] for one in document["invocations"]} == {"smoke"}


def test_plan_when_earlier_runs_cannot_be_read_then_does_without_them_and_the_list_says_so(
    memverdict: Call, tmp_path: Path
) -> None:
    root = project(tmp_path)
    store = runs.create(root, "20260102-030405-tiny-000007", provenance={"suite": "tiny"}, plan={})
    store.close()
    (store.folder / runs.RECORDS).write_text('{"format": 99}\n{"format": 99}\n')
    assert memverdict("plan", "--suite", "tiny", "--seed", "1", root=root).code == 0
    called = memverdict("list", "runs", root=root)
    assert (called.code, called.out) == (1, "")
    assert "line 1: format 99 is unknown here" in called.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--only", "nonsense"), "neither key=value nor language/configuration"),
        (("--only", "workload=lru_cash"), "there is no workload 'lru_cash'; did you mean 'lru_cache'?"),
        (("--only", "go/defualt"), "there is no configuration 'defualt'; did you mean 'default'?"),
        (("--only", "workload=escape c/tcmalloc"), "leaves nothing of suite quick"),
        (("--claims", "stack_is_faster,weather"), "there is no claim 'weather'; use one of: "),
        (("--seed", "-1"), "-1"),
        (("--sweet", "quick"), "No such option '--sweet'"),
    ],
)
def test_plan_when_something_does_not_exist_then_says_which_and_prints_nothing(
    memverdict: Call, arguments: tuple[str, ...], says: str
) -> None:
    called = memverdict("plan", *arguments)
    assert (called.code, called.out) == (2, "")
    assert says in called.err


def test_plan_when_a_data_file_is_wrong_then_names_file_key_and_remedy(memverdict: Call, tmp_path: Path) -> None:
    root = project(tmp_path)
    path = root / "benchmarks/suites/tiny.toml"
    path.write_text(path.read_text().replace("blocks", "block"))
    called = memverdict("plan", "--suite", "tiny", root=root)
    assert called.code == 2
    assert called.err == f"memverdict: {path}: block: unknown key; did you mean 'blocks'?\n"
