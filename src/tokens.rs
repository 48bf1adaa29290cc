//! Tokens: API tokens from the command line. Works while the service runs, and before it first ran.

use std::{
    io::{Write, stdout},
    path::Path,
    process::ExitCode,
};

use crate::{
    cli::{TokenAction, TokenScopeArg},
    data_dir::{DataDirError, database_of},
    domain::Timestamp,
    store::{NewToken, StoreError, TokenFile, TokenRecord},
    web::{new_token, sha256_hex},
};

#[derive(Debug, thiserror::Error)]
enum TokenError {
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no valid token {0}; `switchboard token list` shows them")]
    Unknown(i64),
    #[error("a token's name has 1 to 64 characters on one line")]
    Name,
}

/// Runs `switchboard token …`; tells the result on stdout and trouble on stderr.
#[must_use]
pub fn run(data_dir: &Path, action: TokenAction) -> ExitCode {
    match act(data_dir, action) {
        Ok(text) => match writeln!(stdout(), "{text}") {
            Ok(()) => ExitCode::SUCCESS,
            // A new token is shown this once.
            Err(error) => {
                eprintln!(
                    "switchboard: the answer could not be written: {error}; `switchboard token list` shows what was done"
                );
                ExitCode::from(1)
            }
        },
        Err(error) => {
            eprintln!("switchboard: {error}");
            ExitCode::from(match error {
                TokenError::Name | TokenError::Unknown(_) => 2,
                TokenError::DataDir(_) | TokenError::Store(_) => 1,
            })
        }
    }
}

fn act(data_dir: &Path, action: TokenAction) -> Result<String, TokenError> {
    let mut file = TokenFile::open(&database_of(data_dir)?)?;
    match action {
        TokenAction::Create { name, scope } => {
            let name = name.trim();
            let length = name.chars().count();
            if !(1..=64).contains(&length) || name.chars().any(char::is_control) {
                return Err(TokenError::Name);
            }
            let text = new_token();
            file.add(&NewToken {
                name: name.to_owned(),
                scope: scope.as_str().to_owned(),
                hash: sha256_hex(text.expose()),
                expires_at: None,
            })?;
            // The token alone: a script takes it as it is. It is shown this once.
            Ok(text.expose().to_owned())
        }
        TokenAction::List => Ok(table(&file.list()?)),
        TokenAction::Revoke { id } => {
            if !file.revoke(id)? {
                return Err(TokenError::Unknown(id));
            }
            Ok(format!("token {id} is revoked"))
        }
    }
}

fn table(tokens: &[TokenRecord]) -> String {
    if tokens.is_empty() {
        return "there are no tokens: the service answers this machine alone, without one"
            .to_owned();
    }
    let now = Timestamp::now();
    let mut lines = vec![format!(
        "{:<5} {:<8} {:<25} {:<25} {:<8} name",
        "id", "scope", "created", "last used", "state"
    )];
    for token in tokens {
        let state = match (token.revoked_at, token.expires_at) {
            (Some(_), _) => "revoked",
            (None, Some(end)) if end <= now => "expired",
            _ => "valid",
        };
        let last_used = token
            .last_used_at
            .map_or_else(|| "never".to_owned(), |at| at.to_string());
        lines.push(format!(
            "{:<5} {:<8} {:<25} {:<25} {:<8} {}",
            token.id,
            token.scope,
            token.created_at.to_string(),
            last_used,
            state,
            token.name
        ));
    }
    lines.join("\n")
}

impl TokenScopeArg {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Send => "send",
            Self::Admin => "admin",
            Self::Licence => "licence",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the promise that a token is shown once: the list has its name and its state, never its text.
    #[test]
    fn a_token_is_shown_once_and_ends_when_it_is_revoked() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let create = |name: &str| TokenAction::Create {
            name: name.to_owned(),
            scope: TokenScopeArg::Read,
        };
        let text = act(&data, create("reporting")).unwrap();
        assert!(text.starts_with("swb_"), "{text}");
        let listed = act(&data, TokenAction::List).unwrap();
        assert!(
            listed.contains("reporting") && listed.contains("valid"),
            "{listed}"
        );
        assert!(!listed.contains(&text), "{listed}");
        act(&data, TokenAction::Revoke { id: 1 }).unwrap();
        assert!(act(&data, TokenAction::List).unwrap().contains("revoked"));
        assert!(matches!(
            act(&data, TokenAction::Revoke { id: 1 }),
            Err(TokenError::Unknown(1))
        ));
        assert!(matches!(act(&data, create(" \n")), Err(TokenError::Name)));
        let file = std::fs::read(data.join("switchboard.db")).unwrap();
        let secret = text.as_bytes();
        assert!(!file.windows(secret.len()).any(|part| part == secret));
    }
}
