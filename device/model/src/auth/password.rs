use argon2::{
    Argon2, Params,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};

use crate::{Error, Result, Secret, Violation, Violations};

/// Rules for names and passwords (USER-4, USER-5, USER-8).
#[derive(Clone, Copy, Debug)]
pub struct PasswordPolicy;

/// How hard a password is to guess, for the strength prompt (USER-10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Meets the rules, no more.
    Weak,
    /// Three classes or 12 characters.
    Medium,
    /// Three classes and 12 characters.
    Strong,
}

impl PasswordPolicy {
    /// Shortest password.
    pub const MIN: usize = 8;
    /// Longest password.
    pub const MAX: usize = 32;
    /// Characters that a password may not contain.
    pub const EXCLUDED: &'static str = "'\";:&";
    /// Longest user name.
    pub const MAX_NAME: usize = 31;

    /// Checks a new password; `pointer` names the field in the answer. The value is never echoed.
    pub fn check(pointer: &str, password: &Secret, violations: &mut Violations) {
        let text = password.expose();
        let n = text.chars().count();
        let mut bad = |reason: String| violations.0.push(Violation::new(pointer, "", reason));
        if !(Self::MIN..=Self::MAX).contains(&n) {
            bad(format!(
                "has {n} characters; allowed are {} to {}",
                Self::MIN,
                Self::MAX
            ));
        }
        if text
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || !c.is_ascii())
        {
            bad("may only contain visible ASCII characters without blanks".into());
        }
        if text.chars().any(|c| Self::EXCLUDED.contains(c)) {
            bad(format!("must not contain any of {}", Self::EXCLUDED));
        }
        if classes(text) < 2 {
            bad("needs at least two of: upper case, lower case, digits, special characters".into());
        }
    }

    /// Checks a new user name.
    pub fn check_name(pointer: &str, name: &str, violations: &mut Violations) {
        let n = name.chars().count();
        violations.require((1..=Self::MAX_NAME).contains(&n), || {
            Violation::new(
                pointer,
                name,
                format!("has {n} characters; allowed are 1 to {}", Self::MAX_NAME),
            )
        });
        let plain = name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_@.".contains(c));
        violations.require(plain, || {
            Violation::new(
                pointer,
                name,
                "may only contain A-Z, a-z, 0-9, '_', '@' and '.'",
            )
        });
    }

    /// The strength of a password that passed [`PasswordPolicy::check`].
    pub fn strength(password: &Secret) -> Strength {
        let text = password.expose();
        match (classes(text) >= 3, text.len() >= 12) {
            (true, true) => Strength::Strong,
            (false, false) => Strength::Weak,
            _ => Strength::Medium,
        }
    }
}

fn classes(text: &str) -> usize {
    let has = |f: fn(char) -> bool| usize::from(text.chars().any(f));
    has(|c| c.is_ascii_uppercase())
        + has(|c| c.is_ascii_lowercase())
        + has(|c| c.is_ascii_digit())
        + has(|c| c.is_ascii_punctuation())
}

/// What one argon2id computation costs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cost {
    /// 19 MiB, 2 passes (OWASP's floor for argon2id).
    Product,
    /// Next to nothing, for tests.
    Test,
}

impl Cost {
    fn argon2(self) -> Argon2<'static> {
        let (memory_kib, passes) = match self {
            Self::Product => (19_456, 2),
            Self::Test => (8, 1),
        };
        let params = Params::new(memory_kib, passes, 1, None).unwrap_or_default();
        Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
    }
}

/// argon2id in PHC string format.
pub(super) fn hash(password: &Secret, cost: Cost) -> Result<String> {
    let mut salt = [0u8; 16];
    getrandom::fill(&mut salt).map_err(Error::internal)?;
    cost.argon2()
        .hash_password_with_salt(password.expose().as_bytes(), &salt)
        .map(|h| h.to_string())
        .map_err(Error::internal)
}

/// Whether `password` is the one behind `hash`.
pub(super) fn verify(password: &Secret, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|h| {
        Argon2::default()
            .verify_password(password.expose().as_bytes(), &h)
            .is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(password: &str) -> Vec<String> {
        let mut v = Violations::default();
        PasswordPolicy::check("/password", &Secret::new(password), &mut v);
        v.0.into_iter().map(|v| v.reason).collect()
    }

    /// USER-8.
    #[test]
    fn password_rules() {
        for good in [
            "abcdefg1",
            "ABCDEFGh",
            "12345678a",
            "pass-word",
            &"aB1-".repeat(8),
        ] {
            assert!(
                violations(good).is_empty(),
                "{good}: {:?}",
                violations(good)
            );
        }
        for (bad, says) in [
            ("abcdef1", "has 7 characters; allowed are 8 to 32"),
            (&*"aB1-5".repeat(7), "has 35 characters"),
            ("abcdefgh", "at least two"),
            ("12345678", "at least two"),
            ("abc defg1", "without blanks"),
            ("abcdefg1é", "ASCII"),
            ("abcdefg1'", "must not contain"),
            ("abcdefg1&", "must not contain"),
        ] {
            assert!(
                violations(bad).iter().any(|r| r.contains(says)),
                "{bad}: {:?}",
                violations(bad)
            );
        }
    }

    /// USER-4, USER-5.
    #[test]
    fn name_rules() {
        for (name, ok) in [
            ("admin", true),
            ("a", true),
            ("a_b@c.D9", true),
            ("", false),
            ("a b", false),
            ("ä", false),
            ("a-b", false),
        ] {
            let mut v = Violations::default();
            PasswordPolicy::check_name("/username", name, &mut v);
            assert_eq!(v.0.is_empty(), ok, "{name}");
        }
        for (n, ok) in [(31, true), (32, false)] {
            let mut v = Violations::default();
            PasswordPolicy::check_name("/username", &"a".repeat(n), &mut v);
            assert_eq!(v.0.is_empty(), ok, "{n}");
        }
    }

    #[test]
    fn hashes_verify_and_differ() {
        let p = Secret::new("correct-1");
        let (a, b) = (hash(&p, Cost::Test).unwrap(), hash(&p, Cost::Test).unwrap());
        assert_ne!(a, b, "salted");
        assert!(a.starts_with("$argon2id$"));
        assert!(verify(&p, &a) && verify(&p, &b));
        assert!(!verify(&Secret::new("correct-2"), &a));
        assert!(!verify(&p, "garbage"));
    }

    /// USER-10.
    #[test]
    fn strength_grows() {
        let s = |p: &str| PasswordPolicy::strength(&Secret::new(p));
        assert_eq!(
            (s("abcdefg1"), s("abcdefghijk1"), s("aB3defghijk1")),
            (Strength::Weak, Strength::Medium, Strength::Strong)
        );
    }
}
