//! JPEG over RTP (RFC 2435): baseline, 4:2:2 or 4:2:0, quantisation tables in band (Q = 255).

mod huffman;

use super::{FrameBuilder, MAX_PAYLOAD};
use crate::error::MediaError;

/// Largest size that fits the header's byte of 8-pixel blocks.
const MAX_SIDE: u16 = 2040;

/// What RFC 2435 needs of a picture.
#[derive(Debug)]
struct Picture<'a> {
    width: u16,
    height: u16,
    /// 0 is 4:2:2, 1 is 4:2:0 (RFC 2435 §4.1).
    kind: u8,
    /// Luma and chroma tables in zigzag order, as in the file.
    luma: &'a [u8],
    chroma: &'a [u8],
    restart: u16,
    /// Entropy-coded data, without the end marker.
    scan: &'a [u8],
}

/// Packetises one picture and gives its size in pixels.
///
/// A side above 2040 pixels does not fit the header: both are then sent as 0 and the SDP says the size
/// (`a=x-dimensions`, as GStreamer does).
pub(super) fn packetize(data: &[u8], out: &mut FrameBuilder) -> Result<(u16, u16), MediaError> {
    let picture = parse(data)?;
    let large = picture.width > MAX_SIDE || picture.height > MAX_SIDE;
    let blocks = |side: u16| if large { 0 } else { side.div_ceil(8) as u8 };
    let (width, height) = (blocks(picture.width), blocks(picture.height));
    let restart = picture.restart.to_be_bytes();
    let restart_header: &[u8] = if picture.restart > 0 {
        &[restart[0], restart[1], 0xff, 0xff]
    } else {
        &[]
    };
    let kind = if picture.restart > 0 {
        picture.kind + 64
    } else {
        picture.kind
    };

    let mut offset = 0usize;
    loop {
        let at = (offset as u32).to_be_bytes();
        let main = [0, at[1], at[2], at[3], kind, 255, width, height];
        let tables: &[&[u8]] = if offset == 0 {
            &[&[0, 0, 0, 128], picture.luma, picture.chroma]
        } else {
            &[]
        };
        let used =
            main.len() + restart_header.len() + tables.iter().map(|part| part.len()).sum::<usize>();
        let take = (picture.scan.len() - offset).min(MAX_PAYLOAD - used);
        let mut parts: Vec<&[u8]> = vec![&main, restart_header];
        parts.extend(tables);
        parts.push(&picture.scan[offset..offset + take]);
        out.push(&parts);
        offset += take;
        if offset >= picture.scan.len() {
            return Ok((picture.width, picture.height));
        }
    }
}

fn refuse(reason: impl Into<String>) -> MediaError {
    MediaError::Jpeg {
        reason: reason.into(),
    }
}

/// Reads the headers up to the scan. ITU-T T.81 Annex B.
fn parse(data: &[u8]) -> Result<Picture<'_>, MediaError> {
    if !data.starts_with(&[0xff, 0xd8]) {
        return Err(refuse("no SOI marker at the start"));
    }
    let mut tables: [Option<&[u8]>; 4] = [None; 4];
    let mut frame: Option<Frame> = None;
    let mut restart = 0u16;
    let mut at = 2usize;
    loop {
        let (marker, body, next) = segment(data, at)?;
        match marker {
            0xdb => read_quantisation(body, &mut tables)?,
            0xc0 => frame = Some(Frame::read(body)?),
            0xc1..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                return Err(refuse(format!(
                    "coding process of marker ff{marker:02x}, only baseline (ffc0) can"
                )));
            }
            0xc4 => check_huffman(body)?,
            0xdd if body.len() >= 2 => restart = u16::from_be_bytes([body[0], body[1]]),
            0xda => {
                let frame =
                    frame.ok_or_else(|| refuse("the scan comes before the frame header"))?;
                let table = |index: u8| {
                    tables[usize::from(index)]
                        .ok_or_else(|| refuse(format!("quantisation table {index} is missing")))
                };
                let scan = &data[next..];
                let scan = scan.strip_suffix(&[0xff, 0xd9]).unwrap_or(scan);
                if scan.is_empty() {
                    return Err(refuse("no picture data after the scan header"));
                }
                return Ok(Picture {
                    width: frame.width,
                    height: frame.height,
                    kind: frame.kind,
                    luma: table(frame.luma)?,
                    chroma: table(frame.chroma)?,
                    restart,
                    scan,
                });
            }
            _ => {}
        }
        at = next;
    }
}

