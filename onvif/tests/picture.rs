//! Texts, masks and corrections end in their settings sections and are read back as they were set.

mod common;

use common::{ADMIN, As, Bench};
use onvif_contracts::timg;
use platecam_model::{
    Actor,
    settings::{
        AutoManual, DayNight, Level, MeteringMode, OsdImages, OsdKind, OsdPlace, Paint, PngImage,
        Scene, VideoImage, VideoMasks, VideoMetering, VideoOsd, VideoScenes, VideoSensor,
        WhiteBalanceMode,
    },
    testing::png,
};

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
        "<tt:Focus><tt:AutoFocusMode>AUTO</tt:AutoFocusMode><tt:NearLimit>0.1</tt:NearLimit></tt:Focus>",
        "<tt:Exposure><tt:Mode>MANUAL</tt:Mode></tt:Exposure>",
        "<tt:Exposure><tt:Mode>AUTO</tt:Mode><tt:Iris>1</tt:Iris></tt:Exposure>",
        "<tt:Exposure><tt:Mode>AUTO</tt:Mode><tt:Window bottom='0.5' top='0' right='1' left='0'/></tt:Exposure>",
        "<tt:WideDynamicRange><tt:Mode>ON</tt:Mode></tt:WideDynamicRange>",
        "<tt:WhiteBalance><tt:Mode>MANUAL</tt:Mode><tt:CrGain>101</tt:CrGain></tt:WhiteBalance>",
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

/// IMG-12: a preset is the picture of a scene, whoever changed it; no preset is in force beside them.
#[tokio::test]
async fn scenes_are_presets() {
    const IMAGING: &str = "/onvif/imaging_service";
    let bench = Bench::new();
    let settings = &bench.test.device.settings;
    let call = async |operation: &str, inner: &str| {
        let body = format!(
            "<timg:{operation} xmlns:timg='http://www.onvif.org/ver20/imaging/wsdl'>\
             <timg:VideoSourceToken>source_1</timg:VideoSourceToken>{inner}</timg:{operation}>"
        );
        bench.call(IMAGING, &body, ADMIN).await
    };
    let current = async || {
        let answer = call("GetCurrentPreset", "").await;
        let answer: timg::GetCurrentPresetResponse = answer.read();
        answer.preset.map(|p| p.token)
    };
    assert_eq!(current().await.as_deref(), Some("day"));
    let by = Actor::system();
    let sharper = |s: &mut VideoScenes| s.night.sharpness = Level::clamped(33);
    settings.update(&by, sharper).unwrap();
    let night = "<timg:PresetToken>night</timg:PresetToken>";
    assert_eq!(call("SetCurrentPreset", night).await.status, 200);
    let scenes = settings.get::<VideoScenes>();
    let image = settings.get::<VideoImage>();
    assert_eq!(*image, *scenes.picture(Scene::Night));
    assert_eq!(
        (image.sharpness.get(), current().await.as_deref()),
        (33, Some("night"))
    );
    settings
        .update(&by, |s: &mut VideoImage| s.contrast = Level::clamped(1))
        .unwrap();
    assert_eq!(current().await, None);
    let unknown = call(
        "SetCurrentPreset",
        "<timg:PresetToken>noon</timg:PresetToken>",
    )
    .await;
    assert_eq!(
        unknown.fault(),
        ["Sender", "InvalidArgVal", "SettingsInvalid"]
    );
}

