//! Rules and modules change the settings, and the settings show as rules and modules (LPRCFG-1..6, Profile M 7.10 and
//! 8.6, Profile T 8.6).

mod common;

use common::{ADMIN, As, Bench};
use onvif_contracts::{tan, tr2, trt, tt};
use platecam_model::{
    Actor,
    settings::{LprAreas, LprRecognition, MotionRegions},
    testing::PASSWORD,
};
use serde_json::json;

const PATH: &str = "/onvif/analytics_service";
const TAN: &str = r#"xmlns:tan="http://www.onvif.org/ver20/analytics/wsdl" xmlns:plt="urn:platecam:onvif:analytics" xmlns:axt="http://www.onvif.org/ver20/analytics""#;
const TOKEN: &str = "<tan:ConfigurationToken>analytics_1</tan:ConfigurationToken>";

async fn call(bench: &Bench, operation: &str, content: &str) -> common::Answer {
    let body = format!("<tan:{operation} {TAN}>{content}</tan:{operation}>");
    bench.call(PATH, &body, ADMIN).await
}

/// An operation on rules or modules: `content` follows the token of the one configuration.
async fn on(bench: &Bench, operation: &str, content: &str) -> common::Answer {
    call(bench, operation, &format!("{TOKEN}{content}")).await
}

async fn rules(bench: &Bench) -> Vec<tt::Config> {
    let answer = on(bench, "GetRules", "").await;
    answer.read::<tan::GetRulesResponse>().rule
}

async fn modules(bench: &Bench) -> Vec<tt::Config> {
    let answer = on(bench, "GetAnalyticsModules", "").await;
    answer
        .read::<tan::GetAnalyticsModulesResponse>()
        .analytics_module
}

fn names(all: &[tt::Config]) -> Vec<&str> {
    all.iter().map(|c| c.name.as_str()).collect()
}

fn value<'a>(config: &'a tt::Config, name: &str) -> &'a str {
    let items = &config.parameters.simple_item;
    let found = items.iter().find(|i| i.name == name);
    found.map_or("", |i| i.value.as_str())
}

