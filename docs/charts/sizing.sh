#!/usr/bin/env bash
# Measures what one verification takes on the share of a processor that Lambda gives for some memory: memory / 1769 of it. The
# shares are quotas of a control group (version 1), in periods of 20 ms; needs root and `cargo`. Prints a line for each memory and
# kernel, which docs/charts/sizing.py draws.
set -euo pipefail

period=20000
group=/sys/fs/cgroup/cpu/passgrant-sizing
program=$(cargo bench --locked --package passgrant-argon2 --bench sizing --no-run --message-format=json |
    python3 -c 'import json, sys; print([m["executable"] for m in map(json.loads, sys.stdin) if m.get("executable")][-1])')
mkdir "$group"
trap 'rmdir "$group"' EXIT
# What else runs on the machine has to wait.
echo 262144 >"$group/cpu.shares"
echo "$period" >"$group/cpu.cfs_period_us"
for memory in 1769 1024 768 512 384 256 128; do
    echo $((period * memory / 1769)) >"$group/cpu.cfs_quota_us"
    for kernel in AVX2 portable; do
        echo "$memory $(
            echo "$BASHPID" >"$group/cgroup.procs"
            exec "$program" 60 "$kernel"
        )"
    done
done
