//! The number of a plate, and the bits of a Wiegand frame (HW-5). Pure.
//!
//! A frame is an even parity bit over the first half of the data, the data with its highest bit first, and an odd parity
//! bit over the second half. The lower 16 bits of the data are the card number, what is above them the facility code.

use crate::settings::{WiegandCoding, WiegandFormat, WiegandPlates};

/// Bits of a card number.
const CARD: u32 = 16;

/// Why a text has no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoNumber {
    /// Nothing of it counts.
    #[error("has no letter A to Z and no digit")]
    Nothing,
    /// The last digits are asked for.
    #[error("has no digit, and only digits count")]
    NoDigit,
}

/// What a frame says: facility code and card number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    format: WiegandFormat,
    number: u32,
}

impl Code {
    /// The code of this number; of 24 bits at most where the format has no more.
    #[must_use]
    pub fn new(format: WiegandFormat, number: u32) -> Option<Self> {
        let fits = u64::from(number) >> format.data_bits() == 0;
        fits.then_some(Self { format, number })
    }

    /// The code of a plate.
    ///
    /// # Errors
    /// [`NoNumber`].
    pub fn of(plate: &str, settings: &WiegandPlates) -> Result<Self, NoNumber> {
        let format = settings.format;
        let bits = match settings.fixed_facility() {
            Some(_) => CARD,
            None => format.data_bits(),
        };
        let number = match settings.coding {
            WiegandCoding::Base36 => folded(plate, bits).ok_or(NoNumber::Nothing)?,
            WiegandCoding::Digits => last_digits(plate, bits).ok_or(NoNumber::NoDigit)?,
        };
        // The settings bound it to what is above the card number.
        let facility = settings.fixed_facility().map_or(0, |code| code << CARD);
        Ok(Self {
            format,
            number: facility | number,
        })
    }

    /// Length of its frame.
    #[must_use]
    pub const fn format(self) -> WiegandFormat {
        self.format
    }

    /// Facility code and card number in one.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.number
    }

    /// The facility code.
    #[must_use]
    pub const fn facility(self) -> u32 {
        self.number >> CARD
    }

    /// The card number.
    #[must_use]
    pub const fn card(self) -> u32 {
        self.number & ((1 << CARD) - 1)
    }
}

/// The signs as digits 1 (`0`) to 36 (`Z`) of base 36, and of that number the remainder to the largest prime of so many
/// bits. Without a zero among the digits texts of different length differ; a prime lets every sign count.
fn folded(plate: &str, bits: u32) -> Option<u32> {
    let prime: u64 = match bits {
        ..=16 => (1 << 16) - 15,
        17..=24 => (1 << 24) - 3,
        _ => (1 << 32) - 5,
    };
    let digits = plate.chars().filter_map(|c| c.to_digit(36));
    let number = digits.fold(None, |n, digit| {
        Some((n.unwrap_or(0) * 36 + u64::from(digit) + 1) % prime)
    });
    number.and_then(|n| u32::try_from(n).ok())
}

/// The last digits, as many as so many bits hold in any case.
fn last_digits(plate: &str, bits: u32) -> Option<u32> {
    let modulus = match bits {
        ..=16 => 10_000,
        17..=24 => 10_000_000,
        _ => 1_000_000_000,
    };
    let digits = plate.chars().filter_map(|c| c.to_digit(10));
    let number = digits.fold(None, |n, digit| {
        Some((n.unwrap_or(0) * 10 + u64::from(digit)) % modulus)
    });
    number.and_then(|n| u32::try_from(n).ok())
}

/// What is wrong with bits that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Neither 26 nor 34.
    #[error("{0} bits are neither 26 nor 34")]
    Length(usize),
    /// The first bit is another.
    #[error("the first half has a wrong parity")]
    FirstHalf,
    /// The last bit is another.
    #[error("the second half has a wrong parity")]
    SecondHalf,
}

/// The bits of one number with their parity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    format: WiegandFormat,
    bits: u64,
}

impl From<Code> for Frame {
    fn from(code: Code) -> Self {
        let Code { format, number } = code;
        let half = format.data_bits() / 2;
        let first = number >> half;
        let second = number & ((1 << half) - 1);
        let even = u64::from(first.count_ones() & 1);
        let odd = u64::from(!second.count_ones() & 1);
        Self {
            format,
            bits: even << (format.data_bits() + 1) | u64::from(number) << 1 | odd,
        }
    }
}

impl Frame {
    /// The bits in the order in which they are sent.
    pub fn bits(self) -> impl Iterator<Item = bool> {
        let all = self.format.data_bits() + 2;
        (0..all).rev().map(move |at| self.bits >> at & 1 == 1)
    }

