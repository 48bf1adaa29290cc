//! Findings: what `switchboard check` tells, as lines for people or as one JSON object for programs.

use serde_json::{Value, json};

use crate::{cli::say, config::Problems, vault::Finding};

/// Lines are told as they are found, since some take a while; JSON at the end.
#[derive(Default)]
pub struct Findings {
    json: bool,
    all: Vec<Value>,
    worst: u8,
}

impl Findings {
    pub fn new(json: bool) -> Self {
        Self {
            json,
            ..Self::default()
        }
    }

    /// `about`: what was looked at, as a word.
    pub fn tell(&mut self, about: &'static str, finding: &Finding) {
        let (level, text) = match finding {
            Finding::Good(text) => ("ok", text),
            Finding::Note(text) => ("note", text),
            Finding::Bad { text, code } => {
                self.worst = self.worst.max(*code);
                ("problem", text)
            }
        };
        if self.json {
            let found = json!({ "about": about, "level": level, "text": text });
            self.all.push(found);
        } else {
            say(&format!("{level:<8} {text}"));
        }
    }

    /// A configuration that nothing can be looked at with.
    pub fn refuse(&mut self, problems: &Problems) {
        if !self.json {
            eprintln!("switchboard: {problems}");
        }
        self.worst = 2;
        for problem in &problems.0 {
            let text = format!("{}: {}", problem.variable, problem.what);
            self.all
                .push(json!({ "about": "configuration", "level": "problem", "text": text }));
        }
    }

    /// The exit code that it comes to.
    pub fn end(self) -> u8 {
        if self.json {
            let status = if self.worst == 0 { "ok" } else { "problem" };
            say(&json!({ "status": status, "findings": self.all }).to_string());
        }
        self.worst
    }
}
