/// A PNG file of one colour: red, green, blue and cover.
///
/// # Panics
/// Never: it is written to memory.
#[must_use]
#[allow(clippy::unwrap_used, reason = "writing to memory does not fail")]
pub fn png(width: u32, height: u32, color: [u8; 4]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().unwrap();
    let pixels = color.repeat((width * height) as usize);
    writer.write_image_data(&pixels).unwrap();
    writer.finish().unwrap();
    file
}
