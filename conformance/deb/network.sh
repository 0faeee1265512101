# Part of systemd.sh: the unit, which is not root, changes the address of eth0 by systemd-networkd; the other end of the cable
# is the network namespace "neighbour" with 198.51.100.1 (NET-2, NET-3, NET-10, NET-11, ADR 0015) and, at the end, a DHCP server that
# gives a name and a time server as well (SYS-13).

neighbour() { in_copy ip netns exec neighbour "$@"; }

cable() {
    in_copy ip netns add neighbour
    in_copy ip link set wire0 netns neighbour
    neighbour ip addr add 198.51.100.1/24 dev wire0
    neighbour ip link set wire0 up
}

# at ADDRESS METHOD PATH [JSON]: a request of admin from the neighbour; the answer, with its status in the last line
at() {
    local url=http://$1:8080/api/v1 jar=/tmp/jar-$1 csrf revision
    csrf=$(neighbour curl -s --max-time 10 -c "$jar" -H 'Content-Type: application/json' \
        -d '{"username":"admin","password":"Sunny-Gate-42"}' "$url/session" | sed -n 's/.*"csrf":"\([^"]*\)".*/\1/p')
    [ -n "$csrf" ] || return 1
    revision=$(neighbour curl -s --max-time 10 -b "$jar" "$url/settings/net.ip" | sed -n 's/.*"revision":\([0-9]*\).*/\1/p')
    neighbour curl -s --max-time 10 -b "$jar" -H "X-Platecam-CSRF: $csrf" -H 'Content-Type: application/json' -H "If-Match: \"$revision\"" \
        -w '\n%{http_code}\n' -X "$2" ${4:+-d "$4"} "$url$3"
}
has_address() { in_copy ip -4 addr show dev eth0 | grep -q "inet $1/24"; }
lacks_address() { ! has_address "$1"; }
reached() { neighbour curl -s -o /dev/null --max-time 2 "http://$1:8080/"; }
told() { at "$1" GET /network | grep -q "$2"; }
static() { printf '{"managed":true,"ipv4_mode":"static","ipv4_address":"%s","ipv4_gateway":"198.51.100.1","ipv6_mode":"off","confirm_within_s":%s}' "$1" "$2"; }
change() {
    local said
    said=$(at "$1" PATCH /settings/net.ip "$2") || die "no answer at $1"
    [ "${said##*$'\n'}" = 200 ] || die "the change is refused: $said"
}

