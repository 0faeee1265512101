//! The buffer against the network's moods.

use super::*;
use proptest::prelude::*;

const BLOCK: usize = 160;

fn packet(n: i16) -> Box<[i16]> {
    [n; BLOCK].into()
}

fn g711() -> Jitter {
    Jitter::new(G711_RATE)
}

fn push(jitter: &mut Jitter, time: u32, samples: &[i16]) {
    let packet = samples.len() as u32;
    jitter.push(Place { time, packet }, samples);
}

fn all(jitter: &mut Jitter) -> Vec<i16> {
    std::iter::from_fn(|| jitter.take()).map(|b| b[0]).collect()
}

#[test]
fn packets_are_put_in_order_and_what_is_missing_is_silence() {
    let mut jitter = g711();
    // Over the end of RTP's 32 bits.
    let time = |n: u32| (u32::MAX - 300).wrapping_add(n * BLOCK as u32);
    push(&mut jitter, time(0), &packet(0));
    push(&mut jitter, time(2), &packet(2));
    assert_eq!(
        jitter.take(),
        Some(packet(0)),
        "60 ms are there, a gap in them"
    );
    push(&mut jitter, time(1), &packet(1));
    push(&mut jitter, time(4), &packet(4));
    assert_eq!(all(&mut jitter), [1, 2, 0, 4]);
    push(&mut jitter, time(3), &packet(3));
    assert_eq!(
        all(&mut jitter),
        Vec::<i16>::new(),
        "too late, or too little to begin"
    );
}

#[test]
fn a_talker_who_sends_too_quickly_is_not_heard_later_and_later() {
    let mut jitter = g711();
    for n in 0..3 {
        push(&mut jitter, n * 160, &packet(0));
    }
    jitter.take();
    for n in 3..100 {
        push(&mut jitter, n * 160, &packet(n as i16));
    }
    let heard = all(&mut jitter);
    assert!(heard.len() <= 20 && heard.ends_with(&[98, 99]), "{heard:?}");
}

/// Packets of two frames of AAC at 8 kHz come every 256 ms, 10 ms late now and then.
#[test]
fn nothing_is_lost_of_long_packets() {
    let mut jitter = g711();
    let frame = [7; 1024];
    let (mut heard, mut sent) = (Vec::new(), 0);
    for millis in (0..10_000).step_by(2) {
        let late = if sent % 3 == 1 { 10 } else { 0 };
        if millis >= sent * 256 + late {
            for part in 0..2 {
                let (time, packet) = ((sent * 2 + part) * 1024, 2048);
                jitter.push(Place { time, packet }, &frame);
            }
            sent += 1;
        }
        if millis % 20 == 0 {
            heard.extend(jitter.take().into_iter().flatten());
        }
    }
    assert!(heard.len() > 9 * 8_000, "{}", heard.len());
    assert!(heard.iter().all(|s| *s == 7), "without a gap");
}

#[test]
fn the_end_of_what_comes_late_is_heard() {
    let mut jitter = g711();
    push(&mut jitter, 0, &[1; 640]);
    push(&mut jitter, 960, &[3; 640]);
    for _ in 0..5 {
        jitter.take();
    }
    push(&mut jitter, 640, &[2; 320]);
    assert_eq!(jitter.take(), Some([2; 160].into()));
    assert_eq!(jitter.take(), Some([3; 160].into()));
}

#[test]
fn frames_of_another_rate_come_out_in_blocks_of_theirs() {
    let mut jitter = Jitter::new(48_000);
    for n in 0..6 {
        push(&mut jitter, n * 1024, &[n as i16; 1024]);
    }
    let blocks: Vec<_> = std::iter::from_fn(|| jitter.take()).collect();
    assert!(blocks.iter().all(|b| rate_of(b) == 48_000));
    let samples = blocks.concat();
    assert_eq!(samples.len(), 7 * 960);
    let expect = |at: usize| if at < 6 * 1024 { (at / 1024) as i16 } else { 0 };
    assert!(samples.iter().enumerate().all(|(at, s)| *s == expect(at)));
}

proptest! {
    /// Whatever comes, memory is bounded and nothing panics.
    #[test]
    fn hostile_packets(packets in prop::collection::vec((any::<u32>(), 0usize..1500, any::<bool>()), 1..600)) {
        let mut jitter = g711();
        for (time, length, take) in packets {
            push(&mut jitter, time, &vec![1; length]);
            prop_assert!(jitter.waiting.len() <= MOST_PACKETS);
            if take {
                jitter.take();
            }
        }
    }
}
