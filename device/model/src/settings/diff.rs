use serde::Serialize;
use serde_json::Value;

/// One difference between two values of a section.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// JSON pointer into the section.
    pub pointer: String,
    /// The value before; `null` when there was none.
    pub from: Value,
    /// The value after; `null` when there is none.
    pub to: Value,
}

/// What changed, field by field; lists are told as a whole.
pub(super) fn differences(from: &Value, to: &Value) -> Vec<Difference> {
    let mut all = Vec::new();
    walk(String::new(), from, to, &mut all);
    all
}

fn walk(pointer: String, from: &Value, to: &Value, all: &mut Vec<Difference>) {
    if let (Value::Object(a), Value::Object(b)) = (from, to) {
        let names: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
        for name in names {
            let escaped = name.replace('~', "~0").replace('/', "~1");
            let missing = Value::Null;
            let (x, y) = (
                a.get(name).unwrap_or(&missing),
                b.get(name).unwrap_or(&missing),
            );
            walk(format!("{pointer}/{escaped}"), x, y, all);
        }
    } else if from != to {
        all.push(Difference {
            pointer,
            from: from.clone(),
            to: to.clone(),
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tells_each_field_by_its_pointer() {
        let from = json!({"a": 1, "b": {"c/d": [1, 2], "e": true}, "gone": "x"});
        let to = json!({"a": 1, "b": {"c/d": [1], "e": true}, "new": null, "more": 2});
        let told: Vec<_> = differences(&from, &to)
            .into_iter()
            .map(|d| (d.pointer, d.from, d.to))
            .collect();
        assert_eq!(
            told,
            [
                ("/b/c~1d".into(), json!([1, 2]), json!([1])),
                ("/gone".into(), json!("x"), Value::Null),
                ("/more".into(), Value::Null, json!(2)),
            ]
        );
        assert!(differences(&to, &to).is_empty());
    }
}
