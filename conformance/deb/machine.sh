# Sourced: a throw-away copy of this machine (an overlay in the mount namespace of the caller) with a package in it.
# Sets work (a folder in memory) and root (the copy's), and say, die (which shows $work/log) and in_root.

say() { echo "== $*"; }
die() { echo "FAILED: $*" >&2; [ -f "$work/log" ] && tail -n 30 "$work/log" >&2; exit 1; }
in_root() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" "$@"; }

# copy_of_machine PACKAGE.deb: the package lies in the copy as /tmp/platecam.deb, not installed
copy_of_machine() {
    work=$(mktemp -d)
    mount -t tmpfs tmpfs "$work"
    mkdir "$work"/{upper,work,root}
    mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$work/root"
    root=$work/root
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs tmpfs "$root/run"
    mount -t tmpfs tmpfs "$root/tmp"
    cp "$1" "$root/tmp/platecam.deb"
}
