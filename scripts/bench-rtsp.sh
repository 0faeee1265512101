#!/usr/bin/env bash
# One run of our RTSP server and of gst-rtsp-server beside it, with the same clip (1080p25, about 4 Mbit/s) and the same viewers: processor
# seconds a gigabit, memory a viewer, time to the first packet and to the first key frame. The figures count on a quiet machine only. Called by `make bench-rtsp`.
#
#   bench-rtsp.sh [VIEWERS [SECONDS]]
set -euo pipefail
cd "$(dirname "$0")/.."
viewers=${1:-40} seconds=${2:-15} examples=${CARGO_TARGET_DIR:-target}/release/examples
T=$(mktemp -d); trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$T"' EXIT
cargo build --release --locked -q -p rtsp --examples
ffmpeg -v error -f lavfi -i "testsrc2=size=1920x1080:rate=25,noise=alls=6:allf=t" -t 60 -c:v libx264 -preset ultrafast -tune zerolatency -pix_fmt yuv420p \
    -g 25 -b:v 4M -maxrate 4M -bufsize 2M -bsf:v h264_mp4toannexb -f h264 "$T/clip.h264"
cpu() { awk '{ sub(/.*\) /, ""); print ($12 + $13) / 100 }' "/proc/$1/stat"; }
resident() { awk '/VmRSS/ { print $2 }' "/proc/$1/status"; }
there() { for _ in $(seq 200); do (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return; sleep 0.1; done; echo "no server on port $1" >&2; exit 1; }
# measure NAME PID URL
measure() {
    local how before memory said bytes first
    # Once before it counts: the server opens its clip then.
    "$examples/viewers" "$3" 1 tcp 2 >/dev/null
    for how in tcp udp; do
        memory=$(resident "$2"); before=$(cpu "$2")
        "$examples/viewers" "$3" "$viewers" $how "$seconds" >"$T/said" &
        local job=$!
        sleep $((seconds * 2 / 3)); memory=$(($(resident "$2") - memory)); wait $job
        said=$(cat "$T/said"); bytes=$(sed 's/.* bytes \([0-9]*\) .*/\1/' <<<"$said"); first=${said#*first packet }
        awk -v name="$1" -v how=$how -v cpu="$(cpu "$2")" -v before="$before" -v bytes="$bytes" -v memory=$memory -v viewers="$viewers" -v said="$said" -v first="$first" 'BEGIN {
            split(said, word, " "); gbit = bytes * 8 / 1e9
            printf "%-16s %s  %3d viewers  %5.1f Mbit/s each  %.3f CPU-s/Gbit  %4d kB a viewer  lost %d  first packet %s\n",
                name, how, word[2], gbit * 1000 / viewers / '"$seconds"', (cpu - before) / gbit, memory / viewers, word[6], first }'
    done
}
"$examples/serve_file" "$T/clip.h264" 127.0.0.1:18554 25 >/dev/null & ours=$!
there 18554; measure platecam $ours "rtsp://127.0.0.1:18554/video/livemedia?Ch=1&Streamtype=0"; kill $ours
/usr/bin/python3 - "$T/clip.h264" <<'P' & theirs=$!
import sys, gi
gi.require_version("Gst", "1.0"); gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
server = GstRtspServer.RTSPServer(address="127.0.0.1", service="18555")
factory = GstRtspServer.RTSPMediaFactory(shared=True)
factory.set_launch(f"( filesrc location={sys.argv[1]} ! h264parse ! video/x-h264,framerate=25/1 ! rtph264pay name=pay0 pt=96 config-interval=-1 )")
server.get_mount_points().add_factory("/live", factory)
server.attach(None)
GLib.MainLoop().run()
P
there 18555; measure gst-rtsp-server $theirs "rtsp://127.0.0.1:18555/live"