/// MEDIA2-6-1-3, -6: pictures are announced while there are any, laid in, moved, exchanged and taken out.
#[tokio::test]
async fn images_are_laid_in_and_taken_out_by_both_versions() {
    let osd = |service: &str, operation: &str, token: &str, place: &str, path: &str| {
        format!(
            "<{service}:{operation}><{service}:OSD token='{token}'>\
             <tt:VideoSourceConfigurationToken>source_config_1</tt:VideoSourceConfigurationToken><tt:Type>Image</tt:Type>\
             <tt:Position><tt:Type>{place}</tt:Type></tt:Position>\
             <tt:Image><tt:ImgPath>{path}</tt:ImgPath></tt:Image></{service}:OSD></{service}:{operation}>"
        )
    };
    for (path, service) in [(MEDIA1, "trt"), (MEDIA2, "tr2")] {
        let bench = Bench::new();
        let settings = &bench.test.device.settings;
        let call = async |body: String, status| {
            let answer = bench.call(path, &body, ADMIN).await;
            assert_eq!(answer.status, status, "{body}: {}", answer.text());
            answer.text().to_owned()
        };
        let options = format!(
            "<{service}:GetOSDOptions><{service}:ConfigurationToken>source_config_1</{service}:ConfigurationToken></{service}:GetOSDOptions>"
        );
        let none = call(options.clone(), 200).await;
        assert!(!none.contains("Image"), "{none}");
        let made = |place, path| osd(service, "CreateOSD", "", place, path);
        let refused = call(made("UpperLeft", "image_1"), 400).await;
        assert!(refused.contains("ConfigModify"), "{refused}");
        let put = |s: &mut OsdImages| {
            s.image_1 = PngImage::new(&png(4, 4, [1; 4])).unwrap();
            s.image_2 = PngImage::new(&png(8, 4, [2; 4])).unwrap();
        };
        settings.update(&Actor::system(), put).unwrap();
        let some = call(options, 200).await;
        for part in [
            "Type>Image<",
            "ImagePath>image_1<",
            "ImagePath>image_2<",
            "image/png",
            "MaxWidth=\"512\"",
            "Image=\"4\"",
            "Total=\"12\"",
        ] {
            assert!(some.contains(part), "{part}: {some}");
        }
        call(made("UpperLeft", "image_1"), 200).await;
        let moved = |kind: &str| osd(service, "SetOSD", "osd_1", "LowerRight", kind);
        call(moved("image_2"), 200).await;
        call(moved("image_3"), 400).await;
        let listed = call(format!("<{service}:GetOSDs/>"), 200).await;
        for part in [
            "Type>Image<",
            "ImgPath>image_2<",
            "Type>LowerRight<",
            "token=\"osd_1\"",
        ] {
            assert!(listed.contains(part), "{part}: {listed}");
        }
        let as_text = moved("image_2").replace(">Image<", ">Text<");
        call(as_text, 400).await;
        for _ in 1..VideoOsd::MAX_IMAGES {
            call(made("UpperLeft", "image_1"), 200).await;
        }
        let full = call(made("UpperLeft", "image_1"), 500).await;
        assert!(full.contains("MaxOSDs"), "{full}");
        let delete = format!(
            "<{service}:DeleteOSD><{service}:OSDToken>osd_1</{service}:OSDToken></{service}:DeleteOSD>"
        );
        call(delete, 200).await;
        assert_eq!(
            settings.get::<VideoOsd>().images.len(),
            VideoOsd::MAX_IMAGES - 1
        );
    }
}

const IMAGING: &str = "/onvif/imaging_service";

async fn imaging(bench: &Bench, operation: &str, inner: &str) -> common::Answer {
    let body = format!(
        "<timg:{operation} xmlns:timg='http://www.onvif.org/ver20/imaging/wsdl'>\
         <timg:VideoSourceToken>source_1</timg:VideoSourceToken>{inner}</timg:{operation}>"
    );
    bench.call(IMAGING, &body, ADMIN).await
}

async fn set(bench: &Bench, inner: &str) -> common::Answer {
    let inner = format!("<timg:ImagingSettings>{inner}</timg:ImagingSettings>");
    imaging(bench, "SetImagingSettings", &inner).await
}

/// IMG-5, IMG-10, IMG-15, METER-2, METER-5: one owner; what is read and set again changes nothing.
#[tokio::test]
async fn metering_colour_and_noise_are_settings_of_the_page() {
    let bench = Bench::new();
    let settings = &bench.test.device.settings;
    let done = set(
        &bench,
        "<tt:BacklightCompensation><tt:Mode>ON</tt:Mode></tt:BacklightCompensation>\
         <tt:Exposure><tt:Mode>AUTO</tt:Mode><tt:Window bottom='-0.5' top='0.25' right='0.5' left='-0.5'/></tt:Exposure>\
         <tt:IrCutFilter>OFF</tt:IrCutFilter>\
         <tt:WhiteBalance><tt:Mode>MANUAL</tt:Mode><tt:CrGain>45</tt:CrGain></tt:WhiteBalance>\
         <tt:Extension><tt:Extension><tt:Extension><tt:NoiseReduction><tt:Level>0.3</tt:Level></tt:NoiseReduction>\
         </tt:Extension></tt:Extension></tt:Extension>",
    )
    .await;
    assert_eq!(done.status, 200, "{}", done.text());
    let (sensor, metering) = (
        settings.get::<VideoSensor>(),
        settings.get::<VideoMetering>(),
    );
    assert!(metering.compensation && metering.backlight && !metering.frontlight);
    assert_eq!(
        (metering.mode, metering.metered().len()),
        (MeteringMode::Partial, 1)
    );
    assert_eq!(metering.areas[0].top, 0.25);
    assert_eq!(sensor.day_night, DayNight::BlackWhite);
    assert_eq!(
        (sensor.white_balance, sensor.red.get()),
        (WhiteBalanceMode::Manual, 45)
    );
    assert_eq!((sensor.noise_reduction, sensor.spatial.get()), (true, 30));
    // Several areas of the page: a client sees the rectangle around them and does not lose them.
    let by = Actor::system();
    let several = |s: &mut VideoMetering| {
        let mut other = s.areas[0];
        (other.left, other.right) = (0.6, 0.9);
        s.areas.push(other);
    };
    settings.update(&by, several).unwrap();
    let before = settings.read("video.metering", &by).unwrap().revision;
    let read: timg::GetImagingSettingsResponse =
        imaging(&bench, "GetImagingSettings", "").await.read();
    let window = read.imaging_settings.exposure.unwrap().window.unwrap();
    assert_eq!((window.left, window.right), (-0.5, 0.9));
    let echo = "<tt:Exposure><tt:Mode>AUTO</tt:Mode><tt:Window bottom='-0.5' top='0.25' right='0.9' left='-0.5'/></tt:Exposure>";
    assert_eq!(set(&bench, echo).await.status, 200);
    assert_eq!(settings.get::<VideoMetering>().areas.len(), 2);
    assert_eq!(
        settings.read("video.metering", &by).unwrap().revision,
        before
    );
    let full = "<tt:Exposure><tt:Mode>AUTO</tt:Mode><tt:Window bottom='-1' top='1' right='1' left='-1'/></tt:Exposure>\
         <tt:WhiteBalance><tt:Mode>MANUAL</tt:Mode><tt:CrGain>50</tt:CrGain><tt:CbGain>50</tt:CbGain></tt:WhiteBalance>";
    assert_eq!(set(&bench, full).await.status, 200);
    assert_eq!(settings.get::<VideoMetering>().mode, MeteringMode::Global);
    let white = settings.get::<VideoSensor>().white_balance;
    assert_eq!(white, WhiteBalanceMode::Source, "nothing to correct");
}

