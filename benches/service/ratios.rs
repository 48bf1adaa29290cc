//! Ratios: those of this run beside those that were committed. A figure is of its machine; what it is beside its floor, measured in
//! the same run, is not.

use std::{collections::BTreeMap, fs};

use super::page::writes;

const RATIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/ratios.json");
/// What is less than this share of what it was is told.
const FELL: f64 = 0.9;

/// What a part of a bench finds, by name; larger is better in all of them.
#[derive(Default)]
pub struct Ratios(BTreeMap<String, f64>);

impl Ratios {
    pub fn add(&mut self, name: &str, ratio: f64) {
        // Of nothing measured there is no ratio.
        if ratio.is_finite() && ratio > 0.0 {
            self.0.insert(name.to_owned(), ratio);
        }
    }

    pub fn compare(&self, bench: &str) {
        if !self.0.is_empty() {
            compare(bench, &self.0);
        }
    }
}

/// Says which ratios fell by more than a tenth since they were committed; larger is better in all of them.
pub fn compare(bench: &str, ratios: &BTreeMap<String, f64>) {
    type All = BTreeMap<String, BTreeMap<String, f64>>;
    let text = fs::read_to_string(RATIOS).unwrap_or_else(|_| "{}".to_owned());
    let mut committed: All = serde_json::from_str(&text).expect("benches/ratios.json");
    let before = committed.entry(bench.to_owned()).or_default();
    let mut fell = 0;
    for (name, ratio) in ratios {
        if let Some(was) = before.get(name).filter(|was| *ratio < **was * FELL) {
            println!("FELL: {name} is {ratio:.2}, and was {was:.2}");
            fell += 1;
        }
    }
    match (before.is_empty(), fell) {
        (true, _) => println!("no ratios of this bench are committed yet"),
        (false, 0) => println!("no ratio fell by more than a tenth since it was committed"),
        (false, _) => println!("{fell} ratios fell by more than a tenth since they were committed"),
    }
    if writes() {
        // Of a part alone: the others stay.
        before.extend(
            ratios
                .iter()
                .map(|(name, ratio)| (name.clone(), (ratio * 100.0).round() / 100.0)),
        );
        let text = serde_json::to_string_pretty(&committed).expect("JSON");
        fs::write(RATIOS, text + "\n").expect("written");
    }
}