/// Marker, body and end of the segment at `at`; fill bytes before it are skipped.
fn segment(data: &[u8], mut at: usize) -> Result<(u8, &[u8], usize), MediaError> {
    let short = || refuse("the headers end early");
    while data.get(at) == Some(&0xff) && data.get(at + 1) == Some(&0xff) {
        at += 1;
    }
    let head = data.get(at..at + 4).ok_or_else(short)?;
    if head[0] != 0xff {
        return Err(refuse(format!(
            "byte {:02x} where a marker should be",
            head[0]
        )));
    }
    let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
    let end = at + 2 + len;
    let body = data.get(at + 4..end.max(at + 4)).ok_or_else(short)?;
    if len < 2 {
        return Err(refuse(format!("segment length {len}, at least 2")));
    }
    Ok((head[1], body, end))
}

fn read_quantisation<'a>(
    mut body: &'a [u8],
    tables: &mut [Option<&'a [u8]>; 4],
) -> Result<(), MediaError> {
    while let Some((&head, rest)) = body.split_first() {
        if head >> 4 != 0 {
            return Err(refuse("16-bit quantisation table, only 8-bit ones can"));
        }
        let table = rest
            .get(..64)
            .ok_or_else(|| refuse("quantisation table shorter than 64 bytes"))?;
        tables[usize::from(head & 3)] = Some(table);
        body = &rest[64..];
    }
    Ok(())
}

fn check_huffman(mut body: &[u8]) -> Result<(), MediaError> {
    while let Some((&head, rest)) = body.split_first() {
        let expect: &[u8] = match head {
            0x00 => &huffman::LUMA_DC,
            0x01 => &huffman::CHROMA_DC,
            0x10 => &huffman::LUMA_AC,
            0x11 => &huffman::CHROMA_AC,
            _ => {
                return Err(refuse(format!(
                    "Huffman table {head:02x}, only 00, 01, 10 and 11 can"
                )));
            }
        };
        body = rest
            .strip_prefix(expect)
            .ok_or_else(|| refuse("optimised Huffman tables, only the standard ones can"))?;
    }
    Ok(())
}

/// What the frame header says.
struct Frame {
    width: u16,
    height: u16,
    kind: u8,
    luma: u8,
    chroma: u8,
}

impl Frame {
    fn read(body: &[u8]) -> Result<Frame, MediaError> {
        let &[
            precision,
            h1,
            h0,
            w1,
            w0,
            3,
            _,
            y,
            yq,
            _,
            cb,
            cbq,
            _,
            cr,
            crq,
            ..,
        ] = body
        else {
            return Err(refuse("not three components"));
        };
        let kind = match (y, cb, cr) {
            (0x21, 0x11, 0x11) => 0,
            (0x22, 0x11, 0x11) => 1,
            _ => {
                return Err(refuse(format!(
                    "sampling {y:02x} {cb:02x} {cr:02x}, only 4:2:2 and 4:2:0 can"
                )));
            }
        };
        let (width, height) = (u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0]));
        if precision != 8 || width == 0 || height == 0 || yq > 3 || cbq > 3 || cbq != crq {
            return Err(refuse(format!(
                "{width}x{height} at {precision} bits, tables {yq} {cbq} {crq}"
            )));
        }
        Ok(Frame {
            width,
            height,
            kind,
            luma: yq,
            chroma: cbq,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PICTURE: &[u8] = include_bytes!("../testdata/frame_160x120.jpg");

    #[test]
    fn reads_a_picture() {
        let picture = parse(PICTURE).unwrap();
        assert_eq!(
            (picture.width, picture.height, picture.kind, picture.restart),
            (160, 120, 1, 0)
        );
        assert_ne!(picture.luma, picture.chroma);
    }

    #[test]
    fn refuses_with_the_reason() {
        let check = |data: Vec<u8>, expect: &str| {
            let error = parse(&data).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        };
        let changed = |find: &[u8], change: &dyn Fn(&mut [u8])| {
            let mut data = PICTURE.to_vec();
            let at = data
                .windows(find.len())
                .position(|window| window == find)
                .unwrap();
            change(&mut data[at..]);
            data
        };
        check(vec![], "SOI");
        check(vec![0xff, 0xd8], "end early");
        check(PICTURE[..200].to_vec(), "end early");
        check(changed(&[0xff, 0xc0], &|at| at[1] = 0xc2), "ffc2");
        check(changed(&[0xff, 0xc0], &|at| at[11] = 0x41), "sampling 41");
        check(changed(&[0xff, 0xc0], &|at| at[5..9].fill(0)), "0x0");
        check(changed(&[0xff, 0xc4], &|at| at[8] = 9), "optimised");
        check(changed(&[0xff, 0xdb], &|at| at[4] = 0x10), "16-bit");
        check(changed(&[0xff, 0xdb], &|at| at[1] = 0xfe), "is missing");
        check(changed(&[0xff, 0xe0], &|at| at[2..4].fill(0)), "length 0");
        let scan = PICTURE
            .windows(2)
            .position(|window| window == [0xff, 0xda])
            .unwrap();
        check(PICTURE[..scan + 14].to_vec(), "no picture data");
    }
}