host_network() {
    local said
    say "host network"
    printf '[Match]\nName=eth0\n[Network]\nAddress=198.51.100.2/24\nGateway=198.51.100.1\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n' \
        > "/proc/$first/root/etc/systemd/network/10-machine.network"
    in_copy systemctl start systemd-networkd.service || die "no systemd-networkd"
    in_copy networkctl reload
    patiently has_address 198.51.100.2 || die "the machine has no address: $(in_copy networkctl status eth0)"
    patiently reached 198.51.100.2 || die "the neighbour does not reach the unit"
    patiently told 198.51.100.2 '"daemon":"systemd-networkd"' || die "it does not find who sets addresses: $(at 198.51.100.2 GET /network)"

    # Nobody confirms it.
    change 198.51.100.2 "$(static 198.51.100.77 10)"
    patiently has_address 198.51.100.77 || die "the address is not set: $(at 198.51.100.2 GET /network)"
    patiently lacks_address 198.51.100.77 || die "an unconfirmed address stays"
    patiently has_address 198.51.100.2 || die "the machine's own address does not come back"
    patiently told 198.51.100.2 'nobody confirmed it within 10 s' || die "why it went back is not told: $(at 198.51.100.2 GET /network)"
    say "an unconfirmed address went back"

    # An address that the neighbour has.
    change 198.51.100.2 "$(static 198.51.100.1 10 | sed 's/"ipv4_gateway":"[^"]*"/"ipv4_gateway":""/')"
    patiently told 198.51.100.2 '198.51.100.1 is used by another host' || die "the neighbour's address is taken: $(at 198.51.100.2 GET /network)"
    say "an address in use was refused"

    # Confirmed where it is to be reached, by whom it was changed.
    change 198.51.100.2 "$(static 198.51.100.78 300)"
    patiently reached 198.51.100.78 || die "not to be reached at the new address"
    patiently lacks_address 198.51.100.2 || die "the old address stays"
    patiently told 198.51.100.78 '"confirmable":true' || die "it cannot be confirmed: $(at 198.51.100.78 GET /network)"
    said=$(at 198.51.100.78 POST /network/confirm)
    [ "${said##*$'\n'}" = 204 ] || die "the confirmation is refused: $said $(at 198.51.100.78 GET /network)"
    told 198.51.100.78 '"end":"confirmed"' || die "it is not kept: $(at 198.51.100.78 GET /network)"
    say "a confirmed address stayed"

    # In mid-trial the camera is killed.
    change 198.51.100.78 "$(static 198.51.100.79 300)"
    patiently told 198.51.100.79 '"confirmable":true' || die "no trial at the new address"
    in_copy kill -9 "$(camera)"
    patiently has_address 198.51.100.78 || die "the confirmed address does not come back"
    patiently lacks_address 198.51.100.79 || die "the tried address stays"
    patiently reached 198.51.100.78 || die "not to be reached at the confirmed address"
    say "a trial cut short went back"

    change 198.51.100.78 '{"hostname":"gate-7"}'
    named() { [ "$(in_copy hostname)" = gate-7 ] && [ "$(in_copy cat /etc/hostname)" = gate-7 ]; }
    patiently named || die "the machine is named $(in_copy hostname)"
    patiently ready || die "not ready at its new address"
    say "ADDRESS CHANGED, KEPT, TAKEN BACK"
}

from_dhcp() {
    local said linked
    say "from DHCP"
    neighbour ip addr add 169.254.7.7/16 dev wire0
    neighbour dnsmasq --conf-file=/dev/null --user=root --port=0 --interface=wire0 --bind-interfaces --pid-file= --dhcp-leasefile=/tmp/leases \
        --dhcp-range=198.51.100.90,198.51.100.90,255.255.255.0,1h --dhcp-option=option:router,198.51.100.1 \
        --dhcp-option=option:ntp-server,198.51.100.1 --dhcp-option-force=12,leased-7 || die "no DHCP server"
    change 198.51.100.78 '{"ipv4_mode":"dhcp","ipv4_address":"","ipv4_gateway":"","hostname_from_dhcp":true,"confirm_within_s":300}'
    patiently reached 198.51.100.90 || die "no address from the DHCP server"
    patiently told 198.51.100.90 '"confirmable":true' || die "it cannot be confirmed: $(at 198.51.100.90 GET /network)"
    said=$(at 198.51.100.90 POST /network/confirm)
    [ "${said##*$'\n'}" = 204 ] || die "the confirmation is refused: $said"
    leased_name() { [ "$(in_copy hostname)" = leased-7 ]; }
    patiently leased_name || die "the machine is named $(in_copy hostname)"
    config set time/ntp_from_dhcp true time/ntp_enabled true || die "NTP refused"
    leased_source() { in_copy chronyc -n sources | grep -q 198.51.100.1; }
    patiently leased_source || die "chrony does not know the server of the lease: $(in_copy chronyc -n sources)"
    config set time/ntp_from_dhcp false time/ntp_enabled false

    # Told once, not at every look.
    [ "$(in_copy journalctl --no-pager -u platecam.service -g 'DHCP server named' -o cat | wc -l)" = 1 ] || die "the name is set again and again"

    # The name of the settings is back, and beside a fixed address there is one of the link.
    change 198.51.100.90 "$(static 198.51.100.80 300 | sed 's/}$/,"zero_configuration":true,"hostname_from_dhcp":false}/')"
    patiently told 198.51.100.80 '"confirmable":true' || die "no trial at the new address"
    said=$(at 198.51.100.80 POST /network/confirm)
    [ "${said##*$'\n'}" = 204 ] || die "the confirmation is refused: $said"
    patiently named || die "the machine keeps the lease's name: $(in_copy hostname)"
    linked=
    link_local() { linked=$(in_copy ip -4 -o addr show dev eth0 | sed -n 's|.*inet \(169\.254[0-9.]*\)/16.*|\1|p'); [ -n "$linked" ]; }
    patiently link_local || die "no address of the link: $(in_copy ip addr show dev eth0)"
    patiently reached "$linked" || die "not to be reached at $linked"
    say "NAME, TIME SERVER AND LINK-LOCAL ADDRESS TAKEN"
}
