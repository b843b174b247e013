#!/usr/bin/env python3
"""Measures rolecall against the usual ways on one lab; `tests/bench/run` calls it with everything set up."""

import argparse
import json
import os
import pathlib
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

import yaml

from bound import FORMULA, bound

HERE = pathlib.Path(__file__).parent
README = HERE.parent.parent / "README.md"
BEGIN, END = "<!-- measure: made by tests/bench/run -->", "<!-- measure: end -->"
PER_ACCOUNT = 4
AT_ONCE = 64
NAMES = {"rolecall": "rolecall", "script": "boto3 script", "aws-auth": "aws-auth commands"}


def say(text):
    print(text, file=sys.stderr, flush=True)


class Lab:
    """A lab in a process of its own, in which every cluster lacks everything."""

    def __init__(self, binary, clusters, latency, rows, folder):
        self.clusters, self.folder = clusters, pathlib.Path(folder)
        # A few accounts have no clusters: those of management, security and the like.
        accounts = max(4, clusters // PER_ACCOUNT + 8)
        command = [binary, "lab", "--accounts", str(accounts), "--clusters", str(clusters), "--drift", "missing"]
        command += ["--latency", f"{round(latency * 1000)}ms", "--dir", str(folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=open(self.folder / "lab.log", "w"))
        while not (self.folder / "env").exists():
            if self.process.poll() is not None:
                sys.exit(f"the lab did not start: {(self.folder / 'lab.log').read_text()}")
            time.sleep(0.05)
        exports = subprocess.run(["sh", "-c", f". {shlex.quote(str(self.folder / 'env'))}; env -0"], capture_output=True)
        self.env = dict(pair.split("=", 1) for pair in exports.stdout.decode().split("\0") if "=" in pair)
        policy = yaml.safe_load((HERE / "policy.yaml").read_text())
        policy["access"] = policy["access"][:rows]
        (self.folder / "policy.yaml").write_text(yaml.safe_dump(policy))
        settings = yaml.safe_load((self.folder / "rolecall.yaml").read_text())
        organization = settings["organization"]
        self.member_role, self.external_id = organization["memberRole"], organization.get("externalId", "")
        self.regions = organization["regions"]

    def tally(self):
        """The calls since the last time, as "service Operation": number."""
        with urllib.request.urlopen(self.env["AWS_ENDPOINT_URL"] + "/_lab/tally") as answer:
            counts = json.load(answer)
        flat = {}
        for service, operations in counts.items():
            for operation, number in operations.items():
                flat[f"{service} {operation}"] = number
        return flat

    def cpu(self):
        """CPU seconds of the lab so far."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def timed(command, lab, allowed):
    """Runs a command to its end: wall seconds, CPU seconds, peak KiB, and the lab's calls and CPU seconds."""
    lab.tally()
    lab_cpu, start = lab.cpu(), time.monotonic()
    with open(lab.folder / "out.log", "ab") as log:
        process = subprocess.Popen(command, env=lab.env, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in allowed:
        tail = (lab.folder / "out.log").read_text(errors="replace")[-8000:]
        sys.exit(f"{shlex.join(command)} ended with {process.returncode}:\n{tail}")
    cpu = usage.ru_utime + usage.ru_stime
    return {"wall": wall, "cpu": cpu, "rss": usage.ru_maxrss, "calls": lab.tally(), "lab_cpu": lab.cpu() - lab_cpu}


def rolecall(args, lab):
    common = [args.binary, "--settings", str(lab.folder / "rolecall.yaml"), "--output", "json"]
    full = timed([*common, "sync"], lab, {0})
    return {"full": full, "converged": timed([*common, "plan"], lab, {0})}


def script(args, lab):
    command = [sys.executable, str(HERE / "script.py"), "--member-role", lab.member_role, "--regions", ",".join(lab.regions)]
    command += ["--external-id", lab.external_id, "--policy", str(lab.folder / "policy.yaml"), "--threads", str(AT_ONCE)]
    full = timed(command, lab, {0})
    return {"full": full, "converged": timed(command, lab, {0})}


def aws_auth(args, lab):
    """One call for each row and cluster; the kubeconfigs with their tokens are made before and cost nothing here."""
    jobs = subprocess.run(
        [sys.executable, str(HERE / "kubeconfigs.py"), str(lab.folder), lab.member_role, lab.external_id, *lab.regions],
        env=lab.env, capture_output=True, text=True, check=True,
    ).stdout
    (lab.folder / "jobs").write_text(jobs)
    # Rows of one cluster follow each other, since two writers of one ConfigMap collide.
    loop = f'while read -r arn username groups; do {shlex.quote(args.aws_auth)} upsert --maproles --rolearn "$arn" ' \
           '--username "$username" --groups "$groups" || exit 255; done <"$KUBECONFIG.rows"'
    command = ["xargs", "-a", str(lab.folder / "jobs"), "-P", str(AT_ONCE), "-I{}", "env", "KUBECONFIG={}", "sh", "-c", loop]
    full = timed(command, lab, {0})
    return {"full": full, "converged": timed(command, lab, {0})}


RUNNERS = {"rolecall": rolecall, "script": script, "aws-auth": aws_auth}


def measure(args):
    """Every contender at every size, in turn, so that a busy moment of the machine meets all of them."""
    results = {}
    for clusters in args.sizes:
        for repetition in range(repetitions(args, clusters)):
            for name, runner in RUNNERS.items():
                others = name != "rolecall"
                if name in args.without or others and (clusters > args.others_up_to or repetition >= args.others_repetitions):
                    continue
                with tempfile.TemporaryDirectory(prefix="rolecall-bench-") as folder:
                    lab = Lab(args.binary, clusters, args.latency, args.rows, folder)
                    try:
                        result = runner(args, lab)
                    finally:
                        lab.stop()
                for which, one in result.items():
                    say(f"  {clusters} clusters, {name}, {which}: {one['wall']:.2f} s, {one['cpu']:.2f} s CPU, "
                        f"{one['rss'] / 1024:.0f} MiB, lab {one['lab_cpu']:.2f} s CPU")
                    results.setdefault((clusters, name, which), []).append(one)
    if args.raw:
        raw = {" ".join(map(str, key)): runs for key, runs in results.items()}
        pathlib.Path(args.raw).write_text(json.dumps(raw, indent=1))
    return results


def repetitions(args, clusters):
    return args.repetitions if clusters <= args.others_up_to else args.large_repetitions


def median(runs, key):
    return statistics.median(run[key] for run in runs)


def per_cluster(calls, clusters, kubernetes):
    number = sum(n for name, n in calls.items() if name.startswith("kubernetes ") == kubernetes)
    return number / clusters


def seconds(value):
    return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"


def table(args, results):
    lines = [
        "| clusters | pass | by | time | × rolecall | × bound | CPU per cluster | peak memory | AWS calls per cluster | cluster calls |",
        "|--:|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for (clusters, name, which), runs in sorted(results.items(), key=order):
        wall, cpu, calls = median(runs, "wall"), median(runs, "cpu"), runs[-1]["calls"]
        own = results.get((clusters, "rolecall", which))
        ratio = f"{wall / median(own, 'wall'):.1f}" if own and name != "rolecall" else ""
        least = f"{wall / bound(calls, clusters, args.latency):.1f}" if name == "rolecall" else ""
        lines.append(
            f"| {clusters:,} | {which} | {NAMES[name]} | {seconds(wall)} | {ratio} | {least} | {cpu / clusters * 1000:.1f} ms "
            f"| {median(runs, 'rss') / 1024:.0f} MiB | {per_cluster(calls, clusters, False):.1f} "
            f"| {per_cluster(calls, clusters, True):.1f} |"
        )
    return "\n".join(lines)


def order(item):
    (clusters, name, which), _ = item
    return clusters, ["full", "converged"].index(which), list(RUNNERS).index(name)


def by_service(results):
    """The calls of rolecall's converged pass over the largest fleet, by operation."""
    clusters = max((size for size, name, _ in results if name == "rolecall"), default=0)
    runs = results.get((clusters, "rolecall", "converged"))
    if not runs:
        return ""
    calls = sorted(runs[-1]["calls"].items())
    return f"Calls of a converged pass over {clusters:,} clusters: " + ", ".join(f"{name} {n:,}" for name, n in calls) + "."


def write_readme(text):
    readme = README.read_text()
    before, rest = readme.split(BEGIN, 1)
    README.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END, 1)[1]}")


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/run", description="Measures rolecall, the usual script and aws-auth commands side by side.")
    parser.add_argument("--quick", action="store_true", help="100 clusters, once")
    parser.add_argument("--sizes", type=lambda text: [int(n) for n in text.split(",")], default=[100, 1000, 5000])
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--others-up-to", type=int, default=1000, help="the largest fleet for script and aws-auth")
    parser.add_argument("--others-repetitions", type=int, default=1)
    parser.add_argument("--large-repetitions", type=int, default=1, help="of fleets that only rolecall is measured on")
    parser.add_argument("--rows", type=int, choices=range(1, 13), default=12, metavar="N", help="of aws-auth to want, 1 to 12")
    parser.add_argument("--without", action="append", choices=RUNNERS, default=[], help="leave one out")
    parser.add_argument("--latency", type=float, default=0.040, metavar="SECONDS", help="of every call")
    parser.add_argument("--raw", metavar="FILE", help="write every single run to FILE as JSON")
    parser.add_argument("--no-readme", action="store_true", help="print the table only")
    parser.add_argument("--binary", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--aws-auth", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--command-line", default="", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.quick:
        args.sizes, args.repetitions = [100], 1
    results = measure(args)
    text = "\n\n".join(filter(None, [caption(args, results), table(args, results), FORMULA, by_service(results)]))
    print(text)
    if not args.no_readme:
        write_readme(text)


def caption(args, results):
    runs = sorted({len(of_one) for of_one in results.values()})
    repeated = "one run each" if runs == [1] else f"medians where there are more runs than one ({runs[0]} to {runs[-1]})"
    return (
        f"`tests/bench/run{args.command_line}` on {os.cpu_count()} cores, the lab among them, with {args.latency * 1000:.0f} ms "
        f"before every answer, {PER_ACCOUNT} clusters per account and {AT_ONCE} at once. The policy wants {args.rows} rows of "
        f"aws-auth and {objects()} RBAC objects on every cluster; the aws-auth command knows the rows only. {repeated.capitalize()}."
    )


def objects():
    policy = yaml.safe_load((HERE / "policy.yaml").read_text())
    return len(policy["roles"]) + sum(len(group["clusterRoles"]) for group in policy["groups"])


if __name__ == "__main__":
    main()
