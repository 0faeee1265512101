#!/usr/bin/env bash
# Boots a real systemd as process 1 of a throw-away copy of this machine (an overlay; mount, PID, network, UTS and IPC namespaces of
# its own), installs a package there and tries what the unit may do to the machine, a reboot included. Nothing of it stays.
# As root: systemd.sh PACKAGE.deb
set -euo pipefail
clean() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }

# copy ROOT: the copy of the machine, in the mount namespace of all its boots
copy() {
    mount --make-rprivate /
    mount -t tmpfs tmpfs "$1"
    mkdir "$1"/{upper,work,root}
    mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
    local root=$1/root unit
    echo camera > "$root/etc/hostname"
    : > "$root/etc/machine-id"
    # Nothing of the machine's own work starts in the copy; its clock is this machine's and stays untouched (chronyd -x).
    rm -f "$root"/etc/systemd/system/*.wants/*
    for unit in getty.target remote-fs.target systemd-udevd.service systemd-resolved.service e2scrub_reap.service NetworkManager.service; do
        ln -sf /dev/null "$root/etc/systemd/system/$unit"
    done
    echo 'DAEMON_OPTS="-x"' > "$root/etc/default/chrony"
}

# process_1 ROOT: one boot, in its own namespaces
process_1() {
    local root=$1 d
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
        mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    else
        mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
        mkdir "$root/sys/fs/cgroup/systemd"
        mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
    fi
    mount -t tmpfs -o mode=755 tmpfs "$root/run"
    mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    for d in null zero full random urandom tty; do
        touch "$root/dev/$d"
        mount --bind "/dev/$d" "$root/dev/$d"
    done
    mkdir "$root"/dev/{pts,shm}
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    mount -t tmpfs tmpfs "$root/dev/shm"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
    touch "$root/dev/console"
    hostname camera
    ip link set lo up
    ip link add eth0 type veth peer name wire0
    exec chroot "$root" /usr/bin/env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        /lib/systemd/systemd --unit=multi-user.target --log-target=journal --show-status=false
}

case ${1:-} in
    process-1) process_1 "$2" ;;
    copied) shift ;;
    *)
        exec unshare --mount "$0" copied "$(readlink -f "$1")"
        ;;
esac

deb=$1
work=$(mktemp -d)
copy "$work"
root=$work/root
cp "$deb" "$root/var/tmp/platecam.deb"
namespaces=
first=

say() { echo "== $*"; }
in_copy() { nsenter -t "$first" -m -p -n -u -i /usr/sbin/chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
die() {
    echo "FAILED: $*" >&2
    [ -z "$first" ] || in_copy journalctl --no-pager -n 60 -o short-monotonic >&2 || true
    exit 1
}
# patiently COMMAND...: tries it for two minutes
patiently() {
    local _
    for _ in $(seq 600); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.2
    done
    return 1
}
finish() {
    [ -z "$first" ] || kill -KILL "$first" 2>/dev/null || true
    [ -z "$namespaces" ] || wait "$namespaces" 2>/dev/null || true
    umount -l "$work" 2>/dev/null || true
    rmdir "$work" 2>/dev/null || true
}
trap finish EXIT

is_systemd() { [ "$(cat "/proc/$1/comm")" = systemd ] && [ -S "/proc/$1/root/run/systemd/private" ]; }
boot() {
    unshare --mount --pid --net --uts --ipc --fork --kill-child "$0" process-1 "$root" 2>/dev/null &
    namespaces=$!
    patiently pgrep -P "$namespaces" || die "no process 1"
    first=$(pgrep -P "$namespaces")
    patiently is_systemd "$first" || die "systemd did not start"
    patiently in_copy systemctl is-active multi-user.target || die "systemd does not come up"
}
# shellcheck source=conformance/deb/network.sh
. "$(dirname "$0")/network.sh"
camera() { in_copy systemctl show -P MainPID platecam.service; }
ready() { in_copy platecam health --ready --http-port 8080; }
config() { in_copy platecam config "$1" --state-dir /var/lib/platecam "${@:2}"; }

boot
say "systemd $(in_copy systemctl --version | head -n 1 | cut -d' ' -f2) runs: $(in_copy systemctl is-system-running || true)"

say install
in_copy dpkg -i /var/tmp/platecam.deb || die "dpkg -i"
patiently in_copy systemctl is-active platecam.service || die "the unit does not come up"
printf 'PLATECAM_ARGS="--source demo"\nPLATECAM_INITIAL_PASSWORD=Sunny-Gate-42\n' > "/proc/$first/root/etc/default/platecam"
# The machine's own SSH server (here only by its name) and time daemon, which nobody has told the camera to touch.
printf '[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n' > "/proc/$first/root/etc/systemd/system/ssh.service"
in_copy systemctl daemon-reload
in_copy systemctl start ssh.service chrony.service
in_copy systemctl restart platecam.service
patiently ready || die "no pictures or no recognition"
config set services/cgi false || die "CGI refused"
in_copy systemctl is-active ssh.service chrony.service || die "the machine's own services were touched"
in_copy ps -C chronyd -o args= | grep -q /etc/chrony/chrony.conf || die "chrony lost the machine's servers"
say "the unit is $(in_copy systemctl is-active platecam.service), $(in_copy systemctl is-enabled platecam.service), runs as $(in_copy ps -o user= -p "$(camera)")"

say ssh
ssh_runs() { in_copy systemctl is-active ssh.service; }
ssh_rests() { ! ssh_runs; }
config set services/ssh off || die "SSH refused"
patiently ssh_rests || die "SSH still runs"
config set services/ssh on || die "SSH refused"
patiently ssh_runs || die "SSH does not run"
# Back to nobody's decision: what the camera had started stops.
config set services/ssh unmanaged
patiently ssh_rests || die "SSH was left open"

cable
say "gateway binding"
in_copy ip link set eth0 up
in_copy ip addr add 198.51.100.2/24 dev eth0
in_copy ip route add default via 198.51.100.1
config set net.gateway_binding/mac 02:00:5e:10:00:01 net.gateway_binding/enabled true || die "binding refused"
bound() { in_copy ip neigh show 198.51.100.1 | grep -q '02:00:5e:10:00:01 PERMANENT'; }
loose() { ! bound; }
patiently bound || die "the gateway is not bound: $(in_copy ip neigh show)"
config set net.gateway_binding/enabled false
patiently loose || die "the gateway is still bound"
in_copy ip addr flush dev eth0

host_network
from_dhcp

say "time zone"
config set time/zone_name Europe/Berlin time/time_zone CET-1CEST,M3.5.0,M10.5.0/3 time/dst_enabled true time/dst_rule zone || die "time zone refused"
zoned() { in_copy date +%Z | grep -qE '^CES?T$'; }
patiently zoned || die "the machine's zone is $(in_copy date +%Z)"
say "the machine's zone is $(in_copy date +%Z)"
# As an ONVIF client sets it: a rule without a name.
config set time/zone_name '""' time/time_zone EST5EDT,M3.2.0,M11.1.0 || die "time zone refused"
zoned() { in_copy date +%Z | grep -qE '^E[SD]T$'; }
patiently zoned || die "a zone without a name is not found: $(in_copy date +%Z)"

say "time daemon"
config set time/ntp_server 192.0.2.1 time/ntp_enabled true || die "NTP refused"
patiently in_copy systemctl is-active chrony.service || die "chrony does not run"
uses() { in_copy ps -C chronyd -o args= | grep -q "$1"; }
patiently uses /etc/chrony/platecam.conf || die "chrony keeps the distribution's configuration"
has_source() { in_copy chronyc -n sources | grep -q 192.0.2.1; }
patiently has_source || die "chrony does not know the server"
[ "$(in_copy chronyc -n -c sources | wc -l)" = 1 ] || die "chrony listens to others too: $(in_copy chronyc -n -c sources)"
config set time/ntp_enabled false
stopped() { ! in_copy systemctl is-active chrony.service; }
patiently stopped || die "chrony still sets the clock"

say "kill -9"
before=$(camera)
in_copy kill -9 "$before"
again() { [ "$(camera)" != "$before" ] && [ "$(camera)" != 0 ]; }
patiently again || die "systemd does not start it again"
patiently ready || die "not ready after kill -9"

say reboot
base=http://127.0.0.1:8080/api/v1
in_copy curl -sf -c /tmp/jar -H 'Content-Type: application/json' -d '{"username":"admin","password":"Sunny-Gate-42"}' "$base/session" > "$work/session" || die "login"
csrf=$(sed -n 's/.*"csrf":"\([^"]*\)".*/\1/p' "$work/session")
in_copy curl -sf -b /tmp/jar -H "X-Platecam-CSRF: $csrf" -H 'Content-Type: application/json' -d '{"confirm":true}' "$base/maintenance/reboot" || die "reboot refused"
echo
gone() { ! kill -0 "$first" 2>/dev/null; }
patiently gone || die "the machine does not go down"
first=
ended=0
wait "$namespaces" || ended=$?
# reboot(2) in a PID namespace ends its process 1 by SIGHUP for a restart, by SIGINT for a halt: pid_namespaces(7).
[ "$ended" = 129 ] || die "the machine went down, but not to restart (status $ended)"
boot
patiently ready || die "not ready after the reboot"
config get time | grep -q EST5EDT || die "the settings are gone"
say "BOOTED, INSTALLED, REBOOTED"
