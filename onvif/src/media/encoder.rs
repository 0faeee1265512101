//! Encoder settings and ONVIF's encoder configurations, both ways (VIDEO-4..11).
//!
//! Bounds are those of the setting types and of what source and encoders can do; nothing is offered
//! that a `Set` would refuse.

use onvif_contracts::tt;
use onvif_xml::{Duration, List, soap::Fault};
use platecam_model::{
    Device, Error,
    ports::StreamId,
    settings::{
        BitRateType, Codec, DeviceGeneral, FrameRate, GopLength, H264Profile, Kbps, Patch, Quality,
        Resolution, Section, StreamConfig, VideoMain, VideoSub,
    },
};

use super::{encoder_token, multicast::Cast, profiles, streams};
use crate::{call::Answer, fault};

/// H.265 profile that our encoders produce.
const H265_PROFILE: &str = "Main";

/// Encoder settings of a stream; of the profiles of H.264 the one that comes out of the encoder.
pub(super) fn current(device: &Device, stream: StreamId) -> StreamConfig {
    let config = match stream {
        StreamId::Main => device.settings.get::<VideoMain>().stream(),
        StreamId::Sub => device.settings.get::<VideoSub>().stream(),
    };
    let offered = device.settings.video_capabilities().h264_profiles();
    StreamConfig {
        h264_profile: config.h264_profile.among(&offered),
        ..config
    }
}

/// The stream of an encoder configuration.
///
/// # Errors
/// `ter:NoConfig`.
pub(super) fn stream_of(device: &Device, token: &str) -> Answer<StreamId> {
    streams(device)
        .iter()
        .copied()
        .find(|s| encoder_token(*s) == token)
        .ok_or_else(|| fault::no_config(token))
}

/// Name shown for a configuration.
fn name(stream: StreamId) -> &'static str {
    match stream {
        StreamId::Main => "Main stream",
        StreamId::Sub => "Sub stream",
    }
}

/// ONVIF's name of a codec in Media 2.
pub(super) const fn encoding(codec: Codec) -> &'static str {
    match codec {
        Codec::H264 => "H264",
        Codec::H265 => "H265",
        Codec::Mjpeg => "JPEG",
    }
}

/// The profile of a configuration in Media 2.
fn profile(c: &StreamConfig) -> Option<String> {
    match c.codec {
        Codec::H264 => Some(c.h264_profile.name().into()),
        Codec::H265 => Some(H265_PROFILE.into()),
        Codec::Mjpeg => None,
    }
}

/// Profiles of a codec in Media 2, lowest first.
fn profiles_of(device: &Device, codec: Codec) -> Option<List<String>> {
    let names = match codec {
        Codec::H264 => h264_profiles(device),
        Codec::H265 => vec![H265_PROFILE],
        Codec::Mjpeg => return None,
    };
    Some(List(names.into_iter().map(Into::into).collect()))
}

/// Profiles that the encoder of H.264 makes, lowest first.
fn h264_profiles(device: &Device) -> Vec<&'static str> {
    let offered = device.settings.video_capabilities().h264_profiles();
    offered.into_iter().map(H264Profile::name).collect()
}

fn int(n: u32) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// The configuration in Media 1; `None` for H.265, which Media 1 cannot say (interop trap 9).
pub(super) fn media1(device: &Device, stream: StreamId) -> Option<tt::VideoEncoderConfiguration> {
    let (c, resolution) = (current(device, stream), told(device, stream));
    let (encoding, h264) = match c.codec {
        Codec::H264 => (
            tt::VideoEncoding::H264,
            Some(Box::new(tt::H264Configuration {
                gov_length: int(c.gop_length.get()),
                h264_profile: c.h264_profile.name().into(),
            })),
        ),
        Codec::Mjpeg => (tt::VideoEncoding::Jpeg, None),
        Codec::H265 => return None,
    };
    Some(tt::VideoEncoderConfiguration {
        name: name(stream).into(),
        use_count: profiles::uses(device, |p| p.encoder == Some(stream)),
        token: encoder_token(stream).into(),
        encoding,
        resolution: tt::VideoResolution {
            width: int(resolution.width()),
            height: int(resolution.height()),
        },
        quality: f32::from(c.quality.get()),
        rate_control: Some(Box::new(tt::VideoRateControl {
            frame_rate_limit: int(c.frame_rate.get()),
            encoding_interval: 1,
            bitrate_limit: int(c.bit_rate.get()),
        })),
        mpeg4: None,
        h264,
        multicast: Cast::Video(stream).configuration(device),
        session_timeout: Duration::from_secs(60),
        guaranteed_frame_rate: None,
    })
}

