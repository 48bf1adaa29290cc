//! Retention: for how many days things are kept. Without a word, for ever.

use super::checker::Checker;
use crate::{
    cli::Settings,
    domain::{KeepFor, Retention},
};

impl Checker {
    pub(super) fn keep(&mut self, settings: &Settings) -> KeepFor {
        KeepFor {
            messages_days: self.days(
                "SWITCHBOARD_KEEP_MESSAGES",
                settings.keep_messages.as_deref(),
            ),
            media_days: self.days("SWITCHBOARD_KEEP_MEDIA", settings.keep_media.as_deref()),
            events_days: self.days("SWITCHBOARD_KEEP_EVENTS", settings.keep_events.as_deref()),
        }
    }

    fn days(&mut self, variable: &'static str, given: Option<&str>) -> Option<u32> {
        let given = given.unwrap_or_default().trim();
        if given.is_empty() {
            return None;
        }
        let days = given.parse().ok().filter(|days| Retention::fits(*days));
        if days.is_none() {
            self.report(
                variable,
                "is not a number of days from 7 to 36500; leave it empty to keep everything",
            );
        }
        days
    }
}
