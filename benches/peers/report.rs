//! Report: the race's figures as ratios of Switchboard's to the others', and whether each goal holds.

use std::collections::BTreeMap;

use super::{Size, contestant::Kind};
use crate::parts::{page::Page, ratios::compare};

/// What is asked of Switchboard beside the Telethon service.
#[derive(Clone, Copy)]
pub enum Goal {
    /// At least so many times its figure.
    Times(f64),
    /// At most this share of its figure.
    Share(f64),
    None,
}

struct Figure {
    what: String,
    unit: &'static str,
    values: Vec<(Kind, f64)>,
    goal: Goal,
}

#[derive(Default)]
pub struct Report {
    figures: Vec<Figure>,
}

impl Report {
    pub fn of(all: impl IntoIterator<Item = Self>) -> Self {
        let figures = all.into_iter().flat_map(|one| one.figures).collect();
        Self { figures }
    }

    /// Takes a figure, and says it at once.
    pub fn add(&mut self, what: &str, unit: &'static str, values: Vec<(Kind, f64)>, goal: Goal) {
        let figure = Figure {
            what: what.to_owned(),
            unit,
            values,
            goal,
        };
        println!("{}", figure.line());
        self.figures.push(figure);
    }

    /// All figures once more, beside those that were committed; whether every goal holds.
    pub fn print(&self, size: Size) -> bool {
        let mut page = Page::default();
        for figure in &self.figures {
            page.say(&figure.line());
        }
        if !size.short {
            page.write("peers");
            compare("peers", &self.ratios());
        }
        let missed = self
            .figures
            .iter()
            .filter(|figure| figure.holds() == Some(false));
        let missed: Vec<&str> = missed.map(|figure| figure.what.as_str()).collect();
        if !missed.is_empty() {
            println!("goals that do not hold: {}", missed.join("; "));
        }
        missed.is_empty()
    }
}

impl Report {
    /// By name; larger is better in all of them.
    fn ratios(&self) -> BTreeMap<String, f64> {
        let mut ratios = BTreeMap::new();
        for figure in &self.figures {
            for (kind, _) in figure
                .values
                .iter()
                .filter(|(kind, _)| *kind != Kind::Switchboard)
            {
                let Some(ratio) = figure.ratio(*kind).filter(|ratio| *ratio > 0.0) else {
                    continue;
                };
                let ratio = if figure.rises() { ratio } else { 1.0 / ratio };
                ratios.insert(format!("{}, beside {}", figure.what, kind.name()), ratio);
            }
        }
        ratios
    }
}

impl Figure {
    fn of(&self, kind: Kind) -> Option<f64> {
        let found = self.values.iter().find(|(one, _)| *one == kind);
        found.map(|(_, value)| *value)
    }

    /// Is more of it better?
    fn rises(&self) -> bool {
        self.unit.ends_with("/s")
    }

    /// Switchboard's figure beside another's.
    fn ratio(&self, kind: Kind) -> Option<f64> {
        let ratio = self.of(Kind::Switchboard)? / self.of(kind)?;
        ratio.is_finite().then_some(ratio)
    }

    fn holds(&self) -> Option<bool> {
        let (ours, theirs) = (self.of(Kind::Switchboard)?, self.of(Kind::Peer)?);
        match self.goal {
            Goal::Times(times) => Some(ours >= theirs * times),
            Goal::Share(share) => Some(ours <= theirs * share),
            Goal::None => None,
        }
    }

    fn line(&self) -> String {
        let mut line = format!("{:<38}", self.what);
        for (kind, value) in &self.values {
            let shown = if *value >= 100.0 || value.fract() == 0.0 {
                format!("{value:.0}")
            } else {
                format!("{value:.2}")
            };
            line += &format!(" {} {shown:>7} {}", kind.name(), self.unit);
            if let Some(ratio) = self.ratio(*kind).filter(|_| *kind != Kind::Switchboard) {
                line += &format!(" (×{ratio:.2})");
            }
            line.push(';');
        }
        let goal = match self.goal {
            Goal::Times(times) => format!(" goal ≥ ×{times}"),
            Goal::Share(share) => format!(" goal ≤ ×{share:.2}"),
            Goal::None => String::new(),
        };
        let held = match self.holds() {
            Some(true) => ": holds",
            Some(false) => ": DOES NOT HOLD",
            None => "",
        };
        format!("{line}{goal}{held}")
    }
}