/// The configuration in Media 2.
pub(super) fn media2(device: &Device, stream: StreamId) -> tt::VideoEncoder2Configuration {
    let (c, resolution) = (current(device, stream), told(device, stream));
    let gop = (c.codec != Codec::Mjpeg).then(|| int(c.gop_length.get()));
    tt::VideoEncoder2Configuration {
        name: name(stream).into(),
        use_count: profiles::uses(device, |p| p.encoder == Some(stream)),
        token: encoder_token(stream).into(),
        encoding: encoding(c.codec).into(),
        resolution: tt::VideoResolution2 {
            width: int(resolution.width()),
            height: int(resolution.height()),
        },
        rate_control: Some(Box::new(tt::VideoRateControl2 {
            frame_rate_limit: c.frame_rate.get() as f32,
            bitrate_limit: int(c.bit_rate.get()),
            constant_bit_rate: Some(c.bit_rate_type == BitRateType::Cbr),
            ..Default::default()
        })),
        multicast: Some(Box::new(Cast::Video(stream).configuration(device))),
        quality: f32::from(c.quality.get()),
        gov_length: gop,
        profile: profile(&c),
        signed: signs(device).then_some(c.signed && c.codec != Codec::Mjpeg),
        ..Default::default()
    }
}

/// Whether streams can be signed (Media Signing).
fn signs(device: &Device) -> bool {
    !device.watermark.chain().is_empty()
}

/// Resolutions that a `Set` of this stream would accept now: they fit the source, and sub is never
/// larger than main (VIDEO-6).
fn resolutions(device: &Device, stream: StreamId) -> Vec<Resolution> {
    let main = device.settings.get::<VideoMain>().resolution;
    let sub = device.settings.get::<VideoSub>();
    let ordered = |r: &Resolution| match stream {
        StreamId::Main => !sub.enabled || sub.resolution.fits_in(r.width(), r.height()),
        StreamId::Sub => r.fits_in(main.width(), main.height()),
    };
    let mut all = device.settings.video_capabilities().resolutions();
    all.retain(ordered);
    if all.is_empty() {
        // A source smaller than all of them: what is set stays, and is encoded in the source's size.
        all.push(match stream {
            StreamId::Main => main,
            StreamId::Sub => sub.resolution,
        });
    }
    all
}

/// The resolution that is told: of one above the source, which is encoded in its size, the largest that fits.
fn told(device: &Device, stream: StreamId) -> Resolution {
    let set = current(device, stream).resolution;
    let offered = resolutions(device, stream);
    let area = |r: &&Resolution| r.width() * r.height();
    let largest = offered.iter().max_by_key(area).copied();
    largest.filter(|_| !offered.contains(&set)).unwrap_or(set)
}

/// What is to be stored: who writes back what was told in place of a size above the source leaves that one.
fn stored(device: &Device, stream: StreamId, wanted: &Wanted) -> Answer<StreamConfig> {
    let now = current(device, stream);
    let set = now.resolution;
    let mut config = wanted.apply(now)?;
    if config.resolution == told(device, stream) {
        config.resolution = set;
    }
    Ok(config)
}

/// Resolutions of any of the streams, without repetition, largest first.
fn resolutions_of(device: &Device, streams: &[StreamId]) -> Vec<Resolution> {
    Resolution::ALL
        .into_iter()
        .filter(|r| streams.iter().any(|s| resolutions(device, *s).contains(r)))
        .collect()
}

/// The highest frame rate of the video standard in use (SYS-3).
fn max_frame_rate(device: &Device) -> u32 {
    let general = device.settings.get::<DeviceGeneral>();
    general.video_standard.max_frame_rate().get()
}

fn range(min: u32, max: u32) -> tt::IntRange {
    tt::IntRange {
        min: int(min),
        max: int(max),
    }
}

