//! Problems: what is wrong with the settings, each by its variable.

use std::fmt;

/// Everything that is wrong, in the order of the settings.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    pub variable: &'static str,
    pub what: String,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration can't be used:")?;
        for problem in &self.0 {
            write!(f, "\n  {}: {}", problem.variable, problem.what)?;
        }
        Ok(())
    }
}
