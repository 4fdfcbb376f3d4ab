# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole processes in turn: wall time from start to exit, and the most memory that they held. The first round warms up.

    python tests/benches/whole.py RUNS NAME='COMMAND' [NAME='COMMAND' …]
"""
import os
import statistics
import subprocess
import sys
import time

runs, commands = int(sys.argv[1]), dict(argument.split('=', 1) for argument in sys.argv[2:])
seconds, memory = ({name: [] for name in commands} for _ in range(2))
for turn in range(runs + 1):
    for name, command in commands.items():
        start = time.perf_counter()
        process = subprocess.Popen(command.split(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        taken = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f'{name}: exit code {process.returncode}: {command}')
        if turn:
            seconds[name].append(taken)
            memory[name].append(usage.ru_maxrss / 1024)
for name, taken in seconds.items():
    middle, least = statistics.median(taken) * 1e3, min(taken) * 1e3
    print(f'{name:<30} median {middle:7.1f} ms  min {least:7.1f} ms  {statistics.median(memory[name]):6.1f} MiB')
