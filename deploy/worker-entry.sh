#!/bin/sh
# First process of a worker's container: makes usable what engines hand out read-only, then becomes its command.
set -eu

# The kernel gives no user namespace a writable sysfs, which a sandbox's engine needs, where every sysfs in
# sight is read-only. This one is the container's own: what it shows belongs to its network namespace.
mount -o remount,rw /sys

# Sandboxes live in control groups below the container's own. `bind`, because without it the options of the
# machine's whole hierarchy would change.
awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/self/mounts | while read -r place; do
  mount -o remount,bind,rw "$place"
done

# What sandboxes start from is made once for a machine; several workers wait for the one that makes it.
case "$*" in "python -m worker"*) grader images build --quiet >/dev/null ;; esac

exec "$@"
