//! Multicast of encoder and metadata configurations (MCAST-1..5).

use std::net::IpAddr;

use onvif_contracts::tt;
use onvif_xml::soap::Fault;
use platecam_model::{
    Device,
    ports::StreamId,
    settings::{
        MulticastAudio, MulticastConfig, MulticastMain, MulticastMetadata, MulticastPort,
        MulticastSub, MulticastTtl, Patch, Section,
    },
};
use serde_json::json;

use super::{
    StreamTarget,
    audio::{self, AUDIO_ENCODER},
    configurations as shared, encoder_token, profiles,
};
use crate::{
    call::{Answer, Call},
    fault::{self, Subcodes},
};

/// What goes to a group of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cast {
    Video(StreamId),
    Metadata,
    Audio,
}

impl Cast {
    const fn key(self) -> &'static str {
        match self {
            Cast::Video(StreamId::Main) => MulticastMain::KEY,
            Cast::Video(StreamId::Sub) => MulticastSub::KEY,
            Cast::Metadata => MulticastMetadata::KEY,
            Cast::Audio => MulticastAudio::KEY,
        }
    }

    fn settings(self, device: &Device) -> MulticastConfig {
        match self {
            Cast::Video(StreamId::Main) => device.settings.get::<MulticastMain>().0.clone(),
            Cast::Video(StreamId::Sub) => device.settings.get::<MulticastSub>().0.clone(),
            Cast::Metadata => device.settings.get::<MulticastMetadata>().0.clone(),
            Cast::Audio => device.settings.get::<MulticastAudio>().0.clone(),
        }
    }

    /// As a configuration says it. `AutoStart` is what Start and StopMulticastStreaming switch.
    pub(super) fn configuration(self, device: &Device) -> tt::MulticastConfiguration {
        let settings = self.settings(device);
        let v6 = settings.address.contains(':');
        let text = Some(settings.address);
        tt::MulticastConfiguration {
            address: tt::IPAddress {
                r#type: if v6 {
                    tt::IPType::IPv6
                } else {
                    tt::IPType::IPv4
                },
                ipv6_address: text.clone().filter(|_| v6),
                ipv4_address: text.filter(|_| !v6),
            },
            port: i32::from(settings.port.get()),
            ttl: i32::from(settings.ttl.get()),
            auto_start: settings.enabled,
        }
    }

    /// The change that a client wants, if it wants one. Clients that do not care for multicast send the unspecified
    /// address or port 0. `AutoStart` cannot be set this way.
    ///
    /// # Errors
    /// `ter:ConfigModify` naming the value and its bounds.
    pub(super) fn patch(
        self,
        device: &Device,
        wanted: &tt::MulticastConfiguration,
    ) -> Answer<Option<Patch>> {
        let text = match wanted.address.r#type {
            tt::IPType::IPv6 => &wanted.address.ipv6_address,
            _ => &wanted.address.ipv4_address,
        };
        let text = text.as_deref().unwrap_or("").trim();
        let address = text.parse::<IpAddr>().ok();
        if text.is_empty() || wanted.port == 0 || address.is_some_and(|a| a.is_unspecified()) {
            return Ok(None);
        }
        let refused = |what: &str, why: String| {
            Fault::sender(
                &["InvalidArgVal", "ConfigModify"],
                format!("Multicast {what}: {why}"),
            )
        };
        let address = address.ok_or_else(|| {
            let what = format!("Address {}", fault::shortened(text));
            refused(&what, "is not an IP address".into())
        })?;
        let port = MulticastPort::try_from(i64::from(wanted.port))
            .map_err(|why| refused(&format!("Port {}", wanted.port), why))?;
        let ttl = MulticastTtl::try_from(i64::from(wanted.ttl))
            .map_err(|why| refused(&format!("TTL {}", wanted.ttl), why))?;
        let now = self.settings(device);
        let new = MulticastConfig {
            address: address.to_string(),
            port,
            ttl,
            ..now.clone()
        };
        let value = json!({"address": new.address, "port": new.port, "ttl": new.ttl});
        Ok((new != now).then(|| Patch {
            key: self.key().into(),
            value,
            if_revision: None,
        }))
    }
}

/// `StartMulticastStreaming` and `StopMulticastStreaming` of both media services: what the profile holds is sent, or
/// no longer, also after a restart.
///
/// # Errors
/// `ter:NoProfile`, `ter:IncompleteConfiguration`, `ter:InvalidMulticastSettings` where no group is set.
pub(super) fn switch(call: &Call<'_>, profile: &str, on: bool) -> Answer<()> {
    let profile = profiles::find(call.device(), profile)?;
    let mut casts: Vec<Cast> = profile.encoder.map(Cast::Video).into_iter().collect();
    if profile.metadata {
        casts.push(Cast::Metadata);
    }
    if profile.has_sound() && audio::is_present(call.device()) {
        casts.push(Cast::Audio);
    }
    if casts.is_empty() {
        return Err(Fault::receiver(
            &["Action", "IncompleteConfiguration"],
            "the profile has neither an encoder nor metadata",
        ));
    }
    let patch = |cast: &Cast| Patch {
        key: cast.key().into(),
        value: json!({"enabled": on}),
        if_revision: None,
    };
    let patches: Vec<_> = casts.iter().map(patch).collect();
    let done = call.device().settings.apply(&patches, call.actor);
    let own = Subcodes {
        invalid: "InvalidMulticastSettings",
        ..Subcodes::default()
    };
    done.map(drop).map_err(|e| fault::of_operation(e, own))
}

/// Address of a stream for players that are to use multicast.
///
/// # Errors
/// `ter:InvalidMulticastSettings` while no group is set for its video, or its sound where that is alone.
pub(super) fn uri(call: &Call<'_>, mut target: StreamTarget) -> Answer<String> {
    let (cast, encoder) = if target.video {
        (Cast::Video(target.stream), encoder_token(target.stream))
    } else {
        (Cast::Audio, AUDIO_ENCODER)
    };
    if cast.settings(call.device()).group().is_none() {
        return Err(Fault::sender(
            &["InvalidArgVal", "InvalidMulticastSettings"],
            format!("{encoder} has no multicast address: set one in its configuration"),
        ));
    }
    target.multicast = true;
    Ok(shared::stream_uri(call, target))
}
