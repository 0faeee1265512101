//! Detection loops of the running camera: simulated contacts over the bundled clip, and exactly the records of their edges.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use conformance::{Camera, Options, Web, jpeg};
use serde_json::{Value, json};

/// A wait for something that must happen; only a broken program waits so long.
const PATIENCE: Duration = Duration::from_secs(240);
/// The clip's length.
const CLIP_MS: i64 = 40_000;
/// Times in the clip at which a loop tells of a vehicle, and the plate that is in sight then: one comes, nobody is there, one goes.
const EDGES: [(i64, &str); 3] = [(21_300, "XNXE67"), (24_100, ""), (31_400, "T77FFA")];
/// The middle of passes in the clip by which its begin is found.
const PASSES: [(&str, i64); 4] = [
    ("9JHM934", 7_300),
    ("46KCAC", 10_700),
    ("RYX7966", 12_200),
    ("RLH7463", 15_500),
];

async fn set(web: &Web, value: Value) {
    let (status, answer) = web.change("lpr.recognition", value).await.unwrap();
    assert_eq!(status, 200, "{answer}");
}

async fn records(web: &Web, query: &str) -> Vec<Value> {
    let path = format!("/api/v1/records?limit=500&kind=lpr&{query}");
    let mut all = web.get(&path).await.unwrap()["items"]
        .as_array()
        .unwrap()
        .clone();
    all.reverse();
    all
}

fn text<'a>(record: &'a Value, key: &str) -> &'a str {
    record[key].as_str().unwrap()
}

/// Milliseconds since 1970 of `2026-11-22T15:04:05.123Z`.
fn millis(time: &str) -> i64 {
    let time = chrono::DateTime::parse_from_rfc3339(time).unwrap();
    time.timestamp_millis()
}

async fn now(web: &Web) -> i64 {
    millis(text(&web.get("/api/v1/status").await.unwrap(), "time"))
}

/// Waits until the camera's clock shows this.
async fn until(web: &Web, ms: i64) {
    let end = Instant::now() + PATIENCE;
    loop {
        let left = ms - now(web).await;
        if left <= 0 {
            return;
        }
        assert!(Instant::now() < end, "{left} ms are left");
        tokio::time::sleep(Duration::from_millis(left.unsigned_abs().min(500))).await;
    }
}

