//! Texts, masks and corrections end in their settings sections and are read back as they were set.

mod common;

use common::{ADMIN, As, Bench};
use platecam_model::settings::{OsdKind, OsdPlace, Paint, VideoImage, VideoMasks, VideoOsd};

const MEDIA1: &str = "/onvif/media_service";
const MEDIA2: &str = "/onvif/media2_service";

fn osd(service: &str, operation: &str, token: &str, text: &str) -> String {
    format!(
        "<{service}:{operation}><{service}:OSD token='{token}'>\
         <tt:VideoSourceConfigurationToken>source_config_1</tt:VideoSourceConfigurationToken><tt:Type>Text</tt:Type>\
         <tt:Position><tt:Type>Custom</tt:Type><tt:Pos x='-0.123' y='0.25'/></tt:Position>\
         <tt:TextString><tt:Type>Plain</tt:Type><tt:FontSize>16</tt:FontSize><tt:FontColor>\
         <tt:Color X='255' Y='0' Z='0' Colorspace='http://www.onvif.org/ver10/colorspace/RGB'/></tt:FontColor>\
         <tt:PlainText>{text}</tt:PlainText></tt:TextString></{service}:OSD></{service}:{operation}>"
    )
}

/// OSD-1..4, GEN-22 on the video; MEDIA2-6-1-1, -4, -5.
#[tokio::test]
async fn texts_are_made_changed_and_deleted_by_both_versions() {
    let bench = Bench::new();
    for (path, service) in [(MEDIA1, "trt"), (MEDIA2, "tr2")] {
        let call = async |body: String, status| {
            let answer = bench.call(path, &body, ADMIN).await;
            assert_eq!(answer.status, status, "{body}: {}", answer.text());
            answer.text().to_owned()
        };
        let made = call(osd(service, "CreateOSD", "mine", "Gate 1"), 200).await;
        assert!(made.contains(">osd_1<"), "a token of ours: {made}");
        let text = bench.test.device.settings.get::<VideoOsd>().texts[0].clone();
        assert_eq!((text.text.as_str(), text.kind), ("Gate 1", OsdKind::Plain));
        assert_eq!((text.place, text.position.x), (OsdPlace::Custom, -0.123));
        assert_eq!((text.color, text.font_size.get()), (Paint::Red, 16));
        let listed = call(format!("<{service}:GetOSDs/>"), 200).await;
        for part in ["Gate 1", "x=\"-0.123\"", "FontSize>16<", "token=\"osd_1\""] {
            assert!(listed.contains(part), "{part}: {listed}");
        }
        call(osd(service, "SetOSD", "osd_1", "Gate 2"), 200).await;
        let text = bench.test.device.settings.get::<VideoOsd>().texts[0].clone();
        assert_eq!(text.text, "Gate 2");
        for _ in 1..VideoOsd::MAX {
            call(osd(service, "CreateOSD", "mine", "Gate 3"), 200).await;
        }
        let full = call(osd(service, "CreateOSD", "mine", "Gate 4"), 500).await;
        assert!(full.contains("MaxOSDs"), "{full}");
        for n in 1..=VideoOsd::MAX {
            let delete = format!(
                "<{service}:DeleteOSD><{service}:OSDToken>osd_{n}</{service}:OSDToken></{service}:DeleteOSD>"
            );
            call(delete, 200).await;
        }
        assert!(
            bench
                .test
                .device
                .settings
                .get::<VideoOsd>()
                .texts
                .is_empty()
        );
    }
}

#[tokio::test]
async fn masks_are_made_switched_and_deleted() {
    let bench = Bench::new();
    let mask = |operation: &str, token: &str, enabled: bool| {
        format!(
            "<tr2:{operation}><tr2:Mask token='{token}'><tr2:ConfigurationToken>source_config_1</tr2:ConfigurationToken>\
             <tr2:Polygon><tt:Point x='-1' y='-1'/><tt:Point x='0' y='1'/><tt:Point x='1' y='-1'/></tr2:Polygon>\
             <tr2:Type>Color</tr2:Type><tr2:Enabled>{enabled}</tr2:Enabled></tr2:Mask></tr2:{operation}>"
        )
    };
    let call = async |body: String, who: As<'static>| bench.call(MEDIA2, &body, who).await;
    assert_eq!(
        call(mask("CreateMask", "", true), As::Nobody).await.status,
        401
    );
    let made = call(mask("CreateMask", "", true), ADMIN).await;
    assert!(made.text().contains(">mask_1<"), "{}", made.text());
    call(mask("SetMask", "mask_1", false), ADMIN).await;
    let masks = bench.test.device.settings.get::<VideoMasks>();
    assert_eq!(masks.masks.len(), 1);
    assert!(!masks.masks[0].enabled && masks.masks[0].polygon.len() == 3);
    let delete = "<tr2:DeleteMask><tr2:Token>mask_1</tr2:Token></tr2:DeleteMask>";
    assert_eq!(call(delete.into(), ADMIN).await.status, 200);
    assert!(
        bench
            .test
            .device
            .settings
            .get::<VideoMasks>()
            .masks
            .is_empty()
    );
}

/// IMG-17; IMAGING-1-1-8, -14: the changed value is read back, a refused one changes nothing.
#[tokio::test]
async fn corrections_are_read_back_and_bounded() {
    let bench = Bench::new();
    let call = async |settings: &str| {
        let body = format!(
            "<timg:SetImagingSettings xmlns:timg='http://www.onvif.org/ver20/imaging/wsdl'>\
             <timg:VideoSourceToken>source_1</timg:VideoSourceToken>\
             <timg:ImagingSettings>{settings}</timg:ImagingSettings></timg:SetImagingSettings>"
        );
        bench.call("/onvif/imaging_service", &body, ADMIN).await
    };
    let now = || bench.test.device.settings.get::<VideoImage>();
    let answer = call("<tt:Brightness>60</tt:Brightness><tt:Sharpness>0</tt:Sharpness>").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let after = now();
    assert_eq!((after.brightness.get(), after.sharpness.get()), (60, 0));
    assert_eq!(after.contrast.get(), 50, "what is not named stays");
    for refused in [
        "<tt:Brightness>100.5</tt:Brightness>",
        "<tt:Contrast>-1</tt:Contrast>",
        "<tt:IrCutFilter>OFF</tt:IrCutFilter>",
    ] {
        let answer = call(refused).await;
        assert!(
            answer.text().contains("SettingsInvalid"),
            "{refused}: {}",
            answer.text()
        );
        assert_eq!(now(), after);
    }
}