fn polygon(corners: &[(f32, f32)]) -> String {
    let points: String = corners
        .iter()
        .map(|(x, y)| format!(r#"<tt:Point x="{x}" y="{y}"/>"#))
        .collect();
    format!("<tt:Polygon>{points}</tt:Polygon>")
}

const QUAD: [(f32, f32); 4] = [(-0.5, 0.5), (-0.75, -1.0), (0.75, -1.0), (0.5, 0.5)];

/// LPRCFG-2, LPRCFG-3, INTEL-1, SNAPRULE-5, SNAPRULE-6: what a client modifies is what the settings say, and the other
/// way round; what is not sent stays.
#[tokio::test]
async fn the_plate_rule_is_the_settings() {
    let bench = Bench::new();
    let settings = &bench.test.device.settings;
    assert_eq!(names(&rules(&bench).await), ["Plates"]);
    let modify = |items: String| {
        format!(
            r#"<tan:Rule Name="Plates" Type="tt:LicensePlateRecognition"><tt:Parameters>{items}</tt:Parameters></tan:Rule>"#
        )
    };
    let items = format!(
        r#"<tt:SimpleItem Name="Threshold" Value="0.7"/><tt:SimpleItem Name="Country" Value="EU"/><tt:SimpleItem Name="Sensitivity" Value="0.8"/><tt:SimpleItem Name="EventInterval" Value="30"/><tt:SimpleItem Name="Direction" Value="Approaching"/><tt:ElementItem Name="Region">{}</tt:ElementItem>"#,
        polygon(&QUAD)
    );
    let done = on(&bench, "ModifyRules", &modify(items)).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let lpr = settings.get::<LprRecognition>();
    assert_eq!(lpr.min_confidence.get(), 70);
    assert_eq!(lpr.sensitivity.get(), 80);
    assert_eq!(lpr.repeat_seconds.get(), 30);
    assert_eq!(lpr.direction, lpr_core::DirectionFilter::Approaching);
    assert_eq!(lpr.min_plate_width.get(), 50, "not sent");
    let areas = settings.get::<LprAreas>();
    let corners: Vec<_> = areas.capture_area.iter().map(|p| (p.x, p.y)).collect();
    assert_eq!(corners, QUAD);
    // A page changes it.
    let change = json!({"min_confidence": 33});
    settings
        .patch("lpr.recognition", &change, None, &Actor::system())
        .unwrap();
    let rule = rules(&bench).await.remove(0);
    assert_eq!(value(&rule, "Threshold"), "0.33");
    assert_eq!(value(&rule, "Country"), "EU");
    // Refused, and nothing changes.
    for bad in [
        r#"<tt:SimpleItem Name="Threshold" Value="2"/>"#.to_owned(),
        r#"<tt:SimpleItem Name="Country" Value="Mars"/>"#.to_owned(),
        r#"<tt:SimpleItem Name="Nothing" Value="1"/>"#.to_owned(),
        format!(
            r#"<tt:SimpleItem Name="Threshold" Value="0.9"/><tt:ElementItem Name="Region">{}</tt:ElementItem>"#,
            polygon(&[QUAD[0], QUAD[2], QUAD[1], QUAD[3]])
        ),
    ] {
        let refused = on(&bench, "ModifyRules", &modify(bad)).await;
        assert_eq!(refused.fault(), ["Sender", "InvalidArgVal", "InvalidRule"]);
    }
    assert_eq!(settings.get::<LprRecognition>().min_confidence.get(), 33);
}

/// Profile M 8.6: rules are deleted and made, with nothing but a name too; names and numbers are kept.
#[tokio::test]
async fn rules_are_made_and_deleted() {
    let bench = Bench::new();
    let settings = &bench.test.device.settings;
    let name = |n: &str| format!("<tan:RuleName>{n}</tan:RuleName>");
    let rule = |n: &str, kind: &str| {
        format!(r#"<tan:Rule Name="{n}" Type="tt:{kind}"><tt:Parameters/></tan:Rule>"#)
    };
    let second = on(
        &bench,
        "CreateRules",
        &rule("Two", "LicensePlateRecognition"),
    )
    .await;
    assert_eq!(second.fault(), ["Receiver", "Action", "TooManyRules"]);
    assert_eq!(on(&bench, "DeleteRules", &name("Plates")).await.status, 200);
    assert!(!settings.get::<LprRecognition>().report);
    assert!(rules(&bench).await.is_empty());
    let gone = on(&bench, "DeleteRules", &name("Plates")).await;
    assert_eq!(gone.fault(), ["Sender", "InvalidArgVal", "RuleNotExistent"]);
    let made = on(
        &bench,
        "CreateRules",
        &rule("Gate", "LicensePlateRecognition"),
    )
    .await;
    assert_eq!(made.status, 200, "{}", made.text());
    assert_eq!(settings.get::<LprRecognition>().rule_name, "Gate");
    for n in 0..MotionRegions::MAX {
        let made = on(
            &bench,
            "CreateRules",
            &rule(&format!("m{n}"), "MotionRegionDetector"),
        )
        .await;
        assert_eq!(made.status, 200, "{}", made.text());
    }
    for (n, kind, subcodes) in [
        (
            "m9",
            "MotionRegionDetector",
            ["Receiver", "Action", "TooManyRules"],
        ),
        (
            "Gate",
            "MotionRegionDetector",
            ["Sender", "InvalidArgVal", "RuleAlreadyExistent"],
        ),
        (
            "x",
            "FaceRecognition",
            ["Sender", "InvalidArgVal", "InvalidRule"],
        ),
    ] {
        let refused = on(&bench, "CreateRules", &rule(n, kind)).await;
        assert_eq!(refused.fault(), subcodes, "{n}");
    }
    let modify = format!(
        r#"<tan:Rule Name="m1" Type="tt:MotionRegionDetector"><tt:Parameters><tt:ElementItem Name="MotionRegion"><axt:MotionRegionConfig Armed="false" Sensitivity="0.3">{}</axt:MotionRegionConfig></tt:ElementItem></tt:Parameters></tan:Rule>"#,
        polygon(&QUAD)
    );
    let done = on(&bench, "ModifyRules", &modify).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let motion = settings.get::<MotionRegions>();
    let region = &motion.regions[1];
    assert!(!region.enabled && region.sensitivity.get() == 30 && region.polygon.len() == 4);
    let both = format!("{}{}", name("m0"), name("nobody"));
    assert_eq!(
        on(&bench, "DeleteRules", &both).await.fault()[2],
        "RuleNotExistent"
    );
    assert_eq!(
        settings.get::<MotionRegions>().regions.len(),
        4,
        "all or nothing"
    );
}

/// LPRCFG-4, C-1, Profile M 7.10: shield areas are modules that come and go; the reader stays.
#[tokio::test]
async fn shield_areas_are_modules() {
    let bench = Bench::new();
    let settings = &bench.test.device.settings;
    let module = |n: &str, kind: &str, items: &str| {
        format!(
            r#"<tan:AnalyticsModule Name="{n}" Type="plt:{kind}"><tt:Parameters>{items}</tt:Parameters></tan:AnalyticsModule>"#
        )
    };
    for n in ["a", "b", "c"] {
        let made = on(
            &bench,
            "CreateAnalyticsModules",
            &module(n, "ShieldArea", ""),
        )
        .await;
        assert_eq!(made.status, 200, "{}", made.text());
    }
    assert_eq!(
        names(&modules(&bench).await),
        ["PlateReader", "a", "b", "c"]
    );
    for (content, subcodes) in [
        (
            module("d", "ShieldArea", ""),
            ["Receiver", "Action", "TooManyModules"],
        ),
        (
            module("a", "ShieldArea", ""),
            ["Sender", "InvalidArgVal", "NameAlreadyExistent"],
        ),
        (
            module("r", "PlateReader", ""),
            ["Sender", "Action", "FixedModules"],
        ),
        (
            module("r", "Other", ""),
            ["Sender", "InvalidArgVal", "InvalidModule"],
        ),
    ] {
        let refused = on(&bench, "CreateAnalyticsModules", &content).await;
        assert_eq!(refused.fault(), subcodes, "{content}");
    }
    // SNAPRULE-1..3, SNAPRULE-13..18.
    let loops = [
        ("CaptureMode", "Mixed"),
        ("LoopPlan", "double_in2-snap_speed"),
        ("LoopInputs", "2,1"),
        ("Loop1", "None"),
        ("Loop2", "Rising"),
        ("LoopDistance", "250"),
        ("MaxVehiclePassTime", "9"),
    ];
    let items = loops.map(|(n, v)| format!(r#"<tt:SimpleItem Name="{n}" Value="{v}"/>"#));
    let content = module("PlateReader", "PlateReader", &items.concat());
    let done = on(&bench, "ModifyAnalyticsModules", &content).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let reader = modules(&bench).await.remove(0);
    for (name, told) in loops {
        assert_eq!(value(&reader, name), told, "{name}");
    }
    let stored = settings.get::<LprRecognition>().loops.clone();
    assert_eq!(
        (stored.distance.get(), stored.max_pass_seconds.get()),
        (250, 9)
    );
    assert_eq!(stored.inputs().collect::<Vec<_>>(), [1, 0]);
    assert_eq!(
        stored.rules().triggers,
        [lpr_core::LoopTrigger::None, lpr_core::LoopTrigger::Rising]
    );
    let never = r#"<tt:SimpleItem Name="Loop2" Value="None"/>"#;
    let refused = on(
        &bench,
        "ModifyAnalyticsModules",
        &module("PlateReader", "PlateReader", never),
    )
    .await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    // SNAPRULE-4, SNAPRULE-8, SNAPRULE-9, SNAPRULE-11, SCENE-4.
    let rules = [
        ("SnapshotQuantity", "2"),
        ("Unlicensed", "true"),
        ("FramesToOutputUnlicensed", "20"),
        ("Trajectory", "VehicleBody"),
        ("DetectionScene", "TailFirst"),
    ];
    let items = rules.map(|(n, v)| format!(r#"<tt:SimpleItem Name="{n}" Value="{v}"/>"#));
    let content = module("PlateReader", "PlateReader", &items.concat());
    let done = on(&bench, "ModifyAnalyticsModules", &content).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let reader = modules(&bench).await.remove(0);
    for (name, told) in rules {
        assert_eq!(value(&reader, name), told, "{name}");
    }
    let rate = r#"<tt:SimpleItem Name="AnalysisRate" Value="7"/>"#;
    let region = format!(
        r#"<tt:ElementItem Name="Region">{}</tt:ElementItem>"#,
        polygon(&QUAD[..3])
    );
    let both = format!(
        "{}{}",
        module("PlateReader", "PlateReader", rate),
        module("b", "ShieldArea", &region)
    );
    let done = on(&bench, "ModifyAnalyticsModules", &both).await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(settings.get::<LprRecognition>().analysis_rate.get(), 7);
    assert_eq!(settings.get::<LprAreas>().shield_areas[1].polygon.len(), 3);
    let delete = |n: &str| format!("<tan:AnalyticsModuleName>{n}</tan:AnalyticsModuleName>");
    let fixed = on(&bench, "DeleteAnalyticsModules", &delete("PlateReader")).await;
    assert_eq!(fixed.fault(), ["Sender", "Action", "FixedModules"]);
    let unknown = on(&bench, "DeleteAnalyticsModules", &delete("z")).await;
    assert_eq!(
        unknown.fault(),
        ["Sender", "InvalidArgVal", "NameNotExistent"]
    );
    assert_eq!(
        on(&bench, "DeleteAnalyticsModules", &delete("a"))
            .await
            .status,
        200
    );
    assert_eq!(names(&modules(&bench).await), ["PlateReader", "b", "c"]);
}

/// What both media services and the analytics service say of the one configuration.
async fn everywhere(bench: &Bench) -> (Vec<tt::Config>, Vec<tt::Config>) {
    let both = (modules(bench).await, rules(bench).await);
    let parts = |c: tt::VideoAnalyticsConfiguration| {
        (
            c.analytics_engine_configuration.analytics_module,
            c.rule_engine_configuration.rule,
        )
    };
    let one: trt::GetVideoAnalyticsConfigurationsResponse = bench
        .call(PATH, "<trt:GetVideoAnalyticsConfigurations/>", ADMIN)
        .await
        .read();
    let two: tr2::GetAnalyticsConfigurationsResponse = bench
        .call(PATH, "<tr2:GetAnalyticsConfigurations/>", ADMIN)
        .await
        .read();
    for mut all in [one.configurations, two.configurations] {
        assert_eq!(parts(all.remove(0)), both);
    }
    let profiles: tr2::GetProfilesResponse = bench
        .call(
            PATH,
            "<tr2:GetProfiles><tr2:Type>Analytics</tr2:Type></tr2:GetProfiles>",
            ADMIN,
        )
        .await
        .read();
    for profile in profiles.profiles {
        let set = profile.configurations.unwrap();
        assert_eq!(parts(*set.analytics.unwrap()), both, "{}", profile.token);
    }
    both
}

async fn set_whole(bench: &Bench, configuration: &str) -> common::Answer {
    let body = format!(
        "<trt:SetVideoAnalyticsConfiguration {TAN}>{configuration}<trt:ForcePersistence>true</trt:ForcePersistence></trt:SetVideoAnalyticsConfiguration>"
    );
    bench.call(PATH, &body, ADMIN).await
}

/// Media 1 writes modules and rules as a whole: what was read changes nothing, what is left out is gone, all or nothing
/// (MEDIA2-2-1-x for analytics, ANALYTICS-6-1-4: the same in all lists).
#[tokio::test]
async fn media_1_writes_the_whole_configuration() {
    let bench = Bench::new();
    let settings = &bench.test.device.settings;
    let before = everywhere(&bench).await;
    let read = bench
        .call(PATH, "<trt:GetVideoAnalyticsConfigurations/>", ADMIN)
        .await;
    let text = read.text();
    let configuration = &text[text.find("<trt:Configurations").unwrap()..];
    let configuration = configuration.split("</trt:GetVideo").next().unwrap();
    let configuration = configuration.replace("trt:Configurations", "trt:Configuration");
    let same = set_whole(&bench, &configuration).await;
    assert_eq!(same.status, 200, "{}", same.text());
    assert_eq!(everywhere(&bench).await, before);
    let whole = |modules: &str, rules: &str| {
        format!(
            r#"<trt:Configuration token="analytics_1"><tt:Name>n</tt:Name><tt:UseCount>1</tt:UseCount><tt:AnalyticsEngineConfiguration>{modules}</tt:AnalyticsEngineConfiguration><tt:RuleEngineConfiguration>{rules}</tt:RuleEngineConfiguration></trt:Configuration>"#
        )
    };
    let part = |what: &str, name: &str, kind: &str| {
        format!(r#"<tt:{what} Name="{name}" Type="{kind}"><tt:Parameters/></tt:{what}>"#)
    };
    let reader = part("AnalyticsModule", "PlateReader", "plt:PlateReader");
    let booth = part("AnalyticsModule", "Booth", "plt:ShieldArea");
    let motion = part("Rule", "Lane", "tt:MotionRegionDetector");
    let done = set_whole(&bench, &whole(&format!("{booth}{reader}"), &motion)).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let now = everywhere(&bench).await;
    assert_eq!(
        (names(&now.0), names(&now.1)),
        (vec!["PlateReader", "Booth"], vec!["Lane"])
    );
    assert!(
        !settings.get::<LprRecognition>().report,
        "the plate rule was left out"
    );
    for (content, subcodes) in [
        (
            whole(&booth, &motion),
            ["Sender", "InvalidArgVal", "ConfigModify"],
        ),
        (
            whole(&reader, &part("Rule", "x", "tt:FaceRecognition")),
            ["Sender", "InvalidArgVal", "ConfigModify"],
        ),
        (
            whole(&reader, "").replace("analytics_1", "other"),
            ["Sender", "InvalidArgVal", "NoConfig"],
        ),
    ] {
        assert_eq!(
            set_whole(&bench, &content).await.fault(),
            subcodes,
            "{content}"
        );
    }
    assert_eq!(everywhere(&bench).await, now, "all or nothing");
}

/// ANALYTICS-4-1-4, ANALYTICS-5-1-5: the sample holds a plate in the top left quarter.
#[tokio::test]
async fn the_sample_is_in_the_top_left_quarter() {
    let bench = Bench::new();
    let answer = call(&bench, "GetSupportedMetadata", "").await;
    let all: tan::GetSupportedMetadataResponse = answer.read();
    assert_eq!(all.analytics_module.len(), 2);
    let frame = &all.analytics_module[0].sample_frame;
    // A vehicle without a place, and its plate with one.
    let [vehicle, appearance] = [0, 1].map(|i| frame.object[i].appearance.as_ref().unwrap());
    assert!(vehicle.shape.is_none() && !vehicle.vehicle_info.is_empty());
    for object in [vehicle, appearance] {
        assert!(object.license_plate_info.is_some());
    }
    let b = &appearance.shape.as_ref().unwrap().bounding_box;
    assert!(b.left >= -1.0 && b.right <= 0.0 && b.bottom >= 0.0 && b.top <= 1.0);
    let one = call(
        &bench,
        "GetSupportedMetadata",
        "<tan:Type>plt:PlateReader</tan:Type>",
    )
    .await;
    let one: tan::GetSupportedMetadataResponse = one.read();
    assert_eq!(one.analytics_module.len(), 1);
    let none = call(
        &bench,
        "GetSupportedMetadata",
        "<tan:Type>plt:Nothing</tan:Type>",
    )
    .await;
    assert_eq!(none.fault(), ["Sender", "InvalidArgVal", "TypeNotExistent"]);
}

/// Who may not change settings may not change rules; nobody without a name reads them.
#[tokio::test]
async fn rules_need_the_rights_of_their_settings() {
    let bench = Bench::new();
    let body = format!("<tan:GetRules {TAN}>{TOKEN}</tan:GetRules>");
    assert_eq!(bench.call(PATH, &body, As::Nobody).await.status, 401);
    let wrong = As::Token("admin", "Wrong-2026-password");
    assert_ne!(bench.call(PATH, &body, wrong).await.status, 200);
    let right = As::Token("admin", PASSWORD);
    assert_eq!(bench.call(PATH, &body, right).await.status, 200);
    let other = format!(
        "<tan:GetRules {TAN}><tan:ConfigurationToken>x</tan:ConfigurationToken></tan:GetRules>"
    );
    let refused = bench.call(PATH, &other, right).await;
    assert_eq!(refused.fault(), ["Sender", "InvalidArgVal", "NoConfig"]);
}

/// Analytics §7.10: the rule of tracks is the section, whoever changes it.
#[tokio::test]
async fn the_rule_of_tracks_is_the_settings() {
    use platecam_model::settings::LprTracks;
    let bench = Bench::new();
    let settings = &bench.test.device.settings;
    let rule = |name: &str, kind: &str, items: &str| {
        format!(
            r#"<tan:Rule Name="{name}" Type="tt:{kind}"><tt:Parameters>{items}</tt:Parameters></tan:Rule>"#
        )
    };
    let tracks = |items: &str| rule("Passes", "ObjectTrackAggregation", items);
    let level = |n: &str| format!(r#"<tt:SimpleItem Name="ConfidenceLevel" Value="{n}"/>"#);
    let class = |c: &str| format!(r#"<tt:SimpleItem Name="ClassFilter" Value="{c}"/>"#);
    for (bad, subcode) in [
        (tracks(&level("1.5")), "InvalidRule"),
        (tracks(&class("LicensePlate Animal")), "InvalidRule"),
        (
            tracks(r#"<tt:SimpleItem Name="EarlyReport" Value="true"/>"#),
            "InvalidRule",
        ),
        (
            rule("Plates", "ObjectTrackAggregation", ""),
            "RuleAlreadyExistent",
        ),
    ] {
        let refused = on(&bench, "CreateRules", &bad).await;
        assert_eq!(
            refused.fault(),
            ["Sender", "InvalidArgVal", subcode],
            "{bad}"
        );
    }
    assert!(!settings.get::<LprTracks>().enabled);
    let made = on(&bench, "CreateRules", &tracks("")).await;
    assert_eq!(made.status, 200, "{}", made.text());
    assert_eq!(names(&rules(&bench).await), ["Plates", "Passes"]);
    assert_eq!(value(&rules(&bench).await[1], "ConfidenceLevel"), "0.5");
    let more = rule("More", "ObjectTrackAggregation", "");
    let more = on(&bench, "CreateRules", &more).await;
    assert_eq!(more.fault(), ["Receiver", "Action", "TooManyRules"]);
    let other = rule("Passes", "LicensePlateRecognition", "");
    let other = on(&bench, "ModifyRules", &other).await;
    assert_eq!(
        other.fault(),
        ["Receiver", "Action", "TypeChangeProhibited"]
    );
    let both = tracks(&(class("LicensePlate") + &level("0.7")));
    let done = on(&bench, "ModifyRules", &both).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let now = settings.get::<LprTracks>();
    assert_eq!((&*now.rule_name, now.min_confidence.get()), ("Passes", 70));
    let page = json!({"rule_name": "Tracks", "min_confidence": 20});
    settings
        .patch("lpr.tracks", &page, None, &Actor::system())
        .unwrap();
    assert_eq!(value(&rules(&bench).await[1], "ConfidenceLevel"), "0.2");
    let gone = on(&bench, "DeleteRules", "<tan:RuleName>Tracks</tan:RuleName>").await;
    assert_eq!(gone.status, 200, "{}", gone.text());
    assert!(!settings.get::<LprTracks>().enabled);
}

/// INTEL-6: the rule of our own is the section, whoever changes it.
#[tokio::test]
async fn the_rule_of_backing_is_the_settings() {
    use platecam_model::settings::LprIntelligence;
    let bench = Bench::new();
    let settings = &bench.test.device.settings;
    let rule = |name: &str, items: &str| {
        format!(
            r#"<tan:Rule xmlns:own="urn:platecam:onvif:analytics" Name="{name}" Type="own:BackingAndLeaving"><tt:Parameters>{items}</tt:Parameters></tan:Rule>"#
        )
    };
    let level = r#"<tt:SimpleItem Name="ConfidenceLevel" Value="1"/>"#;
    let refused = on(&bench, "CreateRules", &rule("U-turn", level)).await;
    assert_eq!(refused.fault(), ["Sender", "InvalidArgVal", "InvalidRule"]);
    assert!(!settings.get::<LprIntelligence>().backing);
    let made = on(&bench, "CreateRules", &rule("U-turn", "")).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let now = settings.get::<LprIntelligence>();
    assert_eq!((now.backing, &*now.rule_name), (true, "U-turn"));
    assert_eq!(names(&rules(&bench).await), ["Plates", "U-turn"]);
    let more = on(&bench, "CreateRules", &rule("More", "")).await;
    assert_eq!(more.fault(), ["Receiver", "Action", "TooManyRules"]);
    let gone = on(&bench, "DeleteRules", "<tan:RuleName>U-turn</tan:RuleName>").await;
    assert_eq!(gone.status, 200, "{}", gone.text());
    assert!(!settings.get::<LprIntelligence>().backing);
}
