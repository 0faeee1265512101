#!/usr/bin/env bash
# Does what packaging/Containerfile says, with a throw-away copy of this machine (overlay; mount, PID and network namespaces of its
# own) in the place of its base image and dpkg in that of apt: installs the package, then runs the recipe's own ENTRYPOINT as
# its USER, waits for every port that it EXPOSEs and asks its HEALTHCHECK, word by word. Nothing of it stays.
# As root: container.sh PACKAGE.deb
set -euo pipefail
if [ "${1:-}" != inside ]; then
    exec unshare --mount --pid --net --fork --kill-child "$0" inside "$(readlink -f "$1")"
fi
deb=$2
recipe=$(dirname "$0")/../../packaging/Containerfile
source "$(dirname "$0")/machine.sh"
# words INSTRUCTION: its arguments, one a line; a list in JSON
words() { sed -n "s/^$1 \(.*CMD \)\{0,1\}\[/[/p" "$recipe" | python3 -c 'import json, sys; print("\n".join(json.load(sys.stdin)))'; }
copy_of_machine "$deb"
ip link set lo up
in_root dpkg -i /tmp/platecam.deb || die "dpkg -i"

mapfile -t entry < <(words ENTRYPOINT)
mapfile -t health < <(words HEALTHCHECK)
user=$(sed -n 's/^USER //p' "$recipe")
volume=$(sed -n 's/^VOLUME //p' "$recipe")
[ "${#entry[@]}" -gt 1 ] && [ "${#health[@]}" -gt 1 ] || die "no entry point or health check: ${entry[*]} / ${health[*]}"
[ "$(in_root stat -c %U "$volume")" = "$user" ] || die "the volume $volume is not the user's"
in_root runuser -u "$user" -- "${entry[@]}" > "$work/out" 2> "$work/log" &
pid=$!
listens() { in_root ss -Hln "$@" | grep -q .; }
for port in $(sed -n 's/^EXPOSE //p' "$recipe"); do
    case $port in */udp) how=-u ;; *) how=-t ;; esac
    for _ in $(seq 600); do
        listens "$how" "sport = :${port%/*}" && break
        kill -0 "$pid" 2>/dev/null || die "it ended"
        sleep 0.1
    done
    listens "$how" "sport = :${port%/*}" || die "nobody listens on $port: $(in_root ss -ltun)"
done
in_root runuser -u "$user" -- "${health[@]}" || die "the health check fails"
say "RUN AND HEALTHY AS $user"
kill -TERM "$pid"
wait "$pid" || true
