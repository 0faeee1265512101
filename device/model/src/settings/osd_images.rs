//! Pictures of the unit's owner, such as a logo, that can be laid into the video.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Section;
use crate::{
    Permission,
    product::{Function, Need},
};

/// A PNG picture that was decoded once, so that it is known to be one; as text in Base64. Empty where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PngImage {
    file: Arc<[u8]>,
}

/// Pixels of a picture: red, green, blue and cover, each 0 to 255, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rgba {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// The pixels, `width * height` of them.
    pub pixels: Vec<[u8; 4]>,
}

impl PngImage {
    /// Most bytes of a file.
    pub const MAX_BYTES: usize = 32 * 1024;
    /// Most columns and most rows.
    pub const MAX_SIDE: u32 = 512;
    /// Most characters of its text.
    const MAX_TEXT: usize = Self::MAX_BYTES.div_ceil(3) * 4;

    /// Takes a file.
    ///
    /// # Errors
    /// A text that says what is wrong with it.
    pub fn new(file: &[u8]) -> Result<Self, String> {
        if file.is_empty() {
            return Ok(Self::default());
        }
        if file.len() > Self::MAX_BYTES {
            let most = Self::MAX_BYTES;
            return Err(format!("has {} bytes; at most {most}", file.len()));
        }
        decode(file)?;
        let file = file.into();
        Ok(Self { file })
    }

    /// Whether there is a picture.
    pub fn is_set(&self) -> bool {
        !self.file.is_empty()
    }

    /// Its pixels; `None` where there is no picture.
    pub fn pixels(&self) -> Option<Rgba> {
        decode(&self.file).ok()
    }
}

fn decode(file: &[u8]) -> Result<Rgba, String> {
    let unreadable = |e: png::DecodingError| format!("is not a readable PNG picture: {e}");
    let side = PngImage::MAX_SIDE;
    let limits = png::Limits {
        bytes: 16 * 1024 * 1024,
    };
    let mut decoder = png::Decoder::new_with_limits(std::io::Cursor::new(file), limits);
    let (width, height) = decoder.read_header_info().map_err(unreadable)?.size();
    if width > side || height > side {
        return Err(format!(
            "has {width}x{height} pixels; at most {side}x{side}"
        ));
    }
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(unreadable)?;
    // 512 x 512 pixels of four bytes at most.
    let size = reader.output_buffer_size().unwrap_or(0);
    let mut data = vec![0; size];
    let frame = reader.next_frame(&mut data).map_err(unreadable)?;
    let data = data.get(..frame.buffer_size()).unwrap_or_default();
    let pixel = |p: &[u8]| match *p {
        [grey] => [grey, grey, grey, 255],
        [grey, cover] => [grey, grey, grey, cover],
        [r, g, b] => [r, g, b, 255],
        [r, g, b, cover] => [r, g, b, cover],
        _ => [0; 4],
    };
    Ok(Rgba {
        width: width as usize,
        height: height as usize,
        pixels: data
            .chunks_exact(frame.color_type.samples())
            .map(pixel)
            .collect(),
    })
}

impl Serialize for PngImage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.file))
    }
}

impl<'de> Deserialize<'de> for PngImage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = serde::de::Error::custom::<String>;
        if text.len() > Self::MAX_TEXT {
            let (n, most) = (text.len() / 4 * 3, Self::MAX_BYTES);
            return Err(wrong(format!("has about {n} bytes; at most {most}")));
        }
        let file = STANDARD
            .decode(&text)
            .map_err(|e| wrong(format!("is not Base64: {e}")))?;
        Self::new(&file).map_err(wrong)
    }
}

impl JsonSchema for PngImage {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PngImage".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string", "maxLength": Self::MAX_TEXT, "contentEncoding": "base64", "contentMediaType": "image/png",
            "x-widget": "png",
        })
    }

    fn inline_schema() -> bool {
        true
    }
}

/// Which of the pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum ImageSlot {
    /// The first.
    #[serde(rename = "image_1")]
    Image1,
    /// The second.
    #[serde(rename = "image_2")]
    Image2,
}

impl ImageSlot {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Image1, Self::Image2];

    /// Its name in settings, ONVIF's image path.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Image1 => "image_1",
            Self::Image2 => "image_2",
        }
    }
}

/// Pictures for the overlay: PNG, at most 32 KiB and 512x512 pixels each. Where they lie says the section `video.osd`;
/// a picture that goes takes its places with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OsdImages {
    /// First picture.
    #[schemars(title = "Image 1")]
    pub image_1: PngImage,
    /// Second picture.
    #[schemars(title = "Image 2")]
    pub image_2: PngImage,
}