/// When the clip began last, by the first plate that is known.
async fn clip_began(web: &Web) -> i64 {
    let end = Instant::now() + PATIENCE;
    loop {
        for record in records(web, "").await {
            let known = PASSES.iter().find(|p| p.0 == text(&record, "plate_number"));
            if let Some((_, at)) = known {
                return millis(text(&record, "captured_at")) - at;
            }
        }
        assert!(Instant::now() < end, "no plate of the clip's begin");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Closes or opens the contact of an input, and waits until the camera saw it.
async fn contact(web: &Web, state: &Path, input: usize, closed: bool) {
    let text = if closed { "1" } else { "0" };
    fs::create_dir_all(state.join("simulated")).unwrap();
    fs::write(state.join(format!("simulated/input{input}")), text).unwrap();
    let end = Instant::now() + PATIENCE;
    while web.get("/api/v1/io").await.unwrap()["inputs"][input - 1]["active"] != closed {
        assert!(Instant::now() < end, "input {input}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// SNAPRULE-4: the second picture is another, later one.
async fn is_seen_twice(web: &Web, record: &Value) {
    let path = format!("/api/v1/records/{}", record["id"]);
    let end = Instant::now() + PATIENCE;
    let mut record = record.clone();
    while record["second_at"].is_null() {
        assert!(Instant::now() < end, "{record}");
        tokio::time::sleep(Duration::from_millis(200)).await;
        record = web.get(&path).await.unwrap();
    }
    let first = millis(text(&record, "captured_at"));
    let second = record["second_at"].as_str();
    let second = millis(second.unwrap_or_else(|| panic!("{record}")));
    assert!(second > first, "{record}");
    let mut pictures = Vec::new();
    for name in ["picture", "second"] {
        let path = format!("/api/v1/records/{}/{name}.jpg", record["id"]);
        let got = web.raw("GET", &path, None, &[]).await.unwrap();
        assert_eq!(got.status().as_u16(), 200, "{path}");
        let jpeg = got.bytes().await.unwrap();
        assert_eq!(jpeg::size(&jpeg).unwrap(), (1920, 1080), "{path}");
        pictures.push(jpeg);
    }
    assert_ne!(pictures[0], pictures[1], "{record}");
}

/// SNAPRULE-1, SNAPRULE-4, SNAPRULE-15..18: each edge is one record, with the plate that is in sight, with a picture where none is; plates
/// without an edge are none. Speed where both loops told.
#[tokio::test(flavor = "multi_thread")]
async fn loops_alone_decide_what_is_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let options = Options {
        args: ["--host", "simulated", "--no-discovery"]
            .map(String::from)
            .to_vec(),
        ..Options::default()
    };
    let camera = Camera::start_in(&options, &state).unwrap();
    let web = Web::login(&camera).await.unwrap();
    // What was never seen has no edge.
    for input in [1, 2] {
        for closed in [true, false] {
            contact(&web, &state, input, closed).await;
        }
    }
    let mut clip = clip_began(&web).await;
    let loops = json!({"plan": "double_in2-snap_speed", "loop1": "rising", "loop2": "rising", "distance": 300,
        "max_pass_seconds": 1});
    set(
        &web,
        json!({"capture_mode": "loop", "loops": loops, "snapshot_quantity": 2}),
    )
    .await;
    while now(&web).await > clip + EDGES[0].0 - 2_000 {
        clip += CLIP_MS;
    }
    // A busy machine may fail to read a plate once; it never makes more or fewer records than edges.
    for _ in 0..3 {
        until(&web, clip + EDGES[0].0 - 1_000).await;
        let from = web.get("/api/v1/status").await.unwrap();
        for (at, plate) in EDGES {
            until(&web, clip + at - 200).await;
            // Nobody comes to Loop1: it missed the vehicle.
            if !plate.is_empty() {
                contact(&web, &state, 1, true).await;
            }
            until(&web, clip + at).await;
            contact(&web, &state, 2, true).await;
            contact(&web, &state, 1, false).await;
            contact(&web, &state, 2, false).await;
        }
        clip += CLIP_MS;
        // Two that pass without an edge come at the begin of the clip.
        until(&web, clip + 13_000).await;
        let told = records(&web, &format!("from={}", text(&from, "time"))).await;
        assert_eq!(told.len(), EDGES.len(), "{told:#?}");
        for (record, (_, plate)) in told.iter().zip(EDGES) {
            assert_eq!(record["has_picture"], true, "{record}");
            is_seen_twice(&web, record).await;
            let speed = record["speed_mps"].as_f64();
            assert_eq!(speed.is_some(), !plate.is_empty(), "{record}");
            assert!(speed.is_none_or(|v| v > 0.0 && v < 20.0), "{record}");
        }
        let plates: Vec<_> = told.iter().map(|r| text(r, "plate_number")).collect();
        if plates != EDGES.map(|e| e.1) {
            println!("  read as {plates:?}");
            continue;
        }
        assert_eq!(
            (&told[1]["has_plate"], &told[1]["plate_rect"]),
            (&json!(false), &Value::Null)
        );
        let table = web
            .raw("GET", "/api/v1/records/export.csv", None, &[])
            .await
            .unwrap();
        let table = table.text().await.unwrap();
        let speed = format!("{:.2}", told[2]["speed_mps"].as_f64().unwrap());
        let row = table.lines().find(|l| l.contains("T77FFA")).unwrap();
        assert!(row.contains(&format!(",{speed},")), "{row}");
        // Loops are no alarms, and nothing to look after.
        assert_eq!(web.get("/api/v1/alarms").await.unwrap()["total"], 0);
        return;
    }
    panic!("the plates were not read in three turns of the clip");
}
