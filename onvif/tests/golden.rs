//! Golden pairs: `golden/<service>/<name>.request.xml` is sent, the answer is compared with
//! `<name>.response.xml` as XML with namespaces resolved. `UPDATE_GOLDEN=1` rewrites the answers;
//! review the difference.
//!
//! What must happen first stands in `<name>.before`, a request element a line; `=> word Element` behind one takes the
//! text of that element of its answer for `{word}` in what follows. In answers the random ends of addresses are `{random}`.

mod common;

use std::path::{Path, PathBuf};

use common::{ADMIN, Bench, tracked};
use http::Method;
use lpr_core::{FrameSize, Scene, UtcTime};
use onvif_xml::{Limits, canonical};
use platecam_model::testing::PASSWORD;
use platecam_onvif::metadata::scene_document;

const DEVICE: &str = "/onvif/device_service";

fn requests(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            requests(&path, into);
        } else if path.to_string_lossy().ends_with(".request.xml") {
            into.push(path);
        }
    }
}

/// Words and what they stand for.
type Words = Vec<(String, String)>;

fn filled(text: &str, words: &Words) -> String {
    words.iter().fold(text.to_owned(), |text, (word, value)| {
        text.replace(&format!("{{{word}}}"), value)
    })
}

/// Does what `<name>.before` says.
async fn prepare(bench: &Bench, steps: &str) -> Words {
    let mut words = Words::new();
    for step in steps.lines().filter(|l| !l.is_empty()) {
        let (body, taken) = step
            .split_once(" => ")
            .map_or((step, None), |(b, t)| (b, Some(t)));
        let answer = bench.call(DEVICE, &filled(body, &words), ADMIN).await;
        assert_eq!(answer.status, 200, "{step}\n{}", answer.text());
        if let Some((word, element)) = taken.and_then(|t| t.split_once(' ')) {
            let value = answer.text().split_once(&format!(":{element}>")).unwrap().1;
            let value = value.split('<').next().unwrap();
            words.push((word.to_owned(), value.to_owned()));
        }
    }
    words
}

/// The text without what chance made.
fn settled(text: &str) -> String {
    let mut text = text.to_owned();
    for path in [
        "/onvif/subscription/",
        "/onvif/restore/",
        "/onvif/firmware/",
        "/onvif/audio-clip/",
    ] {
        let mut parts = text.split(path);
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let word = part
                .bytes()
                .take_while(|b| b.is_ascii_alphanumeric() || *b == b'-')
                .count();
            out = out + path + "{random}" + &part[word..];
        }
        text = out;
    }
    text
}

// The clock stands still: ends of subscriptions are told.
#[tokio::test(start_paused = true)]
async fn answers_are_as_recorded() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut all = Vec::new();
    requests(&root, &mut all);
    all.sort();
    assert!(all.len() >= 40, "only {} pairs", all.len());
    let mut different = Vec::new();
    for request_file in all {
        // A device of its own for each pair: the order of the files must not matter.
        let bench = Bench::new();
        if request_file.to_string_lossy().contains("Audio") {
            bench.hear();
        }
        if request_file.to_string_lossy().contains("Light") {
            bench.light();
        }
        let file = |end: &str| request_file.to_string_lossy().replace(".request.xml", end);
        let name = file(".response.xml");
        let steps = std::fs::read_to_string(file(".before")).unwrap_or_default();
        let words = prepare(&bench, &steps).await;
        let body = filled(&std::fs::read_to_string(&request_file).unwrap(), &words);
        let mut request = Bench::request(Method::POST, DEVICE);
        let mut answer = bench.raw(request.clone(), body.clone()).await;
        if answer.status == 401 {
            bench.sign(&mut request, &answer, "admin", PASSWORD);
            answer = bench.raw(request, body).await;
        }
        let text = settled(answer.text());
        if update {
            std::fs::write(&name, format!("{}\n", text.trim_end())).unwrap();
            continue;
        }
        let recorded = std::fs::read_to_string(&name).unwrap_or_default();
        let canon = |xml: &str| canonical(xml, Limits::default()).unwrap_or_else(|e| e.to_string());
        if canon(&recorded) != canon(&text) {
            different.push(format!("{name}\n  recorded {recorded}\n  answered {text}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// Documents of the metadata stream, `golden/metadata/`: a frame with a read plate beside one that is
/// not read yet, a plate with its vehicle, and the states that a stream begins with.
#[tokio::test]
async fn metadata_documents_are_as_recorded() {
    let scene = Scene {
        captured_at: UtcTime::from_millis(1_795_000_000_123),
        frame_size: FrameSize::new(1920, 1080).unwrap(),
        objects: vec![tracked(41, 0.0, Some("ABC123")), tracked(42, 1800.0, None)],
    };
    let mut with_vehicle = scene.clone();
    with_vehicle.objects.truncate(1);
    with_vehicle.objects[0].colors.vehicle = Some(lpr_core::ColorRead {
        color: lpr_core::Color::Blue,
        likelihood: 0.5,
    });
    let bench = Bench::new();
    let states = bench.service.metadata().next().await.unwrap().xml;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/metadata");
    for (name, xml) in [
        (
            "frame.xml",
            scene_document(&scene, |track| {
                (track == 41).then(|| "http://192.0.2.10:8080/onvif/record/7/plate.jpg".into())
            }),
        ),
        ("vehicle.xml", scene_document(&with_vehicle, |_| None)),
        ("states.xml", states),
    ] {
        let file = root.join(name);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::create_dir_all(&root).unwrap();
            std::fs::write(&file, format!("{}\n", xml.trim_end())).unwrap();
            continue;
        }
        let recorded = std::fs::read_to_string(&file).unwrap_or_default();
        let canon = |xml: &str| canonical(xml, Limits::default()).unwrap_or_else(|e| e.to_string());
        assert_eq!(canon(&recorded), canon(&xml), "{name}");
    }
}
