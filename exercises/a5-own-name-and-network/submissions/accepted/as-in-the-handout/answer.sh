#!/bin/bash
# All namespaces of the handout; the inner shell reports about itself, for the sleep shares its namespaces.
unshare -mnupf --mount-proc /bin/bash <<'INNER' &
echo {{ name }}-{{ number }} >/proc/sys/kernel/hostname 2>/dev/null || hostname {{ name }}-{{ number }}
sleep {{ seconds }} &
echo "UTS $(stat -Lc %i /proc/self/ns/uts)"
echo "NET $(stat -Lc %i /proc/$!/ns/net)"
wait
INNER
wait
