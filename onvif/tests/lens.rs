//! Zoom and focus of a motorised lens (HW-11, LPRCFG-7..14): imaging and provisioning service.

mod common;

use common::{ADMIN, Answer, Bench};
use onvif_contracts::{tds, timg, tpv, tt};
use platecam_model::{
    settings::LensSettings,
    testing::{initialised, of_model},
};

const NAMES: &str = "xmlns:timg='http://www.onvif.org/ver20/imaging/wsdl' \
    xmlns:tpv='http://www.onvif.org/ver10/provisioning/wsdl' xmlns:tt='http://www.onvif.org/ver10/schema'";

/// Calls an operation of the one source.
async fn call(bench: &Bench, operation: &str, inner: &str) -> Answer {
    let token = match operation.split_once(':').unwrap().0 {
        "timg" => "<timg:VideoSourceToken>source_1</timg:VideoSourceToken>",
        _ => "<tpv:VideoSource>source_1</tpv:VideoSource>",
    };
    let body = format!("<{operation} {NAMES}>{token}{inner}</{operation}>");
    bench.call("/onvif/device_service", &body, ADMIN).await
}

async fn focus(bench: &Bench) -> tt::FocusStatus20 {
    let read: timg::GetStatusResponse = call(bench, "timg:GetStatus", "").await.read();
    *read.status.focus_status20.unwrap()
}

/// Until the lens rests.
fn run(bench: &Bench) {
    for _ in 0..2000 {
        match bench.test.device.serve_lens() {
            Some(next) => bench.test.clock.advance(next),
            None => return,
        }
    }
    panic!("it never rests");
}

/// LPRCFG-9, LPRCFG-13: absolute, relative and continuous moves, the state and the end stop.
#[tokio::test]
async fn focus_is_moved_stopped_and_told() {
    let bench = Bench::over(initialised());
    let step = async |inner: &str| {
        let inner = format!("<timg:Focus>{inner}</timg:Focus>");
        call(&bench, "timg:Move", &inner).await
    };
    let answer = step("<tt:Absolute><tt:Position>0.5</tt:Position></tt:Absolute>").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(focus(&bench).await.move_status, tt::MoveStatus::Moving);
    run(&bench);
    let now = focus(&bench).await;
    assert_eq!((now.position, now.move_status), (0.5, tt::MoveStatus::Idle));
    step("<tt:Relative><tt:Distance>-0.2</tt:Distance></tt:Relative>").await;
    run(&bench);
    assert_eq!(focus(&bench).await.position, 0.3);
    step("<tt:Continuous><tt:Speed>1</tt:Speed></tt:Continuous>").await;
    for _ in 0..10 {
        bench.test.device.serve_lens();
        bench
            .test
            .clock
            .advance(std::time::Duration::from_millis(50));
    }
    assert_eq!(call(&bench, "timg:Stop", "").await.status, 200);
    run(&bench);
    let stopped = focus(&bench).await.position;
    assert!((0.4..0.7).contains(&stopped), "{stopped}");
    step("<tt:Continuous><tt:Speed>1</tt:Speed></tt:Continuous>").await;
    run(&bench);
    let end = focus(&bench).await;
    assert_eq!((end.position, end.error), (1.0, None));
    for refused in [
        "<tt:Absolute><tt:Position>1.01</tt:Position></tt:Absolute>",
        "<tt:Absolute><tt:Position>1</tt:Position><tt:Speed>1</tt:Speed></tt:Absolute>",
        "<tt:Relative><tt:Distance>-2</tt:Distance></tt:Relative>",
        "<tt:Continuous><tt:Speed>1.5</tt:Speed></tt:Continuous>",
        "<tt:Continuous><tt:Speed>NaN</tt:Speed></tt:Continuous>",
        "",
    ] {
        let fault = step(refused).await.fault();
        assert_eq!(
            fault,
            ["Sender", "InvalidArgVal", "SettingsInvalid"],
            "{refused}"
        );
    }

    bench.test.lens.break_off(true);
    step("<tt:Absolute><tt:Position>0</tt:Position></tt:Absolute>").await;
    run(&bench);
    let error = focus(&bench).await.error.unwrap();
    assert_eq!(error, "focus motor: it does not answer");
}

