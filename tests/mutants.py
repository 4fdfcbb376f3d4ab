#!/usr/bin/env python3
"""Mutation testing by cargo-mutants: mutants drawn by seed, each against the suites of its folder.

    python3 tests/mutants.py [--count 120] [--seed 1] [--out target/mutants]

Needs `cargo install cargo-mutants`, which lists the mutants, and `patch`: each is written into the source and taken back. Each result
is one line of OUT/results.jsonl as soon as it is there, and a second call goes on behind the last. A mutant that no test of its
folder's suites catches is a survivor; with `--again`, survivors are run again, after tests against them were written, and with
`--all` against every suite.
"""
import argparse
import json
import os
import random
import subprocess
import time
from pathlib import Path

SOURCE = "yolo-host/src"
# What changes with every mutant is compiled quickest; the kernels and the libraries stay optimised, and are built once.
CARGO = ["cargo", "test", *(f"--config=profile.dev.package.{name}.opt-level=0" for name in ("yolo-host", "yolo-tests"))]
# Seconds that the slowest suite takes many times over; what goes on longer never ends.
LONGEST = 150
# Folder: the suites that watch it, as arguments of cargo test, and which of their tests.
SUITES = {
    "eval": (["--test", "reference"], ["eval::", "nms::", "metrics::", "validation::", "photos::"]),
    "loss": (["--test", "reference", "--test", "training"], ["loss::", "steps::gradients_in"]),
    "model": (
        ["--test", "reference", "--test", "robustness"],
        ["model::", "layers::", "statistics::", "checkpoints::", "activations::", "parser::", "bad_input::"],
    ),
    "graph": (
        ["--test", "reference", "--test", "training", "--test", "plugins"],
        ["graph::", "layers::", "statistics::", "gradients::", "custom_operations::", "hostile::"],
    ),
    "data/augment": (["--test", "reference", "--test", "datasets"], ["augment::", "loader::"]),
}


def drawn(count, seed):
    """`count` mutants, without regard to the order in which files are found."""
    globs = [word for folder in SUITES for word in ("-f", f"{SOURCE}/{folder}/**")]
    listed = subprocess.run(
        ["cargo", "mutants", "--list", "--json", "-p", "yolo-host", *globs], check=True, capture_output=True
    )
    mutants = sorted(json.loads(listed.stdout), key=lambda mutant: mutant["name"])
    mutants = [mutant for mutant in mutants if "/tests" not in mutant["file"]]
    print(f"{len(mutants)} mutants, {count} drawn with seed {seed}")
    return random.Random(seed).sample(mutants, count)


def outcome(mutant, every):
    """What became of a mutant: caught, missed, timeout or unviable, and the seconds that it took."""
    folder = next(folder for folder in SUITES if mutant["file"].startswith(f"{SOURCE}/{folder}/"))
    suites, tests = SUITES[folder]
    packages = ["-p", "yolo-host", "-p", "yolo-tests", "--locked", "--quiet"]
    narrowed = [] if every else ["--lib", *suites]
    start = time.monotonic()
    apply = ["patch", "--strip=1", "--quiet", mutant["file"]]
    subprocess.run(apply, input=mutant["diff"], text=True, check=True)
    try:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        if subprocess.run([*CARGO, *packages, *narrowed, "--no-run"], **quiet).returncode:
            return "unviable", round(time.monotonic() - start)
        command = [*CARGO, *packages, *narrowed, "--", *([] if every else tests)]
        tested = subprocess.Popen(command, start_new_session=True, **quiet)
        try:
            what = "caught" if tested.wait(timeout=LONGEST) else "missed"
        except subprocess.TimeoutExpired:
            os.killpg(tested.pid, 9)
            what = "timeout"
        return what, round(time.monotonic() - start)
    finally:
        subprocess.run([*apply, "--reverse"], input=mutant["diff"], text=True, check=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--count", type=int, default=120)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--out", type=Path, default=Path("target/mutants"))
    arguments.add_argument("--again", action="store_true", help="run the survivors again")
    arguments.add_argument("--all", action="store_true", help="run the survivors again, against every suite")
    args = arguments.parse_args()
    os.chdir(Path(__file__).resolve().parent.parent)
    args.out.mkdir(parents=True, exist_ok=True)
    results = args.out / "results.jsonl"
    done = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    known = {row["name"]: row["outcome"] for row in done}
    with results.open("a") as file:
        for place, mutant in enumerate(drawn(args.count, args.seed), 1):
            name = mutant["name"]
            if name in known and not ((args.again or args.all) and known[name] == "missed"):
                continue
            what, seconds = outcome(mutant, args.all)
            known[name] = what
            file.write(json.dumps({"name": name, "outcome": what, "seconds": seconds, "all": args.all}) + "\n")
            file.flush()
            print(f"{place:4} {what:8} {seconds:4} s  {name}", flush=True)
    viable = [what for what in known.values() if what != "unviable"]
    killed = sum(what != "missed" for what in viable)
    print(f"{killed} of {len(viable)} caught: {100 * killed / max(len(viable), 1):.1f} %")


if __name__ == "__main__":
    main()
