//! Multicast over both media services (MCAST-1..4).

mod common;

use common::{ADMIN, Bench};
use onvif_contracts::tr2;
use platecam_model::{
    Actor,
    settings::{MulticastMain, MulticastMetadata, MulticastSub},
};

const DEVICE: &str = "/onvif/device_service";

const GET: &str = "<tr2:GetVideoEncoderConfigurations><tr2:ConfigurationToken>encoder_main</tr2:ConfigurationToken></tr2:GetVideoEncoderConfigurations>";

fn configuration(address: &str, port: i32, ttl: i32) -> String {
    let kind = if address.contains(':') {
        "IPv6"
    } else {
        "IPv4"
    };
    format!(
        "<tr2:SetVideoEncoderConfiguration><tr2:Configuration token=\"encoder_main\" GovLength=\"50\"><tt:Name>x</tt:Name><tt:UseCount>1</tt:UseCount><tt:Encoding>H264</tt:Encoding><tt:Resolution><tt:Width>1920</tt:Width><tt:Height>1080</tt:Height></tt:Resolution><tt:Multicast><tt:Address><tt:Type>{kind}</tt:Type><tt:{kind}Address>{address}</tt:{kind}Address></tt:Address><tt:Port>{port}</tt:Port><tt:TTL>{ttl}</tt:TTL><tt:AutoStart>true</tt:AutoStart></tt:Multicast><tt:Quality>4</tt:Quality></tr2:Configuration></tr2:SetVideoEncoderConfiguration>"
    )
}

/// What ONVIF sets is what the settings have, and the other way round; `AutoStart` is read only.
#[tokio::test]
async fn groups_are_set_with_the_encoder() {
    let bench = Bench::new();
    for (address, port) in [("225.1.2.3", 20_000), ("ff15::7", 20_002)] {
        let set = bench
            .call(DEVICE, &configuration(address, port, 9), ADMIN)
            .await;
        assert_eq!(set.status, 200, "{}", set.text());
        let main = bench.test.device.settings.get::<MulticastMain>().0.clone();
        assert_eq!(
            (main.address.as_str(), i32::from(main.port.get())),
            (address, port)
        );
        assert_eq!((main.ttl.get(), main.enabled), (9, false));
        let read: tr2::GetVideoEncoderConfigurationsResponse =
            bench.call(DEVICE, GET, ADMIN).await.read();
        let now = read.configurations[0].multicast.clone().unwrap();
        let shown = now.address.ipv4_address.or(now.address.ipv6_address);
        assert_eq!(
            (shown.as_deref(), now.port, now.ttl),
            (Some(address), port, 9)
        );
    }
    // Clients without a use for it leave it unset: nothing changes.
    for (address, port) in [("0.0.0.0", 0), ("::", 20_000), ("225.1.2.3", 0)] {
        let set = bench
            .call(DEVICE, &configuration(address, port, 1), ADMIN)
            .await;
        assert_eq!(set.status, 200, "{}", set.text());
        assert_eq!(
            bench.test.device.settings.get::<MulticastMain>().0.address,
            "ff15::7"
        );
    }
}

/// MCAST-3, 4: what is refused is named, and the encoder stays as it was.
#[tokio::test]
async fn a_group_out_of_bounds_is_refused_with_all_of_the_request() {
    let bench = Bench::new();
    for (address, port, ttl, named) in [
        ("239.0.0.1", 20_000, 1, "224.0.1.0 to 238.255.255.255"),
        ("192.0.2.9", 20_000, 1, "224.0.1.0 to 238.255.255.255"),
        ("224.2.200.2", 20_000, 1, "sub stream"),
        ("225.1.2.3", 20_001, 1, "even"),
        ("225.1.2.3", 80, 1, "1026"),
        ("225.1.2.3", 70_000, 1, "65534"),
        ("225.1.2.3", 20_000, 0, "TTL 0"),
        ("somewhere", 20_000, 1, "not an IP address"),
    ] {
        let body = configuration(address, port, ttl)
            .replace("1920", "1280")
            .replace("1080", "720");
        let refused = bench.call(DEVICE, &body, ADMIN).await;
        assert_eq!(
            refused.fault(),
            ["Sender", "InvalidArgVal", "ConfigModify"],
            "{named}"
        );
        assert!(
            refused.text().contains(named),
            "{named}: {}",
            refused.text()
        );
        let video = bench
            .test
            .device
            .settings
            .get::<platecam_model::settings::VideoMain>();
        assert_eq!(video.resolution.width(), 1920, "{named}");
    }
}

/// MCAST-1, 2: what a profile holds is switched, in one step.
#[tokio::test]
async fn streaming_is_started_and_stopped_by_profile() {
    let bench = Bench::new();
    let on = || {
        let settings = bench.test.device.settings.snapshot();
        [
            settings.get::<MulticastMain>().0.enabled,
            settings.get::<MulticastSub>().0.enabled,
            settings.get::<MulticastMetadata>().0.enabled,
        ]
    };
    for (operation, profile, now) in [
        ("trt:Start", "profile_main", [true, false, true]),
        ("tr2:Start", "profile_sub", [true, true, true]),
        ("tr2:Stop", "profile_main", [false, true, false]),
        ("trt:Stop", "profile_sub", [false, false, false]),
    ] {
        let prefix = &operation[..3];
        let body = format!(
            "<{operation}MulticastStreaming><{prefix}:ProfileToken>{profile}</{prefix}:ProfileToken></{operation}MulticastStreaming>"
        );
        let answer = bench.call(DEVICE, &body, ADMIN).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(on(), now, "{operation} {profile}");
    }
    let system = Actor::system();
    let settings = &bench.test.device.settings;
    settings
        .update::<MulticastMain>(&system, |m| m.0.address = "224.0.0.0".into())
        .unwrap();
    for body in [
        "<tr2:StartMulticastStreaming><tr2:ProfileToken>profile_main</tr2:ProfileToken></tr2:StartMulticastStreaming>",
        "<tr2:GetStreamUri><tr2:Protocol>RtspMulticast</tr2:Protocol><tr2:ProfileToken>profile_main</tr2:ProfileToken></tr2:GetStreamUri>",
    ] {
        let refused = bench.call(DEVICE, body, ADMIN).await;
        assert_eq!(
            refused.fault(),
            ["Sender", "InvalidArgVal", "InvalidMulticastSettings"]
        );
    }
    assert_eq!(on(), [false; 3], "all or nothing");
}
