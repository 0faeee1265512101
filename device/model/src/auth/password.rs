use argon2::{
    Argon2, Params,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};

use crate::{Error, Result, Secret, Violation, Violations, settings::SecurityPassword};

/// Rules for names and passwords (USER-4, USER-5, USER-8).
#[derive(Clone, Copy, Debug)]
pub struct PasswordPolicy;

/// How hard a password is to guess, for the strength prompt (USER-10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Strength {
    /// Meets the rules, no more.
    Weak,
    /// Three classes or 12 characters.
    Medium,
    /// Three classes and 12 characters.
    Strong,
}

/// What makes a password easier to guess; each lowers the strength by one step (SEC-1, SEC-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Advice {
    /// The user name is in it.
    ContainsName,
    /// The user name is in it backwards.
    ReversedName,
    /// Three signs in a row follow each other: 123, cba.
    Sequence,
    /// Three signs in a row are the same.
    Repeat,
}

/// What a strength prompt shows.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct PasswordReport {
    /// The strength.
    pub strength: Strength,
    /// What lowers it.
    pub advice: Vec<Advice>,
    /// Whether the rules accept it.
    pub acceptable: bool,
    /// Why not.
    pub errors: Violations,
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

    /// Checks a new password of `name` against the fixed rules and those of the settings.
    pub fn check_with(
        pointer: &str,
        name: &str,
        password: &Secret,
        rules: &SecurityPassword,
        violations: &mut Violations,
    ) {
        Self::check(pointer, password, violations);
        let text = password.expose();
        let mut bad = |reason: String| violations.0.push(Violation::new(pointer, "", reason));
        let min = rules.min_length.get() as usize;
        let n = text.chars().count();
        if min > Self::MIN && n < min {
            bad(format!("has {n} characters; needed are {min}"));
        }
        let count = |f: fn(&char) -> bool| text.chars().filter(f).count();
        for (what, has, needed) in [
            (
                "capital letters",
                count(char::is_ascii_uppercase),
                rules.min_uppercase,
            ),
            ("digits", count(char::is_ascii_digit), rules.min_digits),
            (
                "special characters",
                count(char::is_ascii_punctuation),
                rules.min_special,
            ),
        ] {
            let needed = needed.get() as usize;
            if has < needed {
                bad(format!("has {has} {what}; needed are {needed}"));
            }
        }
        let advice = Self::advice(name, password);
        let named = [Advice::ContainsName, Advice::ReversedName];
        if rules.refuse_name && advice.iter().any(|a| named.contains(a)) {
            bad("contains the user name or its reverse".into());
        }
        if rules.refuse_weak && Self::strength(name, password) == Strength::Weak {
            bad(
                "is weak: longer, with more kinds of characters and no sequences or repeats".into(),
            );
        }
    }

    /// Everything a prompt shows about a password; nothing of it is kept.
    pub fn report(name: &str, password: &Secret, rules: &SecurityPassword) -> PasswordReport {
        let mut errors = Violations::default();
        Self::check_with("/password", name, password, rules, &mut errors);
        PasswordReport {
            strength: Self::strength(name, password),
            advice: Self::advice(name, password),
            acceptable: errors.0.is_empty(),
            errors,
        }
    }

    /// What makes the password of `name` easier to guess.
    pub fn advice(name: &str, password: &Secret) -> Vec<Advice> {
        let text = password.expose().to_ascii_lowercase();
        let name = name.to_ascii_lowercase();
        let reversed: String = name.chars().rev().collect();
        // A name of one or two letters is in most passwords by chance.
        let holds = |part: &str| part.len() >= 3 && text.contains(part);
        let signs: Vec<i32> = text.chars().map(|c| c as i32).collect();
        let runs = |step: i32| {
            signs.windows(3).any(|w| {
                let plain = w
                    .iter()
                    .all(|c| char::from_u32(*c as u32).is_some_and(|c| c.is_ascii_alphanumeric()));
                w[1] - w[0] == step && w[2] - w[1] == step && (plain || step == 0)
            })
        };
        let mut all = Vec::new();
        for (is, advice) in [
            (holds(&name), Advice::ContainsName),
            (holds(&reversed) && reversed != name, Advice::ReversedName),
            (runs(1) || runs(-1), Advice::Sequence),
            (runs(0), Advice::Repeat),
        ] {
            if is {
                all.push(advice);
            }
        }
        all
    }

    /// The strength of a password that passed [`PasswordPolicy::check`].
    pub fn strength(name: &str, password: &Secret) -> Strength {
        let text = password.expose();
        let steps = usize::from(classes(text) >= 3) + usize::from(text.len() >= 12);
        match steps.saturating_sub(Self::advice(name, password).len()) {
            0 => Strength::Weak,
            1 => Strength::Medium,
            _ => Strength::Strong,
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
        let s = |p: &str| PasswordPolicy::strength("guard", &Secret::new(p));
        assert_eq!(
            (
                s("axcdxfgx1"),
                s("axcoxfgxikxx1"),
                s("aB3dxfgxijkx1"),
                s("aB3dxfgxibkx1")
            ),
            (
                Strength::Weak,
                Strength::Medium,
                Strength::Medium,
                Strength::Strong
            )
        );
    }

    /// SEC-1, SEC-2: advice lowers the strength; the settings can make a rule of it.
    #[test]
    fn advice_lowers_the_strength_and_can_be_a_rule() {
        use Advice::{ContainsName, Repeat, ReversedName, Sequence};
        for (password, advice) in [
            ("xGuard-9xyq", &[ContainsName][..]),
            ("xdraug-9xbq", &[ReversedName]),
            ("x123-Kw9mtz", &[Sequence]),
            ("xcbA-Kw9mtz", &[Sequence]),
            ("xaaa-Kw9mtz", &[Repeat]),
            ("x---Kw9mtzq", &[Repeat]),
            ("x)*+Kw9mtzq", &[]),
            (
                "guarddraug111abc",
                &[ContainsName, ReversedName, Sequence, Repeat],
            ),
        ] {
            assert_eq!(
                PasswordPolicy::advice("guard", &Secret::new(password)),
                advice,
                "{password}"
            );
        }
        assert_eq!(PasswordPolicy::advice("a", &Secret::new("ga-ga-9xK")), []);
        let refused = |password: &str, change: fn(&mut SecurityPassword)| {
            let mut rules = SecurityPassword::default();
            change(&mut rules);
            let report = PasswordPolicy::report("guard", &Secret::new(password), &rules);
            assert_eq!(report.acceptable, report.errors.0.is_empty());
            !report.acceptable
        };
        assert!(!refused("xGuard-9xyq", |_| {}));
        assert!(refused("xGuard-9xyq", |r| r.refuse_name = true));
        assert!(refused("axcdxfgx1", |r| r.refuse_weak = true));
        let json = |r: &mut SecurityPassword| {
            let v = serde_json::json!({"expires_days": 0, "expire_devices": false, "min_length": 10, "min_uppercase": 1,
                "min_digits": 2, "min_special": 1, "refuse_name": false, "refuse_weak": false, "history": 0});
            *r = serde_json::from_value(v).unwrap();
        };
        assert!(refused("aB1-aB1-a", json) && !refused("aB1-aB1-ab", json));
        assert!(
            refused("ab1-ab1-ab", json)
                && refused("aB1-aBx-ab", json)
                && refused("aB1xaB1xab", json)
        );
    }
}
