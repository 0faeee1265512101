//! What an answer costs in the service itself: request read, user checked, answer written; no network.
//!
//! `cargo bench -p platecam-onvif`. Figures: `README.md` beside this file.

#[path = "../tests/common/mod.rs"]
mod common;

use common::{Bench, envelope, tracked};
use divan::{Bencher, black_box};
use http::Method;
use lpr_core::{FrameSize, Scene, UtcTime};
use platecam_model::{EventKind, SourceState, testing::PASSWORD};
use platecam_onvif::metadata::scene_document;
use tokio::runtime::{Builder, Runtime};

fn main() {
    divan::main();
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// One operation, signed with Digest as most clients do; the nonce is used over and over.
fn answer(bencher: Bencher<'_, '_>, path: &str, body: &str) {
    let (runtime, bench) = (runtime(), Bench::new());
    let body = envelope("", body);
    let plain = Bench::request(Method::POST, path);
    let challenge = runtime.block_on(bench.raw(plain.clone(), body.clone()));
    bencher
        .with_inputs(|| {
            let mut request = plain.clone();
            if challenge.status == 401 {
                bench.sign(&mut request, &challenge, "admin", PASSWORD);
            }
            (request, body.clone())
        })
        .bench_values(|(request, body)| {
            let answer = runtime.block_on(bench.raw(request, body));
            assert_eq!(answer.status, 200, "{}", answer.text());
            answer
        });
}

#[divan::bench]
fn get_system_date_and_time(bencher: Bencher<'_, '_>) {
    answer(
        bencher,
        "/onvif/device_service",
        "<tds:GetSystemDateAndTime/>",
    );
}

#[divan::bench]
fn get_services_with_capabilities(bencher: Bencher<'_, '_>) {
    let body =
        "<tds:GetServices><tds:IncludeCapability>true</tds:IncludeCapability></tds:GetServices>";
    answer(bencher, "/onvif/device_service", body);
}

#[divan::bench]
fn get_profiles(bencher: Bencher<'_, '_>) {
    answer(bencher, "/onvif/media_service", "<trt:GetProfiles/>");
}

/// `PullMessages` that brings 100 messages.
#[divan::bench(sample_count = 50, sample_size = 1)]
fn pull_100_messages(bencher: Bencher<'_, '_>) {
    let runtime = runtime();
    let bench = Bench::new();
    let service = bench.service.clone();
    runtime.spawn(async move { service.run(std::future::pending()).await });
    let create = "<tev:CreatePullPointSubscription><tev:Filter><wsnt:TopicExpression Dialect=\"http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet\">tns1:VideoSource//.</wsnt:TopicExpression></tev:Filter></tev:CreatePullPointSubscription>";
    let made = runtime.block_on(bench.call("/onvif/event_service", create, common::ADMIN));
    let address = made.text().split("http://192.0.2.10:8080").nth(1).unwrap();
    let path = address.split('<').next().unwrap().to_owned();
    let pull = envelope(
        "",
        "<tev:PullMessages><tev:Timeout>PT5S</tev:Timeout><tev:MessageLimit>100</tev:MessageLimit></tev:PullMessages>",
    );
    let plain = Bench::request(Method::POST, &path);
    let challenge = runtime.block_on(bench.raw(plain.clone(), pull.clone()));
    let failed = SourceState::Failed {
        reason: "no answer".into(),
        retry_in_ms: 1_000,
    };
    let running = SourceState::Running {
        width: 1920,
        height: 1080,
        millifps: 25_000,
    };
    bencher
        .with_inputs(|| {
            for n in 0..100 {
                let state = if n % 2 == 0 {
                    failed.clone()
                } else {
                    running.clone()
                };
                let at = UtcTime::from_millis(1_795_000_000_000 + n);
                bench.test.device.bus.publish(at, EventKind::Source(state));
            }
            // The service translates them before the request comes.
            runtime.block_on(async {
                for _ in 0..400 {
                    tokio::task::yield_now().await;
                }
            });
            let mut request = plain.clone();
            bench.sign(&mut request, &challenge, "admin", PASSWORD);
            (request, pull.clone())
        })
        .bench_values(|(request, body)| {
            let answer = runtime.block_on(bench.raw(request, body));
            let n = answer.text().matches("<wsnt:NotificationMessage>").count();
            assert_eq!(n, 100, "{}", answer.text());
            answer
        });
}

/// A metadata frame with ten objects.
#[divan::bench]
fn metadata_frame_of_10_objects(bencher: Bencher<'_, '_>) {
    let scene = Scene {
        captured_at: UtcTime::from_millis(1_795_000_000_123),
        frame_size: FrameSize::new(1920, 1080).unwrap(),
        objects: (0..10)
            .map(|n| tracked(n, 100.0 * n as f32, Some("ABC123")))
            .collect(),
    };
    bencher.bench(|| scene_document(black_box(&scene), |_| None));
}
