//! Tokens: API tokens from the command line. Works while the service runs, and before it first ran.

use std::{
    io::{Write, stdout},
    path::PathBuf,
    process::ExitCode,
};

use uuid::Uuid;

use crate::{
    cli::{Settings, TokenAction, TokenScopeArg},
    config::{Problems, database_in_settings},
    data_dir::{DataDirError, database_in, database_of},
    domain::{AccountId, Timestamp},
    store::{
        NewToken, ServerUrl, StoreError, StorePlace, TokenFile, TokenRecord, TokenTable, Unlocked,
    },
    web::{NoTokenLeft, new_token, sha256_hex},
};

#[derive(Debug, thiserror::Error)]
enum TokenError {
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Settings(#[from] Problems),
    #[error("there is no valid token {0}; `switchboard token list` shows them")]
    Unknown(i64),
    #[error("a token's name has 1 to 64 characters on one line")]
    Name,
    #[error("--expires-at is a moment to come, such as 2027-01-31T00:00:00Z")]
    End,
    #[error("a licence has its own account, and no --account")]
    LicenceAccounts,
    #[error(
        "this would let everybody on this machine (each user, each program, and each proxy that adds nothing to a request) \
         read and send with every account, without a token; if you want that, say \
         `switchboard token unlock --everybody-on-this-machine`"
    )]
    Unconfirmed,
    #[error(
        "there are tokens that count, and while there are, every call needs one: revoke them first (`switchboard token list` \
         shows them)"
    )]
    TokensLeft,
}

/// What is told when it is done.
struct Done {
    /// The answer itself, for a script as it is.
    text: String,
    /// What a person should know besides.
    notes: Vec<String>,
}

/// Where the tokens are.
struct Tokens {
    data_dir: PathBuf,
    server: Option<ServerUrl>,
}

impl Tokens {
    /// Of the settings nothing else is needed, and nothing else has to be right.
    fn of(settings: &Settings) -> Result<Self, TokenError> {
        Ok(Self {
            data_dir: settings.data_dir.clone(),
            server: database_in_settings(settings)?,
        })
    }

    /// Where that is, and nothing is made.
    fn place(&self) -> StorePlace {
        self.server.clone().map_or_else(
            || StorePlace::File(database_in(&self.data_dir)),
            StorePlace::Server,
        )
    }

    /// `None`: there is no database yet.
    fn open(&self) -> Result<Option<TokenFile>, TokenError> {
        Ok(TokenFile::open(&self.place())?)
    }

    /// The same, with the directory that a file lies in.
    fn made_place(&self) -> Result<StorePlace, TokenError> {
        Ok(match &self.server {
            None => StorePlace::File(database_of(&self.data_dir)?),
            Some(_) => self.place(),
        })
    }
}

/// Runs `switchboard token …`; tells the result on stdout, what else is to know and trouble on stderr.
#[must_use]
pub fn run(settings: &Settings, action: TokenAction) -> ExitCode {
    match Tokens::of(settings).and_then(|tokens| act(&tokens, action)) {
        Ok(done) => {
            for note in done.notes {
                eprintln!("switchboard: {note}");
            }
            match writeln!(stdout(), "{}", done.text) {
                Ok(()) => ExitCode::SUCCESS,
                // A new token is shown this once.
                Err(error) => {
                    eprintln!(
                        "switchboard: the answer could not be written: {error}; `switchboard token list` shows what was done"
                    );
                    ExitCode::from(1)
                }
            }
        }
        Err(error) => {
            eprintln!("switchboard: {error}");
            ExitCode::from(match error {
                TokenError::Name
                | TokenError::End
                | TokenError::LicenceAccounts
                | TokenError::Unknown(_)
                | TokenError::Unconfirmed
                | TokenError::Settings(_)
                | TokenError::Store(StoreError::Unfit { .. })
                | TokenError::TokensLeft => 2,
                TokenError::DataDir(_) | TokenError::Store(_) => 1,
            })
        }
    }
}

fn act(tokens: &Tokens, action: TokenAction) -> Result<Done, TokenError> {
    let plain = |text: String| Done {
        text,
        notes: Vec::new(),
    };
    match action {
        TokenAction::Create {
            name,
            scope,
            accounts,
            expires_at,
        } => create(tokens, &name, scope, &accounts, expires_at.as_deref()),
        TokenAction::Rotate { id } => rotate(tokens, id).map(plain),
        TokenAction::List => list(tokens).map(plain),
        TokenAction::Revoke { id } => revoke(tokens, id).map(plain),
        TokenAction::Unlock {
            everybody_on_this_machine,
        } => unlock(tokens, everybody_on_this_machine).map(plain),
    }
}

