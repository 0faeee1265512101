//! Multicast as the settings want it: which group each track has, and what is sent without viewers (MCAST-1..5).

use std::{net::IpAddr, sync::Arc, time::Duration};

use platecam_media::RtspSink;
use platecam_model::{
    Device,
    ports::StreamId,
    settings::{MulticastConfig, MulticastGroups, Settings, VideoSub},
};
use rtsp::{Group, Multicast, Server};

/// How often the machine's addresses are looked at.
const LOOK: Duration = Duration::from_secs(10);

/// Tracks of each stream.
const VIDEO: usize = 0;
const METADATA: usize = 1;
const AUDIO: usize = 2;

/// Groups of a stream's tracks: video, metadata, audio. Metadata and audio of the sub stream have ports of their own
/// behind those of the main stream.
pub(crate) fn groups(settings: &Settings, stream: StreamId) -> [Option<Group>; 3] {
    let all = MulticastGroups::of(settings);
    let (video, further) = match stream {
        StreamId::Main => (&all.main, 0),
        StreamId::Sub => (&all.sub, 2),
    };
    [
        group(video, 0),
        group(&all.metadata, further),
        group(&all.audio, further),
    ]
}

fn group(config: &MulticastConfig, further: u16) -> Option<Group> {
    let port = config.port.get().checked_add(further)?;
    Group::new(config.group()?, port, config.ttl.get()).ok()
}

/// What is sent all the time, and through which interface.
#[derive(PartialEq)]
struct Wanted {
    groups: MulticastGroups,
    sub: bool,
    /// A sender begins with the tracks that there are.
    audio: bool,
    via: Option<IpAddr>,
}

impl Wanted {
    fn of(device: &Device, settings: &Settings) -> Self {
        Self {
            groups: MulticastGroups::of(settings),
            sub: settings.get::<VideoSub>().enabled,
            audio: device.settings.audio_capabilities().present,
            via: interface(device),
        }
    }
}

/// The first address of a network that others are in: on a machine with several, the one the page TCP/IP shows first.
fn interface(device: &Device) -> Option<IpAddr> {
    let all = device.network.interfaces();
    let outside = all.iter().filter(|i| i.up && !i.loopback);
    outside
        .flat_map(|i| &i.addresses)
        .map(|(address, _)| *address)
        .find(IpAddr::is_ipv4)
}

/// Follows settings and addresses until the device is gone.
pub(crate) async fn follow(
    server: Arc<Server>,
    device: Device,
    main: Arc<RtspSink>,
    sub: Arc<RtspSink>,
) {
    let mut settings = device.settings.watch();
    let mut now: Option<Wanted> = None;
    let mut sending: Vec<Multicast> = Vec::new();
    loop {
        let current = settings.borrow_and_update().clone();
        let wanted = Wanted::of(&device, &current);
        if now.as_ref().is_none_or(|before| *before != wanted) {
            // The old ones end first: a track has one group.
            sending.clear();
            main.stream().set_groups(&groups(&current, StreamId::Main));
            sub.stream().set_groups(&groups(&current, StreamId::Sub));
            let streams = [
                (wanted.groups.main.enabled, &main, VIDEO),
                (wanted.groups.sub.enabled && wanted.sub, &sub, VIDEO),
                (wanted.groups.metadata.enabled, &main, METADATA),
                (wanted.groups.audio.enabled && wanted.audio, &main, AUDIO),
            ];
            for (_, sink, track) in streams.into_iter().filter(|(on, _, _)| *on) {
                sending.push(server.multicast(sink.stream(), track, wanted.via));
            }
            now = Some(wanted);
        }
        tokio::select! {
            changed = settings.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use platecam_model::{Actor, settings::MulticastMetadata, testing};

    use super::*;

    /// MCAST-1, 2: both streams have groups of their own, and no two tracks share one.
    #[test]
    fn every_track_has_a_group_of_its_own() {
        let t = testing::initialised();
        let all = |t: &testing::TestDevice| {
            let settings = t.device.settings.snapshot();
            [StreamId::Main, StreamId::Sub].map(|stream| groups(&settings, stream))
        };
        let [main, sub] = all(&t);
        let known: HashSet<_> = main.iter().chain(&sub).map(|g| g.unwrap()).collect();
        assert_eq!(known.len(), 6);
        t.device
            .settings
            .update::<MulticastMetadata>(&Actor::system(), |m| m.0.address = "224.0.0.0".into())
            .unwrap();
        assert!(
            all(&t)
                .iter()
                .all(|[video, metadata, _]| video.is_some() && metadata.is_none())
        );
    }
}