/// Options in Media 1.
pub(super) fn media1_options(
    device: &Device,
    streams: &[StreamId],
) -> tt::VideoEncoderConfigurationOptions {
    let codecs = device.settings.video_capabilities().codecs();
    let sizes: Vec<_> = resolutions_of(device, streams)
        .iter()
        .map(|r| tt::VideoResolution {
            width: int(r.width()),
            height: int(r.height()),
        })
        .collect();
    let rates = range(FrameRate::MIN, max_frame_rate(device));
    let gops = range(GopLength::MIN, GopLength::MAX);
    let bits = range(Kbps::MIN, Kbps::MAX);
    let h264_profiles: Vec<_> = h264_profiles(device)
        .into_iter()
        .map(tt::H264Profile::from)
        .collect();
    let jpeg = codecs.contains(&Codec::Mjpeg);
    let h264 = codecs.contains(&Codec::H264);
    tt::VideoEncoderConfigurationOptions {
        quality_range: range(u32::from(Quality::MIN), u32::from(Quality::MAX)),
        jpeg: jpeg.then(|| {
            Box::new(tt::JpegOptions {
                resolutions_available: sizes.clone(),
                frame_rate_range: rates.clone(),
                encoding_interval_range: range(1, 1),
            })
        }),
        mpeg4: None,
        h264: h264.then(|| {
            Box::new(tt::H264Options {
                resolutions_available: sizes.clone(),
                gov_length_range: gops.clone(),
                frame_rate_range: rates.clone(),
                encoding_interval_range: range(1, 1),
                h264_profiles_supported: h264_profiles.clone(),
            })
        }),
        extension: Some(Box::new(tt::VideoEncoderOptionsExtension {
            jpeg: jpeg.then(|| {
                Box::new(tt::JpegOptions2 {
                    resolutions_available: sizes.clone(),
                    frame_rate_range: rates.clone(),
                    encoding_interval_range: range(1, 1),
                    bitrate_range: bits.clone(),
                })
            }),
            h264: h264.then(|| {
                Box::new(tt::H264Options2 {
                    resolutions_available: sizes.clone(),
                    gov_length_range: gops,
                    frame_rate_range: rates,
                    encoding_interval_range: range(1, 1),
                    h264_profiles_supported: h264_profiles,
                    bitrate_range: bits,
                })
            }),
            ..Default::default()
        })),
        guaranteed_frame_rate_supported: Some(false),
    }
}

/// Options in Media 2, one entry a codec.
pub(super) fn media2_options(
    device: &Device,
    streams: &[StreamId],
) -> Vec<tt::VideoEncoder2ConfigurationOptions> {
    let sizes: Vec<_> = resolutions_of(device, streams)
        .iter()
        .map(|r| tt::VideoResolution2 {
            width: int(r.width()),
            height: int(r.height()),
        })
        .collect();
    let option = |codec: Codec| tt::VideoEncoder2ConfigurationOptions {
        encoding: encoding(codec).into(),
        quality_range: tt::FloatRange {
            min: f32::from(Quality::MIN),
            max: f32::from(Quality::MAX),
        },
        resolutions_available: sizes.clone(),
        bitrate_range: range(Kbps::MIN, Kbps::MAX),
        gov_length_range: (codec != Codec::Mjpeg)
            .then(|| List(vec![int(GopLength::MIN), int(GopLength::MAX)])),
        frame_rates_supported: Some(List(
            (FrameRate::MIN..=max_frame_rate(device))
                .rev()
                .map(|n| n as f32)
                .collect(),
        )),
        profiles_supported: profiles_of(device, codec),
        constant_bit_rate_supported: Some(true),
        guaranteed_frame_rate_supported: Some(false),
        ..Default::default()
    };
    let codecs = device.settings.video_capabilities().codecs();
    codecs.into_iter().map(option).collect()
}

/// What a client wants of an encoder, from either version.
#[derive(Debug)]
pub(super) struct Wanted {
    encoding: String,
    size: (i32, i32),
    quality: f32,
    frame_rate: Option<f32>,
    bit_rate: Option<i32>,
    constant: Option<bool>,
    gop: Option<i32>,
    profile: Option<String>,
    multicast: Option<tt::MulticastConfiguration>,
    signed: Option<bool>,
}

impl From<tt::VideoEncoderConfiguration> for Wanted {
    fn from(c: tt::VideoEncoderConfiguration) -> Self {
        let rate = c.rate_control.as_deref();
        Self {
            encoding: c.encoding.as_str().to_owned(),
            size: (c.resolution.width, c.resolution.height),
            quality: c.quality,
            frame_rate: rate.map(|r| r.frame_rate_limit as f32),
            bit_rate: rate.map(|r| r.bitrate_limit),
            constant: None,
            gop: c.h264.as_deref().map(|h| h.gov_length),
            profile: c
                .h264
                .as_deref()
                .map(|h| h.h264_profile.as_str().to_owned()),
            multicast: Some(c.multicast),
            signed: None,
        }
    }
}

impl From<tt::VideoEncoder2Configuration> for Wanted {
    fn from(c: tt::VideoEncoder2Configuration) -> Self {
        let rate = c.rate_control.as_deref();
        Self {
            size: (c.resolution.width, c.resolution.height),
            quality: c.quality,
            frame_rate: rate.map(|r| r.frame_rate_limit),
            bit_rate: rate.map(|r| r.bitrate_limit),
            constant: rate.and_then(|r| r.constant_bit_rate),
            gop: c.gov_length,
            profile: c.profile.clone(),
            multicast: c.multicast.as_deref().cloned(),
            signed: c.signed,
            encoding: c.encoding,
        }
    }
}

/// A value that the encoder cannot take.
fn refused(what: &str, value: impl std::fmt::Display, why: impl std::fmt::Display) -> Fault {
    Fault::sender(
        &["InvalidArgVal", "ConfigModify"],
        format!("{what} {value}: {why}"),
    )
}

