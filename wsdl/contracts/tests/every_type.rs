//! `read(write(x)) == x` for every generated type: random values of each, within what its contract allows.

#[rustfmt::skip]
#[allow(unreachable_pub, reason = "written as a module of a crate")]
#[path = "../src/generated/every.rs"]
mod every;

use std::fmt::Debug;

use onvif_xml::{
    AbsoluteOrRelative, Any, Base64, DateTime, Duration, Hex, Limits, List, Mixed, Ns, QName,
    TimeOfDay, Value, ns,
};

/// Values of each type.
const VALUES: u64 = 24;

/// A source of values (xorshift64*): the same on every machine.
pub struct Dice {
    state: u64,
    /// Structs that may still be begun before everything optional is left out.
    left: u32,
}

/// A type of which there are random values.
pub trait Sample {
    /// One of them.
    fn sample(d: &mut Dice) -> Self;
}

/// What is done with every struct.
pub trait Visit {
    /// With one.
    fn one<T: Sample + Value + PartialEq + Debug>(&mut self, ns: Ns, name: &'static str);
}

impl Dice {
    fn new(seed: u64) -> Self {
        // Zero would stay zero.
        let state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        Self { state, left: 40 }
    }

    fn next(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn enter(&mut self) {
        self.left = self.left.saturating_sub(1);
    }

    fn sample<T: Sample>(&mut self) -> T {
        T::sample(self)
    }

    fn times<T>(&mut self, n: usize, one: impl Fn(&mut Self) -> T) -> Vec<T> {
        (0..n).map(|_| one(self)).collect()
    }

    fn maybe<T>(&mut self, one: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.left > 0 && self.below(2) == 0).then(|| one(self))
    }

    fn many<T>(&mut self, one: impl Fn(&mut Self) -> T) -> Vec<T> {
        let n = if self.left > 0 { self.below(3) } else { 0 };
        self.times(n, one)
    }

    fn some<T>(&mut self, one: impl Fn(&mut Self) -> T) -> Vec<T> {
        let n = if self.left > 0 { 1 + self.below(2) } else { 1 };
        self.times(n, one)
    }

    fn list<T>(&mut self, one: impl Fn(&mut Self) -> T) -> List<T> {
        let n = self.below(4);
        List(self.times(n, one))
    }

    /// A word without space.
    fn name(&mut self) -> String {
        let words = [
            "a",
            "Main-1",
            "x.y",
            "&amp;",
            "\u{e9}t\u{e9}",
            "<>'\"",
            "0",
            "urn:a:b?c=1&d",
        ];
        words[self.below(words.len())].to_owned()
    }

    /// Words with single spaces, for types that collapse space.
    fn token(&mut self) -> String {
        let n = 1 + self.below(2);
        self.times(n, Self::name).join(" ")
    }

    /// Any text.
    fn text(&mut self) -> String {
        let parts = [
            " ",
            "\t",
            "\n",
            "\r",
            "\r\n",
            "]]>",
            "<b/>",
            "&",
            "\u{1F697}",
            "\u{2028}",
            "7",
            "\"'",
        ];
        let n = self.below(5);
        self.times(n, |d| parts[d.below(parts.len())]).concat()
    }

    /// One of the contract's words, or one that it does not list.
    fn word(&mut self, all: &[&str]) -> String {
        match all.get(self.below(all.len() + 1)) {
            Some(word) => (*word).to_owned(),
            None => format!("not-listed-{}", self.below(9)),
        }
    }

    /// An element of somebody else.
    fn any(&mut self) -> Any {
        let n = self.below(100);
        let xml = format!("<v:Own xmlns:v=\"urn:vendor\" a=\"{n}\"><v:In>{n} &amp;</v:In></v:Own>");
        Any::parse(&xml, Limits::default()).unwrap()
    }

    fn bytes(&mut self) -> Vec<u8> {
        let n = self.below(7);
        self.times(n, |d| d.next() as u8)
    }
}

macro_rules! samples {
    ($($of:ty = |$d:ident| $value:expr;)+) => {
        $(impl Sample for $of {
            fn sample($d: &mut Dice) -> Self {
                $value
            }
        })+
    };
}

samples! {
    bool = |d| d.below(2) == 0;
    i32 = |d| d.next() as i32;
    u32 = |d| d.next() as u32;
    i64 = |d| d.next() as i64 - (1 << 40);
    u64 = |d| d.next();
    f32 = |d| (d.next() as i16) as f32 / 7.0;
    f64 = |d| (d.next() as i32) as f64 / 7.0;
    String = |d| d.text();
    DateTime = |d| DateTime::from_unix_millis(d.next() as i64 % 4_000_000_000_000).unwrap();
    Duration = |d| Duration {
        negative: d.below(4) == 0,
        months: d.below(40) as u32,
        seconds: d.next() % 1_000_000,
        nanos: [0, 250_000_000, 1][d.below(3)],
    };
    TimeOfDay = |d| TimeOfDay {
        time: chrono::NaiveTime::from_hms_opt(d.below(24) as u32, d.below(60) as u32, d.below(60) as u32).unwrap(),
        offset: d.maybe(|d| chrono::FixedOffset::east_opt(d.below(14) as i32 * 3600).unwrap()),
    };
    AbsoluteOrRelative = |d| if d.below(2) == 0 {
        Self::Absolute(d.sample())
    } else {
        Self::Relative(d.sample())
    };
    Base64 = |d| Base64(d.bytes());
    Hex = |d| Hex(d.bytes());
    QName = |d| if d.below(2) == 0 {
        QName::new(ns::TT, "Polygon")
    } else {
        QName::with_uri("urn:vendor", "Own")
    };
    Mixed = |d| Mixed::new(format!("tns1:Topic{} < 'x' & y", d.below(9)), &[ns::TNS1]);
}

/// Writes, reads and compares.
#[derive(Default)]
struct There {
    types: usize,
    wrong: Vec<String>,
}

impl Visit for There {
    fn one<T: Sample + Value + PartialEq + Debug>(&mut self, ns: Ns, name: &'static str) {
        self.types += 1;
        for seed in 0..VALUES {
            let x: T = Dice::new(self.types as u64 * 1_000 + seed).sample();
            let written = Any::written(|w| x.write(w, ns, name));
            let why = match written.read_as::<T>() {
                Ok(y) if y == x => continue,
                Ok(y) => format!("is read as {y:?}"),
                Err(e) => e.to_string(),
            };
            let (prefix, xml) = (ns.prefix(), written.to_xml());
            self.wrong.push(format!(
                "{prefix}:{name}, value {seed}: {x:?}\n  {xml}\n  {why}"
            ));
            return;
        }
    }
}

#[test]
fn what_is_written_is_read_for_every_type() {
    let mut there = There::default();
    every::visit(&mut there);
    println!("{} types, {VALUES} values each", there.types);
    assert!(there.types > 1_500, "{} types", there.types);
    assert!(
        there.wrong.is_empty(),
        "{} of {}\n{}",
        there.wrong.len(),
        there.types,
        there.wrong.join("\n")
    );
}
