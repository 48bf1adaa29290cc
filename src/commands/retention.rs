//! Retention: `switchboard retention` tells what the settings would free, before they do.

use std::process::ExitCode;

use crate::{
    cli::say,
    config::Config,
    data_dir::media_in,
    domain::{KeepFor, Retention},
    media::old_files_in,
    store::{StoreError, StorePlace, would_go_of},
};

#[derive(Debug, thiserror::Error)]
enum RetentionError {
    #[error("there is no database in {0}: check SWITCHBOARD_DATA_DIR")]
    NoStore(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the files can't be read: {0}")]
    Files(#[from] std::io::Error),
}

/// A line for each account, and one for the events.
pub fn tell(config: &Config) -> ExitCode {
    match lines(config) {
        Ok(lines) => {
            for line in lines {
                say(&line);
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("switchboard: {error}");
            match error {
                RetentionError::NoStore(_) => ExitCode::from(2),
                _ => ExitCode::from(1),
            }
        }
    }
}

fn lines(config: &Config) -> Result<Vec<String>, RetentionError> {
    let place = config.store_place();
    if let StorePlace::File(database) = &place
        && !database.exists()
    {
        return Err(RetentionError::NoStore(
            config.data_dir.display().to_string(),
        ));
    }
    let (accounts, events) = would_go_of(&place, &config.keep)?;
    let media = media_in(&config.data_dir);
    let mut lines = Vec::new();
    for account in accounts {
        let files = match account.retention.media(&config.keep) {
            Some(days) => old_files_in(&media, account.id, days)?,
            None => Default::default(),
        };
        lines.push(format!(
            "{} {:?}: messages {}, files {}; would free {} messages ({} bytes) and {} files ({} bytes)",
            account.id,
            account.label,
            kept(account.retention.messages(&config.keep)),
            kept(account.retention.media(&config.keep)),
            account.messages.messages,
            account.messages.bytes,
            files.count(),
            files.bytes,
        ));
    }
    lines.push(format!(
        "events {}; would free {events}",
        kept(config.keep.events_days)
    ));
    if config.keep == KeepFor::default() {
        lines.push(format!(
            "nothing is thrown away unless somebody says so: --keep-messages, --keep-media and --keep-events take a number of days \
             from {} on, and each account may have its own",
            Retention::SHORTEST
        ));
    }
    Ok(lines)
}

fn kept(days: Option<u32>) -> String {
    days.map_or_else(
        || "kept for ever".to_owned(),
        |days| format!("kept for {days} days"),
    )
}
