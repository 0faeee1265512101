#!/usr/bin/env bash
# Makes target/deb/platecam_VERSION_ARCH.deb of a built binary (default: target/release/platecam). No network, no root.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=${1:-target/release/platecam}
runtime=.cache/onnxruntime/libonnxruntime.so
for needed in "$binary" "$runtime" web/ui/package-lock.json; do
    [ -f "$needed" ] || { echo "deb: $needed is missing: run make build" >&2; exit 1; }
done

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n1)
arch=$(dpkg --print-architecture)
out=target/deb
root=$out/root
rm -rf "$root"
put() { install -D -m "$1" "$2" "$root/$3"; }

put 755 "$binary" usr/bin/platecam
put 644 "$runtime" usr/lib/platecam/libonnxruntime.so
put 644 assets/demo.mp4 usr/share/platecam/demo.mp4
put 644 packaging/systemd/platecam.service usr/lib/systemd/system/platecam.service
put 644 packaging/systemd/80-platecam.preset usr/lib/systemd/system-preset/80-platecam.preset
put 644 packaging/systemd/platecam.sysusers usr/lib/sysusers.d/platecam.conf
put 644 packaging/systemd/platecam.tmpfiles usr/lib/tmpfiles.d/platecam.conf
put 644 packaging/systemd/chrony-drop-in.conf usr/lib/systemd/system/chrony.service.d/50-platecam.conf
put 644 packaging/systemd/chrony.conf etc/chrony/platecam.conf
put 644 packaging/systemd/50-platecam.rules usr/share/polkit-1/rules.d/50-platecam.rules
put 644 packaging/network/05-platecam.network usr/lib/systemd/network/05-platecam.network
put 644 packaging/deb/default etc/default/platecam
put 644 packaging/deb/upgrade.keys etc/platecam/upgrade.keys
for model in packaging/models/*.json; do
    put 644 "$model" "usr/share/platecam/models/${model##*/}"
done
put 644 README.md usr/share/doc/platecam/README.md
put 644 SECURITY.md usr/share/doc/platecam/SECURITY.md
put 644 CHANGELOG.md usr/share/doc/platecam/CHANGELOG.md
put 644 lpr-core/models/MODEL_CARD.md usr/share/doc/platecam/MODEL_CARD.md
for page in docs/guide/*.md docs/reference/*.md docs/reference/web-api/*.md; do
    put 644 "$page" "usr/share/doc/platecam/${page#docs/}"
done
mkdir -p "$root/usr/share/doc/platecam"
"$binary" legal > "$root/usr/share/doc/platecam/copyright"

mkdir -p "$root/DEBIAN"
printf '/etc/default/platecam\n/etc/platecam/upgrade.keys\n/etc/chrony/platecam.conf\n' > "$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do
    install -m 755 "packaging/deb/$script" "$root/DEBIAN/$script"
done
size=$(du -sk --exclude=DEBIAN "$root" | cut -f1)
cat > "$root/DEBIAN/control" <<CONTROL
Package: platecam
Version: $version
Architecture: $arch
Maintainer: Platecam maintainers <platecam@localhost>
Installed-Size: $size
Depends: libc6, libgcc-s1, libstdc++6, libglib2.0-0, libgstreamer1.0-0, libgstreamer-plugins-base1.0-0, gstreamer1.0-plugins-base, gstreamer1.0-plugins-good, gstreamer1.0-plugins-bad, gstreamer1.0-plugins-ugly, gstreamer1.0-libav, gstreamer1.0-alsa, fonts-dejavu-core, ca-certificates, systemd | systemd-standalone-sysusers
Recommends: chrony, e2fsprogs, iproute2, iputils-arping, polkitd, tpm2-tools, wpasupplicant
Suggests: espeak-ng, alsa-utils
Section: video
Priority: optional
Description: ONVIF licence-plate-recognition camera
 Turns a Linux machine with a picture source into a camera that reads licence
 plates: ONVIF, RTSP, a web interface, records and events.
CONTROL
deb=$out/platecam_${version}_$arch.deb
dpkg-deb --root-owner-group -Zzstd -b "$root" "$deb" >/dev/null
rm -rf "$root"
echo "$deb"
