//! The steps on raw pictures; through encoders they are tested in `tests/look.rs`.

use super::*;

const W: usize = 320;
const H: usize = 240;

fn grey(luma: u8) -> (gst::Buffer, gst_video::VideoInfo) {
    crate::init().unwrap();
    let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, W as u32, H as u32)
        .build()
        .unwrap();
    let mut data = vec![luma; W * H];
    data.extend(vec![148; W * H / 2]);
    (gst::Buffer::from_mut_slice(data), info)
}

fn pixels(buffer: &gst::Buffer) -> Vec<u8> {
    buffer.map_readable().unwrap().to_vec()
}

fn stage(look: Look) -> Stage {
    let mut stage = Stage::default();
    stage.set(look).unwrap();
    stage
}

fn at(seconds: i64) -> UtcTime {
    UtcTime::from_millis(seconds * 1000)
}

fn text(line: &'static str, place: Place) -> Text {
    Text {
        line: Arc::new(move |_| line.into()),
        place,
        height: 72,
        color: [255; 3],
        background: Some([0; 3]),
    }
}

/// Mean luma of a part of the picture, in fractions of it.
fn mean(buffer: &gst::Buffer, x: (f32, f32), y: (f32, f32)) -> f32 {
    let all = pixels(buffer);
    let span = |(a, b): (f32, f32), n: usize| (a * n as f32) as usize..(b * n as f32) as usize;
    let part: Vec<u8> = span(y, H)
        .flat_map(|row| all[row * W..][span(x, W)].to_vec())
        .collect();
    part.iter().map(|n| f32::from(*n)).sum::<f32>() / part.len() as f32
}

#[test]
fn a_plain_look_costs_nothing() {
    let (buffer, info) = grey(100);
    let same = buffer.as_ptr();
    let done = stage(Look::default())
        .apply(buffer, &info, at(0), true)
        .unwrap();
    assert!(done.shown.is_none() && done.analysed.as_ptr() == same);
}

/// The masked pixels are nowhere: neither for viewers nor for recognition; chroma neither.
#[test]
fn masks_cover_luma_and_chroma_for_everybody() {
    let corner = |x, y| NormPoint { x, y };
    let mut stage = stage(Look {
        masks: vec![Mask {
            corners: vec![
                corner(-1.0, 1.0),
                corner(0.0, 1.0),
                corner(0.0, 0.0),
                corner(-1.0, 0.0),
            ],
            color: [0; 3],
        }],
        ..Look::default()
    });
    let (buffer, info) = grey(100);
    let done = stage.apply(buffer.clone(), &info, at(0), true).unwrap();
    assert!(done.shown.is_none(), "one picture for all");
    assert_eq!(mean(&done.analysed, (0.0, 0.5), (0.0, 0.5)), 16.0);
    assert_eq!(mean(&done.analysed, (0.5, 1.0), (0.0, 1.0)), 100.0);
    let after = pixels(&done.analysed);
    assert_eq!((after[W * H], after[W * H + W / 2 - 1]), (128, 148));
    // The source's buffer may be a decoder's reference picture.
    assert_eq!(pixels(&buffer)[0], 100, "the source's own is untouched");
    let ours = stage.apply(buffer, &info, at(1), false).unwrap();
    assert_eq!(pixels(&ours.analysed)[0], 100, "\"no signal\" needs none");
}

/// OSD-1..5: at each place, stacked in one corner, and never in what recognition sees.
#[test]
fn texts_are_where_they_belong_and_only_for_viewers() {
    for (place, x, y) in [
        (Place::UpperLeft, (0.0, 0.25), (0.0, 0.1)),
        (Place::UpperRight, (0.75, 1.0), (0.0, 0.1)),
        (Place::LowerLeft, (0.0, 0.25), (0.9, 1.0)),
        (Place::LowerRight, (0.75, 1.0), (0.9, 1.0)),
        (
            Place::At(NormPoint { x: 0.0, y: 0.0 }),
            (0.5, 0.75),
            (0.5, 0.6),
        ),
    ] {
        let (buffer, info) = grey(200);
        let texts = vec![text("MMMMMMMM", place)];
        let done = stage(Look {
            texts,
            ..Look::default()
        })
        .apply(buffer, &info, at(0), true)
        .unwrap();
        let shown = done.shown.unwrap();
        assert!(mean(&shown, x, y) < 150.0, "{place:?}");
        let changed = pixels(&shown)[..W * H]
            .iter()
            .filter(|n| **n != 200)
            .count();
        assert!(changed < W * H / 8, "{place:?}: {changed} pixels");
        assert!(pixels(&done.analysed)[..W * H].iter().all(|n| *n == 200));
    }
    let (buffer, info) = grey(200);
    let both = vec![text("A", Place::LowerLeft), text("B", Place::LowerLeft)];
    let done = stage(Look {
        texts: both,
        ..Look::default()
    })
    .apply(buffer, &info, at(0), true)
    .unwrap();
    let shown = done.shown.unwrap();
    assert!(mean(&shown, (0.0, 0.05), (0.92, 1.0)) < 150.0);
    assert!(mean(&shown, (0.0, 0.05), (0.84, 0.9)) < 150.0, "above it");
}

