//! Sound as players hear it: a clip with a beep and a flash at the same time (AUDIO-6, lip sync).

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command},
    time::Duration,
};

use conformance::{
    BEEP_HZ, Camera, Options, PASSWORD, Web,
    auth::Credentials,
    beeping_clip, device, ffprobe, output,
    report::{self, Verdict},
    root,
    runner::{self, Selection},
};
use futures_util::StreamExt;
use retina::{client, codec::CodecItem};
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(60);

fn start(dir: &Path) -> Camera {
    Camera::start(&Options {
        source: format!("file:{}", beeping_clip(dir).unwrap().display()),
        ..Options::default()
    })
    .unwrap()
}

/// Sets what is heard, and waits until a track of the codec is offered.
async fn hear(camera: &Camera, value: Value, codec: Option<&str>) {
    let web = Web::login(camera).await.unwrap();
    let (status, answer) = web.change("audio.input", value).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    let mut found = Vec::new();
    for _ in 0..100 {
        // A change of the tracks ends who is watching; ffprobe may be the one.
        found = ffprobe("tcp", &camera.rtsp_url(0)).map_or_else(|_| Vec::new(), |f| tracks(&f));
        let sound = found.get(1).map(String::as_str);
        if !found.is_empty() && sound == codec {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{codec:?} wanted, the tracks are {found:?}");
}

fn tracks(probe: &Value) -> Vec<String> {
    let streams = probe["streams"].as_array().cloned().unwrap_or_default();
    let heard = |s: &&Value| s["codec_type"] != "data";
    let name = |s: &Value| s["codec_name"].as_str().unwrap_or("").to_owned();
    streams.iter().filter(heard).map(name).collect()
}

/// Plays `seconds` with ffmpeg and gives brightness of each picture and sound at 8 kHz, each with its time.
fn play(camera: &Camera, transport: &str, seconds: u32) -> (Vec<(f64, f64)>, f64, Vec<i16>) {
    let dir = tempfile::tempdir().unwrap();
    let mkv = dir.path().join("heard.mkv");
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-y", "-rtsp_transport", transport, "-i"]);
    command.arg(camera.rtsp_url(0));
    command.args(["-map", "0:v", "-map", "0:a", "-t", &seconds.to_string()]);
    command.args([
        "-c:v",
        "copy",
        "-c:a",
        "pcm_s16le",
        "-ar",
        "8000",
        "-ac",
        "1",
    ]);
    command.arg(&mkv);
    output(&mut command, WITHIN).unwrap();
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-f", "lavfi", "-of", "json", "-show_entries"]);
    command.args(["frame=pts_time:frame_tags=lavfi.signalstats.YAVG", "-i"]);
    command.arg(format!("movie={},signalstats", mkv.display()));
    let probe: Value = serde_json::from_str(&output(&mut command, WITHIN).unwrap()).unwrap();
    let number = |v: &Value| v.as_str().and_then(|t| t.parse::<f64>().ok());
    let pictures = probe["frames"].as_array().unwrap().iter().filter_map(|f| {
        let bright = number(&f["tags"]["lavfi.signalstats.YAVG"])?;
        Some((number(&f["pts_time"])?, bright))
    });
    let pictures: Vec<_> = pictures.collect();
    let mut command = Command::new("ffprobe");
    command.args([
        "-v",
        "error",
        "-select_streams",
        "a",
        "-show_entries",
        "stream=start_time",
    ]);
    command.args(["-of", "csv=p=0"]).arg(&mkv);
    let begins = output(&mut command, WITHIN).unwrap();
    let raw = dir.path().join("heard.raw");
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-i"]).arg(&mkv);
    command.args(["-map", "0:a", "-f", "s16le"]).arg(&raw);
    output(&mut command, WITHIN).unwrap();
    let bytes = std::fs::read(&raw).unwrap();
    let sound = bytes
        .chunks_exact(2)
        .map(|b| i16::from_le_bytes([b[0], b[1]]));
    (pictures, begins.trim().parse().unwrap(), sound.collect())
}

/// Share of the energy of `window` (8 kHz) that is at `hertz` (Goertzel).
fn share(window: &[i16], hertz: f64) -> f64 {
    let turn = 2.0 * (std::f64::consts::TAU * hertz / 8000.0).cos();
    let (mut a, mut b, mut energy) = (0.0, 0.0, 0.0);
    for sample in window {
        let x = f64::from(*sample);
        (a, b) = (x + turn * a - b, a);
        energy += x * x;
    }
    let power = a * a + b * b - turn * a * b;
    2.0 * power / (energy * window.len() as f64).max(1.0)
}

/// How long a decoder that begins within a beep may take until it is as loud as it was, seconds.
const BEGINNING: f64 = 0.5;

/// When each beep begins: the first 5 ms that are loud after 500 ms that are not.
fn beeps(sound: &[i16], begins: f64) -> Result<Vec<f64>, String> {
    let loud =
        |w: &[i16]| w.iter().map(|s| f64::from(*s).abs()).sum::<f64>() / w.len() as f64 > 4000.0;
    let mut found = Vec::new();
    // One that began before the recording is none.
    let mut last = begins;
    for (n, window) in sound.chunks_exact(40).enumerate() {
        let at = begins + n as f64 * 0.005;
        if !loud(window) {
            continue;
        }
        let tone = sound.get(n * 40 + 40..n * 40 + 520);
        if at - last > BEGINNING && tone.is_some() {
            let share = share(tone.unwrap_or_default(), BEEP_HZ);
            if share <= 0.9 {
                return Err(format!("the tone of {BEEP_HZ} Hz at {at}: {share}"));
            }
            found.push(at);
        }
        last = at;
    }
    Ok(found)
}

fn flashes(pictures: &[(f64, f64)]) -> Vec<f64> {
    let mut found = Vec::new();
    for pair in pictures.windows(2) {
        if pair[0].1 < 100.0 && pair[1].1 > 150.0 {
            found.push(pair[1].0);
        }
    }
    found
}

/// What `judge` finds. A machine that stands still for a moment costs a piece of sound: once in a test, while `spare`
/// is 1, it is asked again.
fn tried<T>(spare: &mut u32, judge: impl Fn() -> Result<T, String>) -> T {
    loop {
        match judge() {
            Ok(found) => return found,
            Err(why) if *spare == 0 => panic!("{why}"),
            Err(why) => println!("once more: {why}"),
        }
        *spare -= 1;
    }
}

/// Whether every flash has its beep within one picture, and the beeps come every 2 s; by how many milliseconds each is off.
fn in_step(
    (pictures, begins, sound): &(Vec<(f64, f64)>, f64, Vec<i16>),
) -> Result<Vec<f64>, String> {
    let (heard, seen) = (beeps(sound, *begins)?, flashes(pictures));
    if heard.len() < 3 || seen.len() < 3 {
        return Err(format!("{heard:?} {seen:?}"));
    }
    let ends = begins + sound.len() as f64 / 8000.0;
    let mut offs = Vec::new();
    for flash in &seen {
        let off = heard.iter().map(|b| b - flash);
        let off = off.min_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap();
        // The first or last may be beyond what was recorded.
        let inside = *flash > begins + BEGINNING + 0.1 && *flash < ends - 0.2;
        if off.abs() >= 0.040 && inside {
            return Err(format!("the beep is {off} s from the flash at {flash}"));
        }
        offs.push(off * 1000.0);
    }
    match heard.windows(2).find(|p| (p[1] - p[0] - 2.0).abs() >= 0.02) {
        Some(_) => Err(format!("not every 2 s: {heard:?}")),
        None => Ok(offs),
    }
}

/// Every encoding, over TCP and UDP: the tone is heard, as long after each other as the clip is long, and within one
/// picture of the flash, round after round.
#[tokio::test(flavor = "multi_thread")]
async fn beep_and_flash_come_together() {
    let dir = tempfile::tempdir().unwrap();
    let camera = start(dir.path());
    let none = ffprobe("tcp", &camera.rtsp_url(0)).unwrap();
    assert_eq!(
        tracks(&none),
        ["h264"],
        "no track unless sound is wanted (AUDIO-6): {none}"
    );
    let mut spare = 1;
    for (value, codec, transport) in [
        (
            json!({"source": "picture", "encoding": "G.711U"}),
            "pcm_mulaw",
            "udp",
        ),
        (json!({"encoding": "G.711A"}), "pcm_alaw", "tcp"),
        (json!({"encoding": "AAC", "sample_rate": 16}), "aac", "tcp"),
        (json!({"encoding": "AAC", "sample_rate": 48}), "aac", "udp"),
        (json!({"encoding": "Opus"}), "opus", "tcp"),
    ] {
        hear(&camera, value, Some(codec)).await;
        let off = tried(&mut spare, || in_step(&play(&camera, transport, 7)));
        println!("{codec} over {transport}: the beep is {off:.1?} ms after the flash");
    }
    hear(&camera, json!({"source": "off"}), None).await;
}

/// GStreamer plays sound and picture of both streams, and the sound alone.
#[tokio::test(flavor = "multi_thread")]
async fn gstreamer_hears_the_tone() {
    let dir = tempfile::tempdir().unwrap();
    let camera = start(dir.path());
    hear(&camera, json!({"source": "picture"}), Some("pcm_mulaw")).await;
    for (stream, protocol) in [(0, "tcp"), (1, "udp")] {
        let raw = dir.path().join(format!("{protocol}.raw"));
        let mut command = Command::new("gst-launch-1.0");
        command.args(["-q", "rtspsrc", "latency=200", "user-id=admin"]);
        command
            .arg(format!("user-pw={PASSWORD}"))
            .arg(format!("protocols={protocol}"));
        command.arg(format!("location={}", camera.rtsp_url_anonymous(stream)));
        command.args([
            "!",
            "application/x-rtp,media=audio",
            "!",
            "rtppcmudepay",
            "!",
            "mulawdec",
            "!",
        ]);
        command.args(["identity", "eos-after=150", "!", "filesink"]);
        command.arg(format!("location={}", raw.display()));
        output(&mut command, WITHIN).unwrap();
        let bytes = std::fs::read(&raw).unwrap();
        let sound: Vec<i16> = bytes
            .chunks_exact(2)
            .map(|b| i16::from_le_bytes([b[0], b[1]]))
            .collect();
        assert!(
            !beeps(&sound, 0.0).unwrap().is_empty(),
            "{protocol}: {} samples",
            sound.len()
        );
    }
}

/// retina gets pictures, documents and sound of one presentation.
#[tokio::test(flavor = "multi_thread")]
async fn retina_hears_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let camera = start(dir.path());
    let aac = json!({"source": "picture", "encoding": "AAC"});
    hear(&camera, aac, Some("aac")).await;
    let url = url::Url::parse(&camera.rtsp_url_anonymous(0)).unwrap();
    let credentials = client::Credentials {
        username: "admin".into(),
        password: PASSWORD.into(),
    };
    let options = client::SessionOptions::default().creds(Some(credentials));
    let mut session = client::Session::describe(url, options).await.unwrap();
    let media: Vec<_> = session
        .streams()
        .iter()
        .map(|s| s.media().to_owned())
        .collect();
    assert_eq!(media, ["video", "application", "audio"]);
    for i in [0, 2] {
        session
            .setup(i, client::SetupOptions::default())
            .await
            .unwrap();
    }
    let playing = session.play(client::PlayOptions::default()).await.unwrap();
    let mut demuxed = playing.demuxed().unwrap();
    let (mut pictures, mut sounds) = (0, 0);
    let collect = async {
        while pictures < 50 || sounds < 30 {
            match demuxed
                .next()
                .await
                .expect("it goes on")
                .expect("without errors")
            {
                CodecItem::VideoFrame(_) => pictures += 1,
                CodecItem::AudioFrame(frame) => {
                    assert!(!frame.data().is_empty());
                    sounds += 1;
                }
                _ => {}
            }
        }
    };
    tokio::time::timeout(WITHIN, collect)
        .await
        .expect("both within a minute");
}

/// Every case of audio applies while there is sound, and passes: configurations of Media 2 and the streams of Profile T.
#[tokio::test(flavor = "multi_thread")]
async fn the_cases_of_audio_pass() {
    let dir = tempfile::tempdir().unwrap();
    let camera = start(dir.path());
    hear(&camera, json!({"source": "picture"}), Some("pcm_mulaw")).await;
    let target = device::Target {
        device_service: camera.url("/onvif/device_service").parse().unwrap(),
        administrator: Credentials::new("admin", PASSWORD),
    };
    let ids = [
        "MEDIA2-1-1-",
        "MEDIA2-3-",
        "MEDIA2-7-",
        "MEDIA2_RTSS-2-",
        "DEVICEIO-4-",
        "Audio",
        "GetAudio",
    ];
    let selection = Selection {
        filters: ids.map(str::to_owned).to_vec(),
        ..Selection::default()
    };
    let report = tokio::task::spawn_blocking(move || {
        let contracts = root().join(".cache/wsdl/onvif/wsdl");
        let options = device::Options::default();
        let tell = |result: &report::Result| println!("{}", report::line(result));
        runner::run(target, options, &contracts, &selection, tell)
    });
    let report = report.await.unwrap().unwrap();
    println!("{}\n{}", report.failures(), report.summary());
    let with = |verdict: Verdict| {
        let found = report.results.iter().filter(move |r| r.verdict == verdict);
        found.map(|r| r.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(with(Verdict::Fail), Vec::<String>::new());
    let passed = with(Verdict::Pass);
    for id in [
        "MEDIA2-3-1-2",
        "MEDIA2-3-2-1",
        "MEDIA2-3-2-3",
        "MEDIA2_RTSS-2-1-1",
        "MEDIA2_RTSS-2-1-2",
        "MEDIA2_RTSS-2-1-3",
        "MEDIA2_RTSS-2-1-17",
    ] {
        assert!(
            passed.iter().any(|p| p == id),
            "{id} is not among {passed:?}"
        );
    }
}

/// A profile of sound alone is played, and nothing else with it; one without sound plays none (RTSS-2-1-28).
#[tokio::test(flavor = "multi_thread")]
async fn addresses_say_what_is_heard() {
    let dir = tempfile::tempdir().unwrap();
    let camera = start(dir.path());
    let address = |path: &str| {
        format!(
            "rtsp://admin:{PASSWORD}@127.0.0.1:{}/onvif/{path}",
            camera.rtsp
        )
    };
    assert!(
        ffprobe("tcp", &address("audio")).is_err(),
        "there is no sound yet"
    );
    hear(&camera, json!({"source": "picture"}), Some("pcm_mulaw")).await;
    for (path, expect) in [
        ("audio", ["pcm_mulaw"].as_slice()),
        ("profile_main/silent", &["h264"]),
        ("profile_sub", &["h264", "pcm_mulaw"]),
    ] {
        assert_eq!(
            tracks(&ffprobe("tcp", &address(path)).unwrap()),
            expect,
            "{path}"
        );
    }
}

/// Sound goes on through a second camera that takes the first for its picture source.
#[tokio::test(flavor = "multi_thread")]
async fn a_cameras_sound_is_passed_on() {
    let dir = tempfile::tempdir().unwrap();
    let first = start(dir.path());
    hear(
        &first,
        json!({"source": "picture", "encoding": "AAC"}),
        Some("aac"),
    )
    .await;
    let second = Camera::start(&Options {
        source: first.rtsp_url(0),
        ..Options::default()
    })
    .unwrap();
    hear(&second, json!({"source": "picture"}), Some("pcm_mulaw")).await;
    let off = tried(&mut 1, || {
        let (pictures, begins, sound) = play(&second, "tcp", 7);
        let (heard, seen) = (beeps(&sound, begins)?, flashes(&pictures));
        let nearest = |flash: &f64| heard.iter().map(|b| (b - flash).abs()).fold(9.0, f64::min);
        let off: Vec<_> = seen.iter().map(nearest).collect();
        let close = off.iter().filter(|off| **off < 0.040).count();
        let enough = heard.len() >= 2 && seen.len() >= 2 && close + 1 >= seen.len();
        enough
            .then_some(off)
            .ok_or_else(|| format!("{heard:?} {seen:?}"))
    });
    println!("{off:?}");
}

/// Talks: `port path user password transport codec`, two seconds of 1 kHz (four of AAC, whose decoder is loaded first); prints the status that ended it, and
/// waits for a line on its input between PLAY and what it says. `codec` is `g711`, a rate of AAC, or `offer`: then what is
/// offered is printed, and nothing said.
const TALKER: &str = r#"
import hashlib, math, re, socket, struct, subprocess, sys, time
port, path, user, password, transport, codec = int(sys.argv[1]), *sys.argv[2:7]
url = f'rtsp://127.0.0.1:{port}{path}'
s = socket.create_connection(('127.0.0.1', port)); s.settimeout(20)
cseq, session, challenge, left = 0, None, None, b''
def md5(t): return hashlib.md5(t.encode()).hexdigest()
def ask(method, uri, headers=''):
    global cseq, session, challenge, left
    for _ in range(2):
        cseq += 1
        head = f'{method} {uri} RTSP/1.0\r\nCSeq: {cseq}\r\nRequire: www.onvif.org/ver20/backchannel\r\n{headers}'
        if session: head += f'Session: {session}\r\n'
        if challenge:
            realm, nonce = (re.search(k + '="([^"]*)"', challenge).group(1) for k in ('realm', 'nonce'))
            qop = 'qop' in challenge
            a1, a2 = md5(f'{user}:{realm}:{password}'), md5(f'{method}:{uri}')
            nc = f'{cseq:08x}'
            response = md5(f'{a1}:{nonce}:{nc}:abcd:auth:{a2}') if qop else md5(f'{a1}:{nonce}:{a2}')
            more = f', qop=auth, nc={nc}, cnonce="abcd"' if qop else ''
            head += f'Authorization: Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", response="{response}"{more}\r\n'
        s.sendall((head + '\r\n').encode())
        while True:
            while left[:1] == b'$' and len(left) >= 4 and len(left) >= 4 + struct.unpack('!H', left[2:4])[0]:
                left = left[4 + struct.unpack('!H', left[2:4])[0]:]
            if left[:1] not in (b'', b'$') and b'\r\n\r\n' in left: break
            left += s.recv(65536)
        text, left = left.split(b'\r\n\r\n', 1); text = text.decode()
        length = int((re.search('(?i)content-length: *(\\d+)', text) or [0, 0])[1])
        while len(left) < length: left += s.recv(65536)
        body, left = left[:length].decode(), left[length:]
        status = int(text.split()[1])
        if status == 401 and not challenge:
            challenge = [l for l in text.split('\r\n') if l.lower().startswith('www-authenticate') and 'MD5' in l][0]
            continue
        found = re.search('(?i)session: *([^;\r\n]+)', text)
        if found: session = found.group(1)
        return status, text, body
def must(answer):
    if answer[0] != 200: print(answer[0]); sys.exit()
    return answer
_, _, sdp = must(ask('DESCRIBE', url))
sections = ['m=' + part for part in sdp.split('m=')[1:]]
back = [part for part in sections if 'a=sendonly' in part]
assert len(back) == 1 and 'PCMU/8000' in back[0], sdp
if codec == 'offer': print(*re.findall('a=rtpmap:\\d+ (\\S+)', back[0]), sep='\n'); sys.exit()
control = re.search('a=control:(\\S+)', back[0]).group(1)
if transport == 'tcp':
    _, text, _ = must(ask('SETUP', control, 'Transport: RTP/AVP/TCP;unicast;interleaved=6-7\r\n'))
else:
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(('127.0.0.1', 0)); mine = u.getsockname()[1]
    _, text, _ = must(ask('SETUP', control, f'Transport: RTP/AVP;unicast;client_port={mine}-{mine + 1}\r\n'))
    server = int(re.search('server_port=(\\d+)', text).group(1))
must(ask('PLAY', url))
print('talking', flush=True); sys.stdin.readline()
def send(type, n, at, sound):
    packet = struct.pack('!BBHII', 0x80, type, n, at, 7) + sound
    if transport == 'tcp': s.sendall(b'$\x06' + struct.pack('!H', len(packet)) + packet)
    else: u.sendto(packet, ('127.0.0.1', server))
def mulaw(x):
    sign, x = (0x80, -x) if x < 0 else (0, x)
    x = min(x, 32635) + 132
    exponent = x.bit_length() - 8
    return ~(sign | exponent << 4 | (x >> (exponent + 3)) & 15) & 255
def g711():
    for n in range(100):
        send(0, n, n * 160, bytes(mulaw(int(10000 * math.sin(2 * math.pi * 1000 * (n * 160 + i) / 8000))) for i in range(160)))
        time.sleep(0.02)
def aac(rate):
    type, channels = re.search(f'a=rtpmap:(\\d+) mpeg4-generic/{rate}/(\\d)', back[0]).groups()
    assert channels == '1' and f'a=fmtp:{type} ' in back[0] and 'mode=AAC-hbr' in back[0], back[0]
    sine = f'aevalsrc=0.305*sin(2*PI*1000*t):s={rate}:d=4'
    adts = subprocess.run(['ffmpeg', '-v', 'error', '-f', 'lavfi', '-i', sine, '-c:a', 'aac', '-b:a', '64k', '-f', 'adts', '-'], stdout=subprocess.PIPE, check=True).stdout
    frames = []
    while adts:
        size = (adts[3] & 3) << 11 | adts[4] << 3 | adts[5] >> 5
        frames.append(adts[7:size]); adts = adts[size:]
    # Packets of one and of two frames.
    n, sent, begun = 0, 0, time.monotonic()
    while sent < len(frames):
        some = frames[sent:sent + 1 + n % 2]
        headers = b''.join(struct.pack('!H', len(f) << 3) for f in some)
        send(int(type), n, sent * 1024, struct.pack('!H', 16 * len(some)) + headers + b''.join(some))
        n += 1; sent += len(some)
        time.sleep(max(0, begun + sent * 1024 / rate - time.monotonic()))
g711() if codec == 'g711' else aac(int(codec))
time.sleep(0.3)
print(ask('TEARDOWN', url)[0])
"#;

fn talker(camera: &Camera, user: &str, password: &str, transport: &str) -> Child {
    talker_in(camera, (user, password), transport, "g711")
}

/// In this codec, or only asks what is offered.
fn talker_in(
    camera: &Camera,
    (user, password): (&str, &str),
    transport: &str,
    codec: &str,
) -> Child {
    let mut command = Command::new("python3");
    command.args(["-c", TALKER, &camera.rtsp.to_string(), "/onvif/profile_sub"]);
    command.args([user, password, transport, codec]);
    let pipe = std::process::Stdio::piped;
    command.stdin(pipe()).stdout(pipe()).spawn().unwrap()
}

/// What it printed when it ended.
fn ended(talker: Child) -> String {
    let done = talker.wait_with_output().unwrap();
    String::from_utf8_lossy(&done.stdout)
        .trim()
        .replace('\n', " ")
}

/// A sound card of this test: it takes sound as quickly as one, and keeps it in a file.
const CARD: &str = r#"
import os, sys, time
out, begun, n = open(sys.argv[1], 'wb', 0), time.monotonic(), 0
while sound := os.read(0, 1920):
    out.write(sound)
    n += len(sound)
    time.sleep(max(0, n / 192000 - (time.monotonic() - begun)))
"#;

/// Where ALSA finds that card as its default device, which plays 48 kHz with two channels; what was heard is in the file.
fn sound_card(dir: &Path) -> (String, PathBuf) {
    let (card, heard) = (dir.join("card.py"), dir.join("card.raw"));
    std::fs::write(&card, CARD).unwrap();
    let config = format!(
        "pcm.!default {{ type plug slave {{ pcm card rate 48000 channels 2 format S16_LE }} }}
         pcm.card {{ type file format raw file '|python3 {} {}' slave {{ pcm null }} }}",
        card.display(),
        heard.display()
    );
    let file = dir.join("asound.conf");
    std::fs::write(&file, config).unwrap();
    let path = format!("/usr/share/alsa/alsa.conf:{}", file.display());
    (path, heard)
}

/// How loud a tone in the file is at its loudest, waited for: a second of it in pieces of 20 ms, with hardly a piece that is
/// loud and something else.
fn loudness(file: &Path) -> Result<i16, String> {
    let (mut loud, mut tone) = (Vec::new(), 0);
    for _ in 0..200 {
        let bytes = std::fs::read(file).unwrap_or_default();
        // 8 kHz of the left channel.
        let left = bytes.chunks_exact(4 * 6);
        let sound: Vec<i16> = left.map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
        let pieces = sound.chunks_exact(160).map(<[i16]>::to_vec);
        let is_loud = |p: &Vec<i16>| p.iter().filter(|s| s.abs() > 1000).count() > 100;
        loud = pieces.filter(is_loud).collect();
        tone = loud.iter().filter(|p| share(p, BEEP_HZ) > 0.9).count();
        if tone >= 50 {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let all = loud.len();
    if tone < 50 || tone * 10 < all * 8 {
        return Err(format!("{tone} of {all} pieces are the tone"));
    }
    let peak = |p: &Vec<i16>| p.iter().copied().max().unwrap_or_default();
    let mut peaks: Vec<i16> = loud.iter().map(peak).collect();
    peaks.sort_unstable();
    Ok(peaks[peaks.len() / 2])
}

/// What ONVIF tells of decoders is what the session description offers.
fn decoders_are_told_as_they_are_offered(camera: &Camera) {
    let ask = |ns: &str| {
        let body = format!("<GetAudioDecoderConfigurationOptions xmlns=\"{ns}\"/>");
        let (status, answer) = conformance::soap(camera, PASSWORD, &body).unwrap();
        assert_eq!(status, 200, "{answer}");
        let all = conformance::xml::parse(&answer).unwrap();
        all.deep("GetAudioDecoderConfigurationOptionsResponse")
            .unwrap()
            .clone()
    };
    let names = |name: &str, khz: Vec<String>| -> Vec<String> {
        let one = |khz: String| match name {
            "mpeg4-generic" => format!("mpeg4-generic/{khz}000/1"),
            _ => format!("{name}/{khz}000"),
        };
        khz.into_iter().map(one).collect()
    };
    let media2 = ask("http://www.onvif.org/ver20/media/wsdl");
    let mut told = Vec::new();
    for option in media2.all("Options") {
        let name = option.text_of("Encoding").unwrap();
        told.extend(names(name, option.texts("SampleRateList/Items")));
    }
    let offered = ended(talker_in(camera, ("admin", PASSWORD), "tcp", "offer"));
    let offered: Vec<&str> = offered.split(' ').collect();
    assert_eq!(told, offered);
    assert!(told.iter().any(|name| name == "mpeg4-generic/16000/1"));
    // Media 1 knows one G.711.
    let media1 = ask("http://www.onvif.org/ver10/media/wsdl");
    let rates = |kind: &str| media1.texts(&format!("Options/{kind}/SampleRateRange/Items"));
    let mut told = names("PCMU", rates("G711DecOptions"));
    told.extend(names("mpeg4-generic", rates("AACDecOptions")));
    let of_one: Vec<_> = offered.into_iter().filter(|n| *n != "PCMA/8000").collect();
    assert_eq!(told, of_one);
}

/// ONVIF's back channel over TCP and UDP: the tone comes out of the sound card, at the volume that is set; a second
/// talker is told that the line is busy, and who may not open the gate may not talk.
#[tokio::test(flavor = "multi_thread")]
async fn who_talks_is_heard() {
    let dir = tempfile::tempdir().unwrap();
    let (alsa, heard) = sound_card(dir.path());
    let camera = Camera::start(&Options {
        source: "test:?size=320x240&fps=5".into(),
        args: vec!["--speaker".into(), "default".into()],
        env: vec![("ALSA_CONFIG_PATH".into(), alsa)],
        ..Options::default()
    })
    .unwrap();
    decoders_are_told_as_they_are_offered(&camera);
    let web = Web::login(&camera).await.unwrap();
    let mut spare = 1;
    // What a talker that was let talk is heard as.
    let talked = |first: Child, (least, most): (i16, i16)| {
        assert_eq!(ended(first), "talking 200");
        let loudest = loudness(&heard);
        std::fs::remove_file(&heard).unwrap();
        match loudest? {
            loud if (least..=most).contains(&loud) => Ok(()),
            loud => Err(format!("{loud} is not within {least} to {most}")),
        }
    };
    for (transport, volume, loud) in [("tcp", 50, (9_000, 11_000)), ("udp", 25, (4_500, 5_500))] {
        let (status, answer) = web
            .change("audio.output", json!({"volume": volume}))
            .await
            .unwrap();
        assert_eq!(status, 200, "{answer}");
        tried(&mut spare, || {
            talked(talker(&camera, "admin", PASSWORD, transport), loud)
        });
    }
    // AAC by both transports, at the lowest and the highest rate.
    let (status, answer) = web
        .change("audio.output", json!({"volume": 50}))
        .await
        .unwrap();
    assert_eq!(status, 200, "{answer}");
    for (transport, rate) in [("tcp", "48000"), ("udp", "8000")] {
        let talker = || talker_in(&camera, ("admin", PASSWORD), transport, rate);
        tried(&mut spare, || talked(talker(), (8_500, 11_500)));
    }
    // Who watches only.
    let group = json!({"name": "watchers", "permissions": ["live-view"]});
    let user =
        json!({"name": "w1", "password": PASSWORD, "confirm": PASSWORD, "group": "watchers"});
    for (path, body) in [("/api/v1/groups", group), ("/api/v1/users", user)] {
        let (status, answer) = web.send("POST", path, Some(body)).await.unwrap();
        assert_eq!(status, 201, "{answer}");
    }
    assert_eq!(ended(talker(&camera, "w1", PASSWORD, "tcp")), "403");
    // One at a time.
    let mut first = talker(&camera, "admin", PASSWORD, "tcp");
    let mut line = String::new();
    let out = first.stdout.take().unwrap();
    let mut out = std::io::BufReader::new(out);
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    assert_eq!(line.trim(), "talking");
    assert_eq!(ended(talker(&camera, "admin", PASSWORD, "udp")), "453");
    first.stdin.take().unwrap().write_all(b"\n").unwrap();
    line.clear();
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    assert_eq!(line.trim(), "200", "the first is not disturbed");
    first.wait().unwrap();
    assert_eq!(
        ended(talker(&camera, "admin", PASSWORD, "udp")),
        "talking 200",
        "the next may"
    );
}