impl OsdImages {
    /// One of the pictures.
    pub const fn image(&self, slot: ImageSlot) -> &PngImage {
        match slot {
            ImageSlot::Image1 => &self.image_1,
            ImageSlot::Image2 => &self.image_2,
        }
    }

    /// The pictures that are there.
    pub fn set(&self) -> impl Iterator<Item = ImageSlot> + '_ {
        ImageSlot::ALL
            .into_iter()
            .filter(|slot| self.image(*slot).is_set())
    }
}

impl Section for OsdImages {
    const KEY: &'static str = "video.osd_images";
    const TITLE: &'static str = "Overlay Images";
    const PAGE: &'static str = "Setting/Video/Audio/Video/Overlay";
    const WRITE: Permission = Permission::VideoConfig;
    const NEEDS: Option<Need> = Some(Need::Function(Function::VideoTexts));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        Actor, Error,
        settings::{OsdImage, OsdPlace, VideoOsd},
        testing::{png, uninitialised},
    };

    fn text(file: &[u8]) -> String {
        STANDARD.encode(file)
    }

    #[test]
    fn pixels_are_those_of_the_file() {
        let red = PngImage::new(&png(3, 2, [255, 0, 0, 128])).unwrap();
        let pixels = red.pixels().unwrap();
        assert_eq!((pixels.width, pixels.height), (3, 2));
        assert_eq!(pixels.pixels, vec![[255, 0, 0, 128]; 6]);
        assert_eq!(PngImage::default().pixels(), None);
    }

    /// What a browser or a program could send.
    #[test]
    fn only_small_pictures_are_taken() {
        let t = uninitialised();
        let set = |text: &str| {
            let value = json!({ "image_1": text });
            let by = Actor::system();
            t.device
                .settings
                .patch("video.osd_images", &value, None, &by)
        };
        let good = png(512, 512, [0, 255, 0, 255]);
        set(&text(&good)).unwrap();
        let mut broken = good.clone();
        let middle = broken.len() / 2;
        broken[middle] ^= 0xff;
        for (what, bad) in [
            ("no Base64", "%".to_owned()),
            ("no PNG", text(b"GIF89a")),
            ("cut", text(&good[..good.len() / 2])),
            ("a changed byte", text(&broken)),
            ("too wide", text(&png(513, 1, [0; 4]))),
            ("too high", text(&png(1, 513, [0; 4]))),
            ("too long", "A".repeat(PngImage::MAX_TEXT + 4)),
        ] {
            let Err(Error::Invalid(found)) = set(&bad) else {
                panic!("{what} was taken");
            };
            assert_eq!(found.0[0].pointer, "/image_1", "{what}");
        }
        let kept = t.device.settings.get::<OsdImages>();
        assert_eq!(kept.image_1, PngImage::new(&good).unwrap());
        set("").unwrap();
        assert_eq!(t.device.settings.get::<OsdImages>().set().count(), 0);
    }

    /// A place needs its picture; with the picture the place goes, in the same step.
    #[test]
    fn places_follow_their_pictures() {
        let t = uninitialised();
        let by = Actor::system();
        let settings = &t.device.settings;
        let place = |slot: ImageSlot, token: &str| OsdImage {
            token: token.into(),
            image: slot,
            place: OsdPlace::LowerRight,
            ..OsdImage::default()
        };
        let put =
            |images: Vec<OsdImage>| settings.update(&by, |s: &mut VideoOsd| s.images = images);
        let wrong = |images: Vec<OsdImage>, pointer: &str| {
            let Err(Error::Invalid(found)) = put(images) else {
                panic!("{pointer} was taken");
            };
            assert_eq!(found.0[0].pointer, pointer);
        };
        let first = || place(ImageSlot::Image1, "logo");
        wrong(vec![first()], "/images/0/image");
        let file = PngImage::new(&png(8, 8, [9; 4])).unwrap();
        settings
            .update(&by, |s: &mut OsdImages| s.image_1 = file)
            .unwrap();
        wrong(vec![first(), first()], "/images/1/token");
        wrong(vec![place(ImageSlot::Image2, "x")], "/images/0/image");
        let many = (0..5).map(|i| place(ImageSlot::Image1, &i.to_string()));
        wrong(many.collect(), "/images");
        put(vec![first()]).unwrap();
        settings
            .update(&by, |s: &mut OsdImages| s.image_1 = PngImage::default())
            .unwrap();
        assert!(settings.get::<VideoOsd>().images.is_empty());
    }
}
