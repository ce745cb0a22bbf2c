# First process of a disposable engine: make its control group and its images usable, then become dockerd.
# Runs under bash inside the sandbox; descriptor 3 is the grader's listening socket.
set -eu

cgroups=/sys/fs/cgroup
if [ -f $cgroups/cgroup.controllers ]; then
  # A group with processes cannot hand controllers on (the "no internal process" rule of cgroup v2).
  mkdir $cgroups/init
  while read -r pid; do echo "$pid" >$cgroups/init/cgroup.procs || true; done <$cgroups/cgroup.procs
  sed 's/ / +/g; s/^/+/' $cgroups/cgroup.controllers >$cgroups/cgroup.subtree_control
fi

# Images come from a data root that all engines share read-only: only its two small databases are copied, and
# whatever else there is in it shows through. Removing an image then hides it in this engine alone: its
# snapshots are links here. Every process that starts costs more than what it does, so each does much.
golden=/golden/containerd/daemon
data=/var/lib/docker/containerd/daemon
snapshots=io.containerd.snapshotter.v1.overlayfs
content=io.containerd.content.v1.content
database=io.containerd.metadata.v1.bolt

# The databases have space of their own: BuildKit panics, and dockerd with it, when it cannot write what it
# knows about a build that has just filled the disk.
mkdir -p /var/lib/docker/buildkit /var/lib/docker/.databases /run/docker/containerd \
  $data/$database $data/$snapshots/snapshots $data/$content
mount -t tmpfs -o size=32m,mode=700 databases /var/lib/docker/.databases
mkdir -p /var/lib/docker/.databases/buildkit /var/lib/docker/.databases/containerd \
  /var/lib/docker/.content/upper /var/lib/docker/.content/work
: >/var/lib/docker/.databases/snapshots.db
: >$data/$snapshots/metadata.db
mounts="\
/var/lib/docker/.databases/buildkit     /var/lib/docker/buildkit       none bind
/var/lib/docker/.databases/containerd   $data/$database                none bind
/var/lib/docker/.databases/snapshots.db $data/$snapshots/metadata.db   none bind"
if [ -d $golden ]; then
  cp $golden/$database/meta.db /var/lib/docker/.databases/containerd/
  cp $golden/$snapshots/metadata.db /var/lib/docker/.databases/snapshots.db
  ln -s $golden/$snapshots/snapshots/* $data/$snapshots/snapshots/
  mounts="$mounts
overlay $data/$content overlay lowerdir=$golden/$content,upperdir=/var/lib/docker/.content/upper,workdir=/var/lib/docker/.content/work,userxattr"
fi
echo "$mounts" >/run/mounts
mount --all --fstab /run/mounts

# Builds run under crun, which starts a step in a tenth of the time; containers under runc, because
# dockerd's network hook does not run under crun in a user namespace. What a build has made stays: BuildKit
# would throw it away once it fills a tenth of this small disk, and a second build would begin anew.
echo '{
  "features": {"containerd-snapshotter": true},
  "runtimes": {"oci": {"path": "/usr/sbin/runc"}},
  "default-runtime": "oci",
  "init-path": "/run/docker-init",
  "builder": {"gc": {"enabled": false}},
  "log-level": "warn",
  "shutdown-timeout": 1
}' >/etc/docker/daemon.json
# In a user namespace overlayfs keeps its marks in user.* attributes, and only when it is told to: without
# that, directories of a lower layer cannot be removed (EIO).
echo '
version = 2
root = "/var/lib/docker/containerd/daemon"
state = "/run/docker/containerd/daemon"
disabled_plugins = [
  "io.containerd.grpc.v1.cri",
  "io.containerd.snapshotter.v1.blockfile",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]
[grpc]
  address = "/run/docker/containerd/containerd.sock"
[debug]
  level = "warn"
[plugins."io.containerd.snapshotter.v1.overlayfs"]
  mount_options = ["userxattr"]
' >/etc/docker/containerd.toml
# What `docker run --init` starts is mounted into the container and made read-only there, which the kernel
# refuses for a file of our root file system: all the flags of that mount are locked.
cp /usr/bin/docker-init /run/docker-init
export PATH=/usr/local/libexec/buildkit:$PATH
# Neither lives long: collecting their garbage seldom saves a sixth of the processor time of a build, for
# 10 MiB more.
export GOGC=400 GOMEMLIMIT=100MiB
containerd --config /etc/docker/containerd.toml 3>&- &
export LISTEN_FDS=1 LISTEN_PID=$$
exec dockerd --containerd /run/docker/containerd/containerd.sock -H unix:///run/docker.sock -H fd://