/// OSD-2: a clock goes on; a line is asked for once a second.
#[test]
fn lines_change_with_the_second() {
    use std::sync::atomic::{AtomicU32, Ordering};
    let asked = Arc::new(AtomicU32::new(0));
    let count = asked.clone();
    let clock = Text {
        line: Arc::new(move |utc| {
            count.fetch_add(1, Ordering::Relaxed);
            format!("{}", utc.as_millis() / 1000)
        }),
        ..text("", Place::UpperLeft)
    };
    let mut stage = stage(Look {
        texts: vec![clock],
        ..Look::default()
    });
    let mut shown = |ms| {
        let (buffer, info) = grey(200);
        let at = UtcTime::from_millis(ms);
        let done = stage.apply(buffer, &info, at, true).unwrap();
        pixels(&done.shown.unwrap())
    };
    let first = shown(8_000);
    assert_eq!(shown(8_960), first);
    assert_ne!(shown(9_000), first);
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

/// Any text at any size stays in the picture and nothing panics.
#[test]
fn long_and_strange_lines_fit() {
    for line in [
        "",
        " ",
        "Ü ß 中 \u{7f}",
        "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW",
    ] {
        for place in [Place::LowerRight, Place::At(NormPoint { x: 1.0, y: -1.0 })] {
            let (buffer, info) = grey(200);
            let done = stage(Look {
                texts: vec![text(line, place)],
                ..Look::default()
            })
            .apply(buffer, &info, at(0), true)
            .unwrap();
            let drawn = pixels(&done.shown.unwrap());
            let any = drawn[..W * H].iter().any(|n| *n != 200);
            assert!(any, "{line:?}: at least its background");
        }
    }
}

/// IMG-1..4, IMG-13: each moves the picture to its side.
#[test]
fn tone_moves_the_picture() {
    let run = |tone: Tone, luma: u8| {
        let (buffer, info) = grey(luma);
        let look = Look {
            tone,
            ..Look::default()
        };
        let done = stage(look).apply(buffer, &info, at(0), true).unwrap();
        let all = pixels(&done.analysed);
        (all[W * 100 + 100], all[W * H + 100])
    };
    let with = |change: fn(&mut Tone, u8), value: u8, luma| {
        let mut tone = Tone::default();
        change(&mut tone, value);
        run(tone, luma)
    };
    let brightness = |n, luma| with(|t, n| t.brightness = n, n, luma).0;
    assert!(brightness(30, 100) < 100 && brightness(70, 100) > 100);
    assert_eq!((brightness(0, 16), brightness(100, 235)), (16, 235));
    let contrast = |n, luma| with(|t, n| t.contrast = n, n, luma).0;
    assert!(contrast(80, 60) < 60 && contrast(80, 190) > 190);
    assert!((125..=126).contains(&contrast(0, 60)), "all grey");
    let gamma = |n, luma| with(|t, n| t.gamma = n, n, luma).0;
    assert!(gamma(80, 60) > 60 && gamma(20, 60) < 60);
    assert_eq!((gamma(80, 16), gamma(80, 235)), (16, 235), "ends stay");
    let saturation = |n| with(|t, n| t.saturation = n, n, 100);
    assert_eq!((saturation(0).1, saturation(100).1), (128, 168));
    assert_eq!(saturation(0).0, 100, "light stays");
    assert_eq!(with(|t, n| t.sharpness = n, 90, 100).0, 100, "no edge");
}

#[test]
fn sharpness_strengthens_and_weakens_edges() {
    let edge = |sharpness| {
        crate::init().unwrap();
        let (_, info) = grey(0);
        let mut data: Vec<u8> = (0..W * H)
            .map(|i| if i % W < W / 2 { 80 } else { 160 })
            .collect();
        data.extend(vec![128; W * H / 2]);
        let look = Look {
            tone: Tone {
                sharpness,
                ..Tone::default()
            },
            ..Look::default()
        };
        let buffer = gst::Buffer::from_mut_slice(data);
        let done = stage(look).apply(buffer, &info, at(0), true).unwrap();
        let all = pixels(&done.analysed);
        let row = &all[W * 100..];
        i32::from(row[W / 2]) - i32::from(row[W / 2 - 1])
    };
    assert_eq!(edge(50), 80);
    assert!(edge(80) > 90 && edge(10) < 60, "{} {}", edge(80), edge(10));
}

/// A picture of the owner lies where it belongs, in its colours, through its cover; recognition never sees it.
#[test]
fn images_are_where_they_belong_and_only_for_viewers() {
    let image = |place, color: [u8; 4]| Image {
        pixels: Arc::new(Rgba {
            width: 20,
            height: 10,
            pixels: vec![color; 200],
        }),
        place,
        // 60 of 240 rows, and 120 columns.
        height: 270,
    };
    let shown = |images: Vec<Image>, texts: Vec<Text>| {
        let (buffer, info) = grey(200);
        let look = Look {
            images,
            texts,
            ..Look::default()
        };
        let done = stage(look).apply(buffer, &info, at(0), true).unwrap();
        assert!(pixels(&done.analysed)[..W * H].iter().all(|n| *n == 200));
        pixels(&done.shown.unwrap())
    };
    let black = shown(vec![image(Place::LowerRight, [0, 0, 0, 255])], vec![]);
    for y in 0..H {
        for x in 0..W {
            let inside = x >= W - 120 && y >= H - 60;
            assert_eq!(black[y * W + x], if inside { 16 } else { 200 }, "{x} {y}");
        }
    }
    let chroma = |x: usize, y: usize| W * H + y / 2 * (W / 2) + x / 2;
    assert_eq!(
        (black[chroma(W - 2, H - 2)], black[chroma(0, 0)]),
        (128, 148)
    );
    // Half of white over 200, in the middle; nothing of a picture without cover.
    let centre = Place::At(NormPoint { x: 0.0, y: 0.0 });
    let half = shown(vec![image(centre, [255, 255, 255, 128])], vec![]);
    assert!((216..=219).contains(&half[H / 2 * W + W / 2]));
    let none = shown(vec![image(centre, [255, 0, 0, 0])], vec![]);
    assert!(none[..W * H].iter().all(|n| *n == 200));
    // Red is red.
    let red = shown(vec![image(centre, [255, 0, 0, 255])], vec![]);
    let (cb, cr) = (chroma(W / 2, H / 2), chroma(W / 2, H / 2) + W * H / 4);
    assert!(red[cb] < 120 && red[cr] > 220, "{} {}", red[cb], red[cr]);
    // A text in the same corner stands below it.
    let both = shown(
        vec![image(Place::UpperLeft, [0, 0, 0, 255])],
        vec![text("M", Place::UpperLeft)],
    );
    assert_eq!(both[59 * W + 119], 16);
    assert!(both[60 * W..61 * W].contains(&16), "its background");
    // What is too large is made smaller, and stays inside.
    let large = Image {
        pixels: Arc::new(Rgba {
            width: 512,
            height: 1,
            pixels: vec![[0, 0, 0, 255]; 512],
        }),
        place: Place::LowerRight,
        height: 1080,
    };
    let wide = shown(vec![large], vec![]);
    assert_eq!(
        (wide[H * W - 1], wide[(H - 2) * W], wide[(H - 3) * W]),
        (16, 16, 200)
    );
}

/// One picture of one luma through a correction: luma and both chroma of a pixel.
fn corrected(correction: Correction, luma: u8, chroma: (u8, u8)) -> [u8; 3] {
    let (_, info) = grey(0);
    let mut data = vec![luma; W * H];
    data.extend(vec![chroma.0; W * H / 4]);
    data.extend(vec![chroma.1; W * H / 4]);
    let mut stage = Stage::default();
    stage.correct(correction);
    let buffer = gst::Buffer::from_mut_slice(data);
    let done = stage.apply(buffer, &info, at(0), true).unwrap();
    let all = pixels(&done.analysed);
    [0, W * H, W * H * 5 / 4].map(|plane| all[plane + 10])
}

/// METER-2, METER-3: stops lift dark parts without clipping bright ones, and dim all.
#[test]
fn exposure_lifts_dark_parts_and_dims_glare() {
    let luma = |ev, luma| {
        let correction = Correction {
            ev,
            ..Correction::default()
        };
        corrected(correction, luma, (128, 128))[0]
    };
    let dark = luma(1.0, 38);
    // A tenth of white becomes nearly two.
    assert!((55..=60).contains(&dark), "{dark}");
    assert!((225..234).contains(&luma(1.0, 200)));
    assert_eq!((luma(2.0, 16), luma(2.0, 235)), (16, 235), "ends stay");
    assert!((124..=127).contains(&luma(-1.0, 235)), "half of white");
    assert_eq!(luma(-1.0, 16), 16);
}

/// IMG-5: black and white is light without colour.
#[test]
fn black_and_white_has_no_colour() {
    let grey = Correction {
        grey: true,
        ..Correction::default()
    };
    assert_eq!(corrected(grey, 100, (60, 200)), [100, 128, 128]);
}

/// IMG-15: gains that were measured for a tint take it away, and leave the light of grey.
#[test]
fn white_balance_takes_a_tint_away() {
    use lpr_core::metering::WhiteGains;
    let of = |red, blue, chroma| {
        let correction = Correction {
            white: WhiteGains { red, blue },
            ..Correction::default()
        };
        corrected(correction, 120, chroma)
    };
    // Less red and more blue: towards blue, away from red.
    let [luma, cb, cr] = of(0.8, 1.4, (128, 128));
    assert!(luma == 120 && cb > 140 && cr < 122, "{luma} {cb} {cr}");
    // The yellow that such light makes, and what was measured of it.
    let [_, cb, cr] = of(1.0 / 1.17, 1.55, (108, 140));
    assert!(cb.abs_diff(128) < 8 && cr.abs_diff(128) < 8, "{cb} {cr}");
}

/// A change of the correction reaches the next picture, and none leaves the source's own buffer alone.
#[test]
fn a_correction_comes_and_goes() {
    let mut stage = Stage::default();
    let mut luma = |ev| {
        stage.correct(Correction {
            ev,
            ..Correction::default()
        });
        let (buffer, info) = grey(60);
        let same = buffer.as_ptr();
        let done = stage.apply(buffer, &info, at(0), true).unwrap();
        (pixels(&done.analysed)[0], done.analysed.as_ptr() == same)
    };
    assert_eq!(luma(0.0), (60, true));
    assert!(luma(1.0).0 > 80);
    assert!(luma(0.5).0 < luma(1.0).0);
    assert_eq!(luma(0.0), (60, true));
}

/// Noise of so many steps around a luma, the same for the same seed.
fn noisy(luma: impl Fn(usize, usize) -> u8, seed: u32) -> gst::Buffer {
    let mut state = seed.wrapping_mul(2_654_435_761).max(1);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state % 13) as i16 - 6
    };
    let mut data: Vec<u8> = (0..W * H)
        .map(|i| (i16::from(luma(i % W, i / W)) + next()) as u8)
        .collect();
    data.extend(vec![128; W * H / 2]);
    gst::Buffer::from_mut_slice(data)
}

