//! The database, where it is not the file in the data directory.

use std::path::PathBuf;

use super::{checker::Checker, problems::Problems};
use crate::{cli::Settings, store::ServerUrl};

/// This setting alone, for commands that need no other.
///
/// # Errors
/// What is wrong with it.
pub fn database_in_settings(settings: &Settings) -> Result<Option<ServerUrl>, Problems> {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY");
    let mut checker = Checker {
        credentials: credentials.map(PathBuf::from),
        ..Checker::default()
    };
    let database = checker.database(settings);
    match checker.problems.is_empty() {
        true => Ok(database),
        false => Err(Problems(checker.problems)),
    }
}

impl Checker {
    pub(super) fn database(&mut self, settings: &Settings) -> Option<ServerUrl> {
        const VARIABLE: &str = "SWITCHBOARD_DATABASE_URL";
        let text = self.secret(
            VARIABLE,
            settings.database_url.as_deref(),
            settings.database_url_file.as_deref(),
        );
        let authorities = settings.database_ca.clone();
        let authorities = authorities.filter(|path| !path.as_os_str().is_empty());
        let Some(text) = text.filter(|text| !text.expose().is_empty()) else {
            if authorities.is_some() {
                self.report(
                    "SWITCHBOARD_DATABASE_CA",
                    "is given without SWITCHBOARD_DATABASE_URL",
                );
            }
            return None;
        };
        ServerUrl::parse(text.expose(), authorities)
            .map_err(|what| self.report(VARIABLE, what))
            .ok()
    }
}
