//! Migrations: what a schema is to this version, whichever engine has it.

use diesel_migrations::EmbeddedMigrations;

use super::{
    Result, StoreError,
    trouble::{unavailable, unavailable_text},
};

/// What a schema is to this version.
pub(super) enum Schema {
    /// There is none yet.
    None,
    Ours,
    Older {
        found: String,
    },
    Newer {
        found: String,
    },
}

/// The versions of these migrations, oldest first.
pub(super) fn versions_of<DB: diesel::backend::Backend>(
    migrations: &EmbeddedMigrations,
) -> Result<Vec<String>> {
    let known = diesel::migration::MigrationSource::<DB>::migrations(migrations)
        .map_err(|error| broken("open", &error))?;
    let mut versions: Vec<String> = known
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect();
    versions.sort();
    Ok(versions)
}

/// What a schema with the migrations `found` is to a version that knows these.
pub(super) fn compared(mut found: Vec<String>, known: &[String]) -> Schema {
    found.sort();
    if let Some(strange) = found.iter().find(|version| !known.contains(version)) {
        return Schema::Newer {
            found: strange.clone(),
        };
    }
    match found.pop() {
        None => Schema::None,
        Some(_) if found.len() + 1 == known.len() => Schema::Ours,
        Some(newest) => Schema::Older { found: newest },
    }
}

pub(super) fn broken(call: &'static str, error: &impl ToString) -> StoreError {
    let text = error.to_string();
    match unavailable_text(&text) {
        true => StoreError::Unavailable { reason: text },
        false => StoreError::Broken { call, cause: text },
    }
}

/// As [`broken`], of a statement: a server that went away in the middle says nothing that could be read.
pub(super) fn failed(call: &'static str, error: &diesel::result::Error) -> StoreError {
    match unavailable(error) {
        true => StoreError::Unavailable {
            reason: error.to_string(),
        },
        false => broken(call, error),
    }
}