/// IMG-10, IMG-11: less noise between neighbours and over time; edges and what moves stay.
#[test]
fn noise_is_reduced_and_edges_stay() {
    let (_, info) = grey(0);
    let deviation = |all: &[u8], columns: std::ops::Range<usize>| {
        let part: Vec<f32> = (10..H - 10)
            .flat_map(|y| all[y * W..][columns.clone()].iter().map(|n| f32::from(*n)))
            .collect();
        let mean = part.iter().sum::<f32>() / part.len() as f32;
        (part.iter().map(|n| (n - mean).powi(2)).sum::<f32>() / part.len() as f32).sqrt()
    };
    let last = |spatial, temporal| {
        let mut stage = stage(Look {
            denoise: Denoise { spatial, temporal },
            ..Look::default()
        });
        let mut all = Vec::new();
        for seed in 1..20 {
            // An edge that was elsewhere in all pictures but the last.
            let edge = if seed == 19 { W / 2 } else { W / 4 };
            let scene = move |x: usize, _: usize| if x < edge { 60 } else { 160 };
            let done = stage.apply(noisy(scene, seed), &info, at(0), true).unwrap();
            all = pixels(&done.analysed);
        }
        let step = mean_of(&all, W / 2..W / 2 + 1) - mean_of(&all, W / 2 - 1..W / 2);
        (deviation(&all, 5..W / 4 - 5), step)
    };
    let (noise, step) = last(0, 0);
    let (spatial, spatial_step) = last(100, 0);
    let (temporal, temporal_step) = last(0, 100);
    assert!((95.0..105.0).contains(&step));
    assert!(spatial < noise * 0.6, "{noise} {spatial}");
    assert!(temporal < noise * 0.5, "{noise} {temporal}");
    assert!(spatial_step > 90.0 && temporal_step > 90.0);
}

fn mean_of(all: &[u8], columns: std::ops::Range<usize>) -> f32 {
    let part: Vec<f32> = (10..H - 10)
        .flat_map(|y| all[y * W..][columns.clone()].iter().map(|n| f32::from(*n)))
        .collect();
    part.iter().sum::<f32>() / part.len() as f32
}