impl Wanted {
    /// The settings; what is not said keeps its value.
    ///
    /// # Errors
    /// `ter:ConfigModify` naming the value and its bounds.
    pub(super) fn apply(&self, to: StreamConfig) -> Answer<StreamConfig> {
        let codec = match self.encoding.as_str() {
            "H264" => Codec::H264,
            "H265" => Codec::H265,
            "JPEG" => Codec::Mjpeg,
            other => {
                return Err(refused(
                    "Encoding",
                    fault::shortened(other),
                    "must be H264, H265 or JPEG",
                ));
            }
        };
        let h264_profile = match (codec, &self.profile) {
            (Codec::H264, Some(wanted)) => h264_profile(wanted)?,
            (Codec::H265, Some(wanted)) if wanted != H265_PROFILE => {
                let why = format!("only {H265_PROFILE} is offered for H265");
                return Err(refused("Profile", fault::shortened(wanted), why));
            }
            _ => to.h264_profile,
        };
        let (w, h) = self.size;
        let resolution = u32::try_from(w)
            .ok()
            .zip(u32::try_from(h).ok())
            .and_then(|(w, h)| Resolution::find(w, h))
            .ok_or_else(|| refused("Resolution", format!("{w}x{h}"), "is not offered"))?;
        Ok(StreamConfig {
            codec,
            h264_profile,
            resolution,
            quality: whole("Quality", Some(self.quality), to.quality)?,
            frame_rate: whole("FrameRateLimit", self.frame_rate, to.frame_rate)?,
            bit_rate: number("BitrateLimit", self.bit_rate.map(i64::from), to.bit_rate)?,
            bit_rate_type: match self.constant {
                Some(true) => BitRateType::Cbr,
                Some(false) => BitRateType::Vbr,
                None => to.bit_rate_type,
            },
            gop_length: number("GovLength", self.gop.map(i64::from), to.gop_length)?,
            // Motion JPEG cannot be signed; the setting waits for the next codec that can.
            signed: match codec {
                Codec::Mjpeg => to.signed,
                Codec::H264 | Codec::H265 => self.signed.unwrap_or(to.signed),
            },
        })
    }
}

/// A profile of H.264 by its name; whether the encoder makes it is the setting's own check.
fn h264_profile(name: &str) -> Answer<H264Profile> {
    let found = H264Profile::ALL.into_iter().find(|p| p.name() == name);
    found.ok_or_else(|| {
        let all = H264Profile::ALL.map(H264Profile::name).join(", ");
        refused(
            "Profile",
            fault::shortened(name),
            format!("must be one of {all}"),
        )
    })
}

fn number<T: TryFrom<i64, Error = String>>(what: &str, n: Option<i64>, old: T) -> Answer<T> {
    match n {
        Some(n) => T::try_from(n).map_err(|why| refused(what, n, why)),
        None => Ok(old),
    }
}

fn whole<T: TryFrom<i64, Error = String>>(what: &str, n: Option<f32>, old: T) -> Answer<T> {
    match n {
        Some(n) if !n.is_finite() => Err(refused(what, n, "is not a number")),
        // Saturates far outside every bound.
        Some(n) => number(what, Some(n.round() as i64), old),
        None => Ok(old),
    }
}

/// A section as `change` makes it.
pub(super) fn changed<S: Section>(device: &Device, change: impl FnOnce(&mut S)) -> Answer<Patch> {
    let mut section = (*device.settings.get::<S>()).clone();
    change(&mut section);
    let value = serde_json::to_value(&section).map_err(|e| fault::of(Error::internal(e)))?;
    Ok(Patch {
        key: S::KEY.into(),
        value,
        if_revision: None,
    })
}

/// Puts the wanted values into effect, live.
///
/// # Errors
/// `ter:ConfigModify`, or `ter:NotAuthorized` without the permission.
pub(super) fn set(call: &crate::call::Call<'_>, stream: StreamId, wanted: &Wanted) -> Answer<()> {
    let device = call.device();
    let config = stored(device, stream, wanted)?;
    let video = match stream {
        StreamId::Main => changed::<VideoMain>(device, |s| s.set_stream(config)),
        StreamId::Sub => changed::<VideoSub>(device, |s| s.set_stream(config)),
    }?;
    let group = match &wanted.multicast {
        Some(wanted) => Cast::Video(stream).patch(device, wanted)?,
        None => None,
    };
    let patches: Vec<_> = std::iter::once(video).chain(group).collect();
    let done = device.settings.apply(&patches, call.actor);
    let own = fault::Subcodes {
        invalid: "ConfigModify",
        ..Default::default()
    };
    done.map_err(|e| fault::of_operation(e, own))?;
    Ok(())
}

#[cfg(test)]
mod tests;