fn create(
    tokens: &Tokens,
    name: &str,
    scope: TokenScopeArg,
    accounts: &[Uuid],
    expires_at: Option<&str>,
) -> Result<Done, TokenError> {
    let name = name.trim();
    let length = name.chars().count();
    if !(1..=64).contains(&length) || name.chars().any(char::is_control) {
        return Err(TokenError::Name);
    }
    if scope == TokenScopeArg::Licence && !accounts.is_empty() {
        return Err(TokenError::LicenceAccounts);
    }
    let expires_at = expires_at.map(end).transpose()?;
    let accounts: Vec<AccountId> = accounts.iter().copied().map(AccountId).collect();
    let place = tokens.made_place()?;
    let mut notes = Vec::new();
    let mut file = match TokenFile::open(&place)? {
        Some(file) => file,
        None => {
            notes.push(format!("there was no database yet: {place} was made"));
            TokenFile::open_or_make(&place)?
        }
    };
    if !file.table()?.locked {
        notes.push(
            "the service is locked from now on: every call needs a token, also after the last one was revoked \
             (`switchboard token unlock` tells how to open it again)"
                .to_owned(),
        );
    }
    let text = new_token();
    file.add(&NewToken {
        name: name.to_owned(),
        scope: scope.as_str().to_owned(),
        hash: sha256_hex(text.expose()),
        expires_at,
        launched_by: None,
        accounts: (!accounts.is_empty()).then_some(accounts),
    })?;
    // The token alone: a script takes it as it is. It is shown this once.
    Ok(Done {
        text: text.expose().to_owned(),
        notes,
    })
}

/// A moment to come.
fn end(text: &str) -> Result<Timestamp, TokenError> {
    let quoted = serde_json::Value::String(text.to_owned());
    let end: Timestamp = serde_json::from_value(quoted).map_err(|_| TokenError::End)?;
    if end <= Timestamp::now() {
        return Err(TokenError::End);
    }
    Ok(end)
}

fn rotate(tokens: &Tokens, id: i64) -> Result<String, TokenError> {
    let mut file = tokens.open()?.ok_or(TokenError::Unknown(id))?;
    let text = new_token();
    file.rotate(id, &sha256_hex(text.expose()))?
        .ok_or(TokenError::Unknown(id))?;
    Ok(text.expose().to_owned())
}

fn list(tokens: &Tokens) -> Result<String, TokenError> {
    let Some(mut file) = tokens.open()? else {
        return Ok(standing(&TokenTable::default()));
    };
    let all = file.list()?;
    let standing = standing(&file.table()?);
    if all.is_empty() {
        return Ok(standing);
    }
    Ok(format!("{}\n\n{standing}", rows(&all)))
}

fn revoke(tokens: &Tokens, id: i64) -> Result<String, TokenError> {
    let Some(mut file) = tokens.open()? else {
        return Err(TokenError::Unknown(id));
    };
    if !file.revoke(id)? {
        return Err(TokenError::Unknown(id));
    }
    let table = file.table()?;
    let rest = if table.any() {
        String::new()
    } else {
        format!("\n{}", standing(&table))
    };
    Ok(format!(
        "token {id} is revoked; what it opened ends with it{rest}"
    ))
}

fn unlock(tokens: &Tokens, confirmed: bool) -> Result<String, TokenError> {
    let Some(mut file) = tokens.open()? else {
        return Ok(standing(&TokenTable::default()));
    };
    if !confirmed {
        return Err(TokenError::Unconfirmed);
    }
    match file.unlock()? {
        Unlocked::TokensLeft => Err(TokenError::TokensLeft),
        Unlocked::Already => Ok("the service was open already".to_owned()),
        Unlocked::Done => Ok(
            "the service is open: everybody on this machine may use it without a token, a running one from the next second \
             on; the next token locks it again"
                .to_owned(),
        ),
    }
}

/// How the service stands to callers, in words for people.
#[must_use]
pub fn standing(table: &TokenTable) -> String {
    match (table.locked, table.any()) {
        (false, _) => "the service is open: it answers everybody on this machine without a token, and nobody else"
            .to_owned(),
        (true, true) => "the service is locked: every call needs a token, and it stays so when the last one is revoked \
                         (`switchboard token unlock` tells how to open it again)"
            .to_owned(),
        (true, false) => NoTokenLeft.to_string(),
    }
}

fn rows(tokens: &[TokenRecord]) -> String {
    let now = Timestamp::now();
    let mut lines = vec![format!(
        "{:<5} {:<8} {:<25} {:<25} {:<8} name",
        "id", "scope", "created", "last used", "state"
    )];
    for token in tokens {
        let state = token.state(now).as_str();
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
        let tokens = Tokens {
            data_dir: data.clone(),
            server: None,
        };
        let create = |name: &str| TokenAction::Create {
            name: name.to_owned(),
            scope: TokenScopeArg::Read,
            accounts: Vec::new(),
            expires_at: None,
        };
        let text = act(&tokens, create("reporting")).unwrap().text;
        assert!(text.starts_with("swb_"), "{text}");
        let listed = act(&tokens, TokenAction::List).unwrap().text;
        assert!(
            listed.contains("reporting") && listed.contains("valid"),
            "{listed}"
        );
        assert!(!listed.contains(&text), "{listed}");
        act(&tokens, TokenAction::Revoke { id: 1 }).unwrap();
        let listed = act(&tokens, TokenAction::List).unwrap().text;
        assert!(listed.contains("revoked"), "{listed}");
        assert!(matches!(
            act(&tokens, TokenAction::Revoke { id: 1 }),
            Err(TokenError::Unknown(1))
        ));
        assert!(matches!(act(&tokens, create(" \n")), Err(TokenError::Name)));
        let file = std::fs::read(data.join("switchboard.db")).unwrap();
        let secret = text.as_bytes();
        assert!(!file.windows(secret.len()).any(|part| part == secret));
    }
}
