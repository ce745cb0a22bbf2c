#!/bin/bash
# A perl that names itself and collects memory, while the script waits.
set -u
perl -e '$0 = "{{ victim }}"; open(my $f, ">", "/proc/self/comm"); print $f "{{ victim }}"; close $f; my @m; push @m, "x" x 1048576 while 1' &
greedy=$!
wait "$greedy" || echo "child $greedy ended with $?"
true