    /// What came over the lines, first bit first.
    ///
    /// # Errors
    /// [`FrameError`].
    pub fn read(bits: &[bool]) -> Result<Code, FrameError> {
        let format = WiegandFormat::ALL
            .into_iter()
            .find(|f| f.data_bits() as usize + 2 == bits.len())
            .ok_or(FrameError::Length(bits.len()))?;
        let number = bits[1..bits.len() - 1]
            .iter()
            .fold(0, |n, bit| n << 1 | u32::from(*bit));
        let code = Code { format, number };
        let mut right = Self::from(code).bits();
        if right.next() != bits.first().copied() {
            return Err(FrameError::FirstHalf);
        }
        if right.last() != bits.last().copied() {
            return Err(FrameError::SecondHalf);
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::settings::{FacilityCode, FacilityFrom};

    fn settings(format: WiegandFormat, coding: WiegandCoding, fixed: Option<i64>) -> WiegandPlates {
        let facility = match fixed {
            Some(_) => FacilityFrom::Fixed,
            None => FacilityFrom::Plate,
        };
        WiegandPlates {
            format,
            coding,
            facility,
            facility_code: FacilityCode::clamped(fixed.unwrap_or(0)),
            ..WiegandPlates::default()
        }
    }

    fn sent(format: WiegandFormat, number: u32) -> String {
        let frame = Frame::from(Code::new(format, number).unwrap());
        frame.bits().map(|b| if b { '1' } else { '0' }).collect()
    }

    /// HW-5: frames worked out by hand.
    #[test]
    fn frames_are_those_of_the_format() {
        use WiegandFormat::{Bits26, Bits34};
        // Facility 1, card 1: one bit in each half; and nothing at all, which the odd parity still marks.
        assert_eq!(sent(Bits26, 1 << 16 | 1), "10000000100000000000000010");
        assert_eq!(sent(Bits26, 0), "00000000000000000000000001");
        assert_eq!(sent(Bits26, 0xff_ffff), "01111111111111111111111111");
        assert_eq!(sent(Bits34, 1), format!("0{}10", "0".repeat(31)));
        assert_eq!(sent(Bits34, 1 << 31), format!("11{}1", "0".repeat(31)));
        assert_eq!(Code::new(Bits26, 1 << 24), None);
        let code = Code::new(Bits34, 0x1234_5678).unwrap();
        assert_eq!((code.facility(), code.card()), (0x1234, 0x5678));
    }

    /// HW-5: numbers worked out by hand, as the guide does.
    #[test]
    fn plates_have_the_numbers_of_the_guide() {
        use WiegandCoding::{Base36, Digits};
        use WiegandFormat::{Bits26, Bits34};
        for (plate, format, coding, fixed, number) in [
            ("AB12", Bits26, Base36, None, 528_843),
            ("ABC123", Bits34, Base36, None, 685_892_560),
            ("ABC123", Bits26, Base36, None, 14_804_040),
            ("abc 123", Bits34, Base36, None, 685_892_560),
            ("0", Bits26, Base36, None, 1),
            ("00", Bits26, Base36, None, 37),
            (
                "AB12",
                Bits26,
                Base36,
                Some(7),
                (7 << 16) | (528_843 % 65_521),
            ),
            ("7ABC123", Bits26, Digits, None, 7123),
            ("987654321", Bits26, Digits, None, 7_654_321),
            ("1987654321", Bits34, Digits, None, 987_654_321),
            ("B1234567", Bits34, Digits, Some(300), (300 << 16) | 4567),
        ] {
            let code = Code::of(plate, &settings(format, coding, fixed)).unwrap();
            assert_eq!(code.number(), number, "{plate}");
        }
        let none = Code::of("ABC", &settings(Bits26, Digits, None));
        assert_eq!(none, Err(NoNumber::NoDigit));
        let none = Code::of("-Ü ", &settings(Bits26, Base36, None));
        assert_eq!(none, Err(NoNumber::Nothing));
    }

    proptest! {
        /// HW-5: a controller reads what was sent, and finds every bit that was turned round.
        #[test]
        fn what_is_sent_is_read_and_single_errors_are_found(number: u32, short: bool) {
            let format = if short { WiegandFormat::Bits26 } else { WiegandFormat::Bits34 };
            let number = if short { number >> 8 } else { number };
            let code = Code::new(format, number).unwrap();
            let bits: Vec<bool> = Frame::from(code).bits().collect();
            prop_assert_eq!(bits.len(), format.data_bits() as usize + 2);
            prop_assert_eq!(Frame::read(&bits), Ok(code));
            let half = bits.len() / 2;
            prop_assert_eq!(bits[..half].iter().filter(|b| **b).count() % 2, 0);
            prop_assert_eq!(bits[half..].iter().filter(|b| **b).count() % 2, 1);
            for at in 0..bits.len() {
                let mut wrong = bits.clone();
                wrong[at] = !wrong[at];
                let which = if at < half { FrameError::FirstHalf } else { FrameError::SecondHalf };
                prop_assert_eq!(Frame::read(&wrong), Err(which));
            }
            prop_assert!(matches!(Frame::read(&bits[1..]), Err(FrameError::Length(_))));
        }

        /// HW-5: a plate of up to six signs (34 bit) or four (26 bit) shares its number with no other.
        #[test]
        fn short_plates_have_numbers_of_their_own(a in "[0-9A-Z]{1,6}", b in "[0-9A-Z]{1,6}") {
            prop_assume!(a != b);
            for (format, signs) in [(WiegandFormat::Bits34, 6), (WiegandFormat::Bits26, 4)] {
                let of = |p: &str| Code::of(&p[..p.len().min(signs)], &settings(format, WiegandCoding::Base36, None));
                let same = a[..a.len().min(signs)] == b[..b.len().min(signs)];
                prop_assert_eq!(of(&a) == of(&b), same);
            }
        }

        /// Whatever is asked for is answered, within the bits of the format and with the facility that was set.
        #[test]
        fn every_text_is_answered(plate in ".{0,40}", facility in 0i64..256, short: bool, digits: bool) {
            let format = if short { WiegandFormat::Bits26 } else { WiegandFormat::Bits34 };
            let coding = if digits { WiegandCoding::Digits } else { WiegandCoding::Base36 };
            for fixed in [None, Some(facility)] {
                if let Ok(code) = Code::of(&plate, &settings(format, coding, fixed)) {
                    prop_assert!(Code::new(format, code.number()).is_some());
                    prop_assert!(fixed.is_none_or(|f| i64::from(code.facility()) == f));
                }
            }
        }
    }
}