/// LPRCFG-8, LPRCFG-12: the mode of the automatic focus and the speed are settings.
#[tokio::test]
async fn automatic_focus_is_a_setting() {
    let bench = Bench::over(initialised());
    let read: timg::GetImagingSettingsResponse =
        call(&bench, "timg:GetImagingSettings", "").await.read();
    let now = read.imaging_settings.focus.unwrap();
    assert_eq!(now.auto_focus_mode, tt::AutoFocusMode::Auto);
    assert_eq!(now.default_speed, Some(0.5));
    let set = async |inner: &str| {
        let inner =
            format!("<timg:ImagingSettings><tt:Focus>{inner}</tt:Focus></timg:ImagingSettings>");
        call(&bench, "timg:SetImagingSettings", &inner).await
    };
    let manual = "<tt:AutoFocusMode>MANUAL</tt:AutoFocusMode>";
    let answer = set(&format!("{manual}<tt:DefaultSpeed>0.07</tt:DefaultSpeed>")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let stored = bench.test.device.settings.get::<LensSettings>();
    assert_eq!((stored.auto_focus, stored.speed.get()), (false, 7));
    for refused in [
        "<tt:AutoFocusMode>SOMETIMES</tt:AutoFocusMode>",
        &format!("{manual}<tt:DefaultSpeed>0</tt:DefaultSpeed>"),
        &format!("{manual}<tt:FarLimit>1</tt:FarLimit>"),
    ] {
        let text = set(refused).await.text().to_owned();
        assert!(text.contains("SettingsInvalid"), "{refused}: {text}");
    }
}

/// HW-11, LPRCFG-7, LPRCFG-10: zoom and focus as an installer moves them.
#[tokio::test]
async fn an_installer_provisions_the_lens() {
    let bench = Bench::over(initialised());
    let go = async |operation: &str, inner: &str| call(&bench, operation, inner).await;
    let wide = "<tpv:Direction>Wide</tpv:Direction>";
    let tele = "<tpv:Direction>Telephoto</tpv:Direction><tpv:Timeout>PT2S</tpv:Timeout>";
    let usage: tpv::GetUsageResponse = go("tpv:GetUsage", "").await.read();
    assert_eq!(usage.usage, tpv::Usage::default());
    assert_eq!(go("tpv:ZoomMove", tele).await.status, 200);
    run(&bench);
    // Two seconds at a speed of 50, of 4 from end to end.
    let zoom = || bench.test.device.lens_status().unwrap().zoom.unwrap();
    assert!((zoom().position - 0.5).abs() < 0.01, "{:?}", zoom());
    assert_eq!(go("tpv:ZoomMove", wide).await.status, 200);
    assert_eq!(go("tpv:Stop", "").await.status, 200);
    run(&bench);
    let usage: tpv::GetUsageResponse = go("tpv:GetUsage", "").await.read();
    assert_eq!(usage.usage.zoom, Some(2));

    let auto = "<tpv:Direction>Auto</tpv:Direction>";
    assert_eq!(go("tpv:FocusMove", auto).await.status, 200);
    assert_eq!(focus(&bench).await.move_status, tt::MoveStatus::Moving);
    let refused = go("tpv:ZoomMove", wide).await.fault();
    assert_eq!(refused, ["Sender", "OperationProhibited"]);
    assert_eq!(go("tpv:Stop", "").await.status, 200);
    assert_eq!(go("tpv:ZoomMove", wide).await.status, 200);
    let long = "<tpv:Direction>Wide</tpv:Direction><tpv:Timeout>PT1H</tpv:Timeout>";
    assert_eq!(
        go("tpv:ZoomMove", long).await.fault(),
        ["Sender", "InvalidArgVal"]
    );
}

/// HW-11, GEN-24: without a lens nothing of it is told.
#[tokio::test]
async fn without_a_lens_there_is_no_focus() {
    let bench = Bench::over(of_model(r#"{"model": "Fixed", "limits": {"lenses": 0}}"#));
    let body =
        "<tds:GetServices><tds:IncludeCapability>true</tds:IncludeCapability></tds:GetServices>";
    let answer = bench.call("/onvif/device_service", body, ADMIN).await;
    let listed: tds::GetServicesResponse = answer.read();
    assert!(
        listed
            .service
            .iter()
            .all(|s| !s.namespace.contains("provisioning"))
    );
    for (operation, inner) in [
        (
            "timg:Move",
            "<timg:Focus><tt:Absolute><tt:Position>0</tt:Position></tt:Absolute></timg:Focus>",
        ),
        ("timg:Stop", ""),
        ("tpv:Stop", ""),
        ("tpv:GetUsage", ""),
    ] {
        let fault = call(&bench, operation, inner).await.fault();
        assert_eq!(
            fault[..2],
            ["Receiver", "ActionNotSupported"],
            "{operation}"
        );
    }
    for operation in [
        "timg:GetOptions",
        "timg:GetMoveOptions",
        "timg:GetImagingSettings",
        "timg:GetStatus",
    ] {
        let answer = call(&bench, operation, "").await;
        assert_eq!(answer.status, 200);
        assert!(!answer.text().contains("Focus"), "{}", answer.text());
    }
}
