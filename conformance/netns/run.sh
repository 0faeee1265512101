#!/usr/bin/env bash
# run.sh DAEMON COMMAND...: runs COMMAND on a machine of its own that has one Ethernet interface, "cam0".
#
# DAEMON is networkd, NetworkManager or none and sets cam0's address, at first 192.0.2.10/24. At the other end of the cable
# is the network namespace $PEER with 192.0.2.1/24 on "peer0" and a DHCP server that gives 192.0.2.100 and keeps its leases
# in $LEASES. /etc is a copy that nobody else sees. Needs root; everything is gone afterwards.
set -euo pipefail
daemon=$1; shift
if [ "${INSIDE:-}" = "" ]; then
    T=$(mktemp -d); cam="pc$$c"; export PEER="pc$$p" LEASES="$T/leases" T
    cleanup() {
        for pid in $(ip netns pids "$cam" 2>/dev/null) $(ip netns pids "$PEER" 2>/dev/null); do kill -9 "$pid" 2>/dev/null || true; done
        wait 2>/dev/null || true
        ip netns del "$cam" 2>/dev/null || true; ip netns del "$PEER" 2>/dev/null || true
        rm -rf "$T"
    }
    trap cleanup EXIT
    ip netns add "$cam"; ip netns add "$PEER"
    ip link add cam0 netns "$cam" type veth peer name peer0 netns "$PEER"
    ip -n "$cam" link set lo up; ip -n "$PEER" link set lo up
    ip -n "$PEER" addr add 192.0.2.1/24 dev peer0; ip -n "$PEER" link set peer0 up
    touch "$LEASES"
    ip netns exec "$PEER" dnsmasq --keep-in-foreground --user=root --conf-file=/dev/null --port=0 --interface=peer0 --bind-interfaces \
        --dhcp-range=192.0.2.100,192.0.2.100,255.255.255.0,1h --dhcp-option=option:dns-server,192.0.2.53 \
        --dhcp-option=option:ntp-server,192.0.2.1 --dhcp-option-force=12,leased-1 --dhcp-leasefile="$LEASES" --pid-file= >"$T/dnsmasq.log" 2>&1 &
    INSIDE=1 ip netns exec "$cam" unshare --mount --uts "$0" "$daemon" "$@"
    exit
fi
mount --make-rprivate /
mkdir -p "$T/etc" "$T/work"; mount -t tmpfs none "$T/work"; mkdir "$T/work/up" "$T/work/work"
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$T/work/up,workdir=$T/work/work" /etc
mkdir -p /run/dbus /run/systemd /run/NetworkManager
for d in /run/dbus /run/systemd /run/NetworkManager; do mount -t tmpfs none "$d"; done
# Without udev the daemons wait for nobody.
mount -o remount,ro /sys
hostname cam-test; echo cam-test >/etc/hostname
dbus-daemon --system --fork --nopidfile --print-pid=3 3>/dev/null
/lib/systemd/systemd-hostnamed >"$T/hostnamed.log" 2>&1 3>&- &
rm -f /etc/systemd/network/*.network
has() { busctl call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus NameHasOwner s "$1" 2>/dev/null | grep -q true; }
until_true() { for _ in $(seq 600); do if "$@"; then return; fi; sleep 0.05; done; echo "run.sh: $* is never true" >&2; cat "$T"/*.log >&2; exit 1; }
case $daemon in
networkd)
    mkdir -p /run/systemd/netif/{links,leases,lldp} /run/systemd/network; chown -R systemd-network: /run/systemd/netif
    printf '[Match]\nName=cam0\n[Network]\nAddress=192.0.2.10/24\nGateway=192.0.2.1\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n' >/etc/systemd/network/80-machine.network
    /lib/systemd/systemd-networkd >"$T/networkd.log" 2>&1 &
    until_true has org.freedesktop.network1 ;;
NetworkManager)
    printf '[main]\nplugins=keyfile\n[keyfile]\nunmanaged-devices=none\n' >/etc/NetworkManager/NetworkManager.conf
    rm -f /etc/NetworkManager/system-connections/* /etc/NetworkManager/conf.d/*; : >/etc/network/interfaces || true
    mount -t tmpfs none /usr/lib/NetworkManager/conf.d; mount -t tmpfs none /var/lib/NetworkManager
    printf '[connection]\nid=machine\ntype=ethernet\ninterface-name=cam0\n[ipv4]\nmethod=manual\naddress1=192.0.2.10/24,192.0.2.1\n[ipv6]\nmethod=disabled\n' \
        >/etc/NetworkManager/system-connections/machine.nmconnection
    chmod 600 /etc/NetworkManager/system-connections/machine.nmconnection
    NetworkManager --no-daemon >"$T/nm.log" 2>&1 &
    until_true has org.freedesktop.NetworkManager
    nmcli device set cam0 managed yes ;;
none)
    ip addr add 192.0.2.10/24 dev cam0; ip link set cam0 up; ip route add default via 192.0.2.1 ;;
esac
there() { ip -4 addr show dev cam0 | grep -q 'inet 192.0.2.10/24'; }
until_true there
"$@"
