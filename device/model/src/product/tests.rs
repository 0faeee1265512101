use proptest::prelude::*;
use serde_json::json;

use super::{Function, Limit, Need, Product};
use crate::Error;

fn parse(value: &serde_json::Value) -> crate::Result<Product> {
    Product::parse(value.to_string().as_bytes())
}

/// GEN-24: what a file does not take away is there.
#[test]
fn a_file_takes_away_and_bounds() {
    let all = parse(&json!({"model": "Platecam"})).unwrap();
    assert_eq!(all, Product::default());
    let small = parse(&json!({
        "model": "Platecam S2",
        "without": ["email", "voice"],
        "limits": {"users": 12, "alarm-outputs": 1, "alarm-inputs": 0},
    }))
    .unwrap();
    assert_eq!(small.name(), "Platecam S2");
    assert_eq!(
        small.lacks().collect::<Vec<_>>(),
        [Function::Email, Function::Voice]
    );
    assert_eq!(
        Limit::ALL.map(|l| small.limit(l)),
        [12, 4096, 2, 0, 1, 2, 2, 1, 1]
    );
    assert!(small.has(Function::Upgrade));
    let refused = small.require(Some(Need::Function(Function::Email)));
    assert_eq!(
        refused.unwrap_err().to_string(),
        "not supported: the model Platecam S2 has no e-mail"
    );
    let second = Need::AtLeast(Limit::AlarmOutputs, 2);
    let said = small.require(Some(second)).unwrap_err().to_string();
    assert!(said.ends_with("has no alarm output number 2"), "{said}");
    let any = Need::AnyOf(&[
        Need::AtLeast(Limit::AlarmInputs, 1),
        Need::AtLeast(Limit::AlarmOutputs, 1),
    ]);
    assert!(small.require(Some(any)).is_ok());
    let none = small.at_most(Limit::AlarmOutputs, 0);
    let said = none.require(Some(any)).unwrap_err().to_string();
    assert!(
        said.ends_with("has no alarm input or alarm output"),
        "{said}"
    );
}

/// GEN-24: every mistake of a file is named with its place and bound.
#[test]
fn every_mistake_is_named() {
    let Err(Error::Invalid(wrong)) = parse(&json!({
        "model": "x/y",
        "without": ["email", "wings", 7],
        "limits": {"users": 9, "viewers": "many", "wheels": 4, "streams": 3},
        "colour": "red",
    })) else {
        panic!("not refused");
    };
    let said: Vec<_> = wrong.0.iter().map(|v| v.pointer.as_str()).collect();
    for place in [
        "/model",
        "/without/1",
        "/without/2",
        "/limits/users",
        "/limits/viewers",
        "/limits/wheels",
        "/limits/streams",
        "/colour",
    ] {
        assert!(said.contains(&place), "{place}: {said:?}");
    }
    assert_eq!(said.len(), 8);
    let users = wrong.0.iter().find(|v| v.pointer == "/limits/users");
    assert_eq!(users.unwrap().reason, "must be 10 to 256");
    for name in ["", " x", &"x".repeat(32), "ä"] {
        assert!(parse(&json!({"model": name})).is_err(), "{name}");
    }
    for text in [&b"[]"[..], b"{", b"", &[b' '; 65 * 1024]] {
        assert!(matches!(Product::parse(text), Err(Error::Malformed { .. })));
    }
}

/// Names are unique, and what serde writes is what files say.
#[test]
fn names_are_one() {
    for function in Function::ALL {
        assert_eq!(json!(function), json!(function.name()));
        let same = Function::ALL.iter().filter(|f| f.name() == function.name());
        assert_eq!(same.count(), 1, "{function:?}");
    }
    for (i, limit) in Limit::ALL.into_iter().enumerate() {
        assert_eq!(limit as usize, i);
    }
}

proptest! {
    #[test]
    fn hostile_files_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        let _ = Product::parse(&bytes);
    }
}
