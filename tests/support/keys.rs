//! Keys: answers compared with what was promised, key by key.

use serde_json::Value;

/// The answer's keys are exactly these, whatever their order.
#[track_caller]
pub fn exactly(value: &Value, wanted: &[&str]) {
    let object = value
        .as_object()
        .unwrap_or_else(|| panic!("no object: {value}"));
    let mut found: Vec<&str> = object.keys().map(String::as_str).collect();
    let mut wanted = wanted.to_vec();
    found.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(found, wanted, "{value}");
}
