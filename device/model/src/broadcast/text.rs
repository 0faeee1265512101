//! What can be said of a text.

/// Characters of a text that is said.
pub const MAX_TEXT: usize = 256;

/// What a voice can say of a text: letters of Latin script, digits and punctuation. The rest is left out (AUDIO-5).
/// Empty when nothing of it can be said.
#[must_use]
pub fn speakable(text: &str) -> String {
    let said = |c: char| match c {
        // Brackets mean phonemes to espeak-ng.
        '[' | ']' | '{' | '}' | '<' | '>' | '|' | '\\' | '^' | '~' | '`' => false,
        ' '..='~' => true,
        'À'..='ɏ' => c.is_alphabetic(),
        '€' | '£' | '°' | '§' | 'º' | 'ª' => true,
        _ => false,
    };
    let kept: String = text
        .chars()
        .map(|c| if said(c) { c } else { ' ' })
        .collect();
    let words: Vec<&str> = kept.split_whitespace().collect();
    if words.iter().any(|w| w.chars().any(char::is_alphanumeric)) {
        words.join(" ")
    } else {
        String::new()
    }
}

/// A plate as it is said: sign by sign.
#[must_use]
pub fn spelled(plate: &str) -> String {
    let signs: Vec<String> = plate.chars().map(String::from).collect();
    signs.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AUDIO-5.
    #[test]
    fn what_cannot_be_said_is_left_out() {
        for (text, said) in [
            ("Welcome, Zoë & José!", "Welcome, Zoë & José!"),
            ("Grüß Gott №5 車牌 🚗 ok", "Grüß Gott 5 ok"),
            ("[[h@'loU]] <b>x</b>", "h@'loU b x /b"),
            ("车牌", ""),
            ("?! ", ""),
            ("a\u{0}\u{202e}b\nc", "a b c"),
            ("3 × 2 ÷ 1", "3 2 1"),
        ] {
            assert_eq!(speakable(text), said, "{text}");
        }
        assert_eq!(spelled("AB12"), "A B 1 2");
    }
}
