#!/bin/busybox sh
# First process of the guest's system: make a machine that has cgroup v2 only and what sandboxes and
# nested engines expect of their host, run pytest, send back its exit code and JUnit XML, power off.
#
# settings.sh, beside this file, is written by run.py for each run. It sets $hostname, $state_dir,
# $run_dir, $venv_dir and the function run_pytest. /proc, /sys and /dev are mounted already. The
# shell takes its own applets before programs of the same name: in an emulated machine they start
# several times as fast.
set -eu # when this process fails, the kernel panics, and the machine ends without a result
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
. /mnt/settings.sh

mkdir -p /dev/pts /dev/shm
mount -t devpts -o nosuid,noexec,gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o nosuid,nodev tmpfs /dev/shm
mount -t tmpfs -o nosuid,nodev,mode=755 tmpfs /run
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs /tmp
ln -s /proc/self/fd /dev/fd
ln -s fd/0 /dev/stdin
ln -s fd/1 /dev/stdout
ln -s fd/2 /dev/stderr

# Nothing inside a sandbox can load a module: the host must hold what a nested engine asks for.
modprobe -a virtio_console loop overlay bridge br_netfilter veth \
  nf_tables nft_compat nft_chain_nat nft_nat nft_masq nft_ct nft_reject_inet nft_limit \
  xt_nat xt_MASQUERADE xt_REDIRECT xt_conntrack xt_addrtype xt_comment xt_mark xt_multiport \
  xt_tcpudp ipt_REJECT iptable_nat iptable_filter ip6table_nat ip6table_filter

# As systemd leaves it: the root group holds kernel threads only and hands its controllers down.
mount -t cgroup2 -o nosuid,nodev,noexec,nsdelegate cgroup2 /sys/fs/cgroup
mkdir /sys/fs/cgroup/init
for pid in $(cat /sys/fs/cgroup/cgroup.procs); do
  echo "$pid" > /sys/fs/cgroup/init/cgroup.procs 2> /dev/null || true # kernel threads stay
done
for controller in memory pids cpu cpuset io; do
  echo "+$controller" > /sys/fs/cgroup/cgroup.subtree_control
done

hostname "$hostname"
printf '127.0.0.1 localhost\n::1 localhost\n127.0.1.1 %s\n' "$hostname" > /etc/hosts
ip link set lo up

mkdir -p "$state_dir"
mount -o noatime LABEL=state "$state_dir"
mkdir -p "$run_dir" "$venv_dir"
mount --move /mnt "$run_dir"
mount -o noatime LABEL=venv "$venv_dir"
mount --make-rshared /

for port in /sys/class/virtio-ports/*; do
  case $(cat "$port/name") in
    output) output=/dev/${port##*/} ;;
    result) result=/dev/${port##*/} ;;
  esac
done

mkdir -p /run/result
export GRADER_STATE_DIR="$state_dir" PATH="$venv_dir/bin:$PATH"
# Emulation takes several times as long as the machine that it emulates would.
export GRADER_TEST_SLOWNESS=6 GRADER_PATIENCE=4
exit_code=0
cd "$run_dir/project"
run_pytest /run/result/junit.xml > "$output" 2>&1 < /dev/null || exit_code=$?
echo "$exit_code" > /run/result/exit-code
tar -C /run/result -c . > "$result"
poweroff -f