/// IMG-6, HW-12: the light by auxiliary commands, where the source has one, for who may change pictures.
#[tokio::test]
async fn the_light_is_commanded_where_there_is_one() {
    use platecam_model::settings::IrLight;
    let bench = Bench::new();
    let settings = &bench.test.device.settings;
    let send = async |command: &str| {
        let body = format!(
            "<tds:SendAuxiliaryCommand xmlns:tds=\"http://www.onvif.org/ver10/device/wsdl\"><tds:AuxiliaryCommand>{command}</tds:AuxiliaryCommand></tds:SendAuxiliaryCommand>"
        );
        bench.call("/onvif/device_service", &body, ADMIN).await
    };
    let unsupported = |fault: Vec<String>| {
        let last = fault.last().map(String::as_str).unwrap_or_default();
        assert!(last.ends_with("AuxiliaryDataNotSupported"), "{fault:?}");
    };
    unsupported(send("tt:IRLamp|On").await.fault());
    bench.light();
    for (command, light) in [
        ("tt:IRLamp|On", IrLight::On),
        ("tt:IRLamp|Auto", IrLight::DayNight),
        ("tt:IRLamp|Off", IrLight::Off),
    ] {
        let answer = send(command).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(settings.get::<VideoSensor>().ir_light, light, "{command}");
    }
    unsupported(send("tt:IRLamp|Dim").await.fault());
}

/// IMG-9, IMG-14, IMG-17: exposure and WDR are offered where the source has them, with its ranges.
#[tokio::test]
async fn sensor_controls_are_those_of_the_source() {
    use platecam_model::ports::{ControlRange, ImageCapabilities};
    let bench = Bench::new();
    let settings = &bench.test.device.settings;
    let options = async || imaging(&bench, "GetOptions", "").await.text().to_owned();
    let none = options().await;
    assert!(!none.contains("MANUAL</tt:Mode><tt:ExposureTime") && !none.contains("ExposureTime"));
    assert!(!none.contains("WideDynamicRange"), "{none}");
    let range = |min, max, step| Some(ControlRange { min, max, step });
    settings.set_image_capabilities(ImageCapabilities {
        known: true,
        shutter: range(300, 40_000, 100),
        gain: range(0, 255, 5),
        wdr: true,
        ..Default::default()
    });
    let read: timg::GetOptionsResponse = imaging(&bench, "GetOptions", "").await.read();
    let exposure = read.imaging_options.exposure.unwrap();
    let time = exposure.exposure_time.unwrap();
    assert_eq!(
        (exposure.mode.len(), time.min, time.max),
        (2, 300.0, 40_000.0)
    );
    assert!(read.imaging_options.wide_dynamic_range.is_some());
    let manual = |time: &str| {
        format!(
            "<tt:Exposure><tt:Mode>MANUAL</tt:Mode><tt:ExposureTime>{time}</tt:ExposureTime><tt:Gain>12</tt:Gain></tt:Exposure>\
             <tt:WideDynamicRange><tt:Mode>ON</tt:Mode></tt:WideDynamicRange>"
        )
    };
    for outside in ["299", "40001", "NaN"] {
        let fault = set(&bench, &manual(outside)).await.fault();
        assert_eq!(
            fault,
            ["Sender", "InvalidArgVal", "SettingsInvalid"],
            "{outside}"
        );
    }
    assert_eq!(set(&bench, &manual("2049")).await.status, 200);
    let sensor = settings.get::<VideoSensor>();
    assert_eq!((sensor.exposure, sensor.wdr), (AutoManual::Manual, true));
    assert_eq!(
        (sensor.shutter.get(), sensor.gain.get()),
        (2_000, 10),
        "in its steps"
    );
    let auto = "<tt:Exposure><tt:Mode>AUTO</tt:Mode></tt:Exposure>";
    assert_eq!(set(&bench, auto).await.status, 200);
    assert_eq!(settings.get::<VideoSensor>().exposure, AutoManual::Auto);
}
