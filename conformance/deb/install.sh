#!/usr/bin/env bash
# Installs a package into a throw-away copy of this machine (overlay in a mount namespace of its own), starts it as its user,
# asks it, removes and purges it. Nothing of it stays. Usage, as root: install.sh PACKAGE.deb
set -euo pipefail
if [ "${1:-}" != inside ]; then
    exec unshare --mount --pid --fork --kill-child "$0" inside "$(readlink -f "$1")"
fi
deb=$2
source "$(dirname "$0")/machine.sh"
copy_of_machine "$deb"

say install
in_root dpkg -i /tmp/platecam.deb || die "dpkg -i"
in_root dpkg -L platecam > "$work/files"
[ "$(stat -c '%U:%a' "$root/var/lib/platecam" 2>/dev/null || true)" != "root:755" ] || die "the state directory is open"
owner=$(in_root stat -c '%U:%a' /var/lib/platecam)
[ "$owner" = platecam:700 ] || die "the state directory is $owner"
in_root dpkg --verify platecam || die "files differ from the package"

say start
: > "$work/out"
in_root runuser -u platecam -- /usr/bin/platecam launch -- --state-dir /var/lib/platecam --host observe \
    --listen 127.0.0.1 --http-port 0 --https-port 0 --rtsp-port 0 --no-discovery > "$work/out" 2> "$work/log" &
pid=$!
port=
for _ in $(seq 600); do
    port=$(sed -n 's|^Web     http://127.0.0.1:\([0-9]*\)/.*|\1|p' "$work/out")
    [ -n "$port" ] && break
    kill -0 $pid 2>/dev/null || die "it ended"
    sleep 0.1
done
[ -n "$port" ] || die "it does not announce itself"
in_root /usr/bin/platecam health --http-port "$port" || die "health"
for _ in $(seq 600); do
    in_root /usr/bin/platecam health --ready --http-port "$port" 2>/dev/null && break
    sleep 0.1
done
in_root /usr/bin/platecam health --ready --http-port "$port" || die "no pictures or no recognition with what the package brings"
camera=
for p in "$root"/proc/[0-9]*; do
    case $(readlink "$p/exe" 2>/dev/null || true) in */usr/bin/platecam) camera=${p##*/} ;; esac
done
[ -n "$camera" ] || die "no process runs the program"
say "runs as: $(in_root stat -c %U "/proc/$camera")"
[ -s "$root/usr/share/doc/platecam/copyright" ] || die "no copyright file"

say stop
kill -TERM "$camera"
wait $pid || true

say remove
in_root dpkg -r platecam || die "dpkg -r"
[ ! -e "$root/usr/bin/platecam" ] || die "the program stays"
[ -e "$root/var/lib/platecam/platecam.db" ] || die "the state went with the program"
say purge
in_root dpkg -P platecam || die "dpkg -P"
[ ! -e "$root/var/lib/platecam" ] || die "the state stays"
[ ! -e "$root/etc/platecam" ] || die "the keys stay"
while read -r file; do
    [ -d "$root$file" ] && continue
    [ ! -e "$root$file" ] || die "$file stays"
done < "$work/files"
echo "INSTALLED, ANSWERED, REMOVED"
