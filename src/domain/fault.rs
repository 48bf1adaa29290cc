//! Fault: why something beside the accounts does not work, as data: the code and its parameters for programs and for pages in other
//! languages, the English words for the log.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The code of a reason that names itself so, and what belongs to it.
pub(super) fn told(reason: &impl Serialize) -> (String, Map<String, Value>) {
    let Ok(Value::Object(mut params)) = serde_json::to_value(reason) else {
        return (String::new(), Map::new());
    };
    let code = params.remove("code");
    let code = code.as_ref().and_then(Value::as_str).unwrap_or_default();
    (code.to_owned(), params)
}

/// Why the vault is away. `detail`: what the other side, or the line, said of it; may be empty.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum VaultFault {
    TimedOut { detail: String },
    Unreachable { detail: String },
    BrokenOff { detail: String },
    Unreadable,
    TooLong,
    Busy { detail: String },
    Paused,
    Answered { status: u16, detail: String },
    KeyRefused { kind: String, detail: String },
    NoGrant { detail: String },
    Forbidden { detail: String },
    NoTable { detail: String },
    OtherColumns { detail: String },
    SentOn { status: u16 },
    OtherRow,
    PagesStandStill,
    IdUnreadable,
    IdTwice,
    TableEmpty { known: usize },
    Misconfigured { detail: String },
}

impl VaultFault {
    #[must_use]
    pub fn told(&self) -> (String, Map<String, Value>) {
        told(self)
    }
}

/// What was said, as it stands in a sentence.
fn said(detail: &str) -> String {
    match detail {
        "" => String::new(),
        detail => format!(", \"{detail}\""),
    }
}

fn because(detail: &str) -> String {
    match detail {
        "" => String::new(),
        detail => format!(": {detail}"),
    }
}

impl fmt::Display for VaultFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut { detail } => {
                write!(f, "Supabase did not answer in time{}", because(detail))
            }
            Self::Unreachable { detail } => {
                write!(f, "Supabase can't be reached{}", because(detail))
            }
            Self::BrokenOff { detail } => {
                write!(f, "Supabase broke off the connection{}", because(detail))
            }
            Self::Unreadable => f.write_str("Supabase's answer is cut or no JSON"),
            Self::TooLong => f.write_str("Supabase's answer is too long"),
            Self::Busy { detail } => write!(f, "Supabase's database was busy ({detail})"),
            Self::Paused => f.write_str(
                "the Supabase project is paused (540): resume it in the Supabase dashboard",
            ),
            Self::Answered { status, detail } => {
                write!(f, "Supabase answered {status}{}", said(detail))
            }
            Self::KeyRefused { kind, detail } => write!(
                f,
                "Supabase does not take the {kind} key (401){}: check SUPABASE_SERVICE_KEY and SUPABASE_URL",
                said(detail)
            ),
            Self::NoGrant { detail } => write!(
                f,
                "Supabase lets nobody use the table telegram_accounts (42501){}: run docs/supabase.sql in its SQL editor, \
                 it holds the grant",
                said(detail)
            ),
            Self::Forbidden { detail } => write!(f, "Supabase forbids it (403){}", said(detail)),
            Self::NoTable { detail } => write!(
                f,
                "Supabase has no table telegram_accounts (404){}: run docs/supabase.sql in its SQL editor",
                said(detail)
            ),
            Self::OtherColumns { detail } => write!(
                f,
                "Supabase's table telegram_accounts has other columns{}: compare it with docs/supabase.sql",
                said(detail)
            ),
            Self::SentOn { status } => write!(
                f,
                "SUPABASE_URL sends on to another address ({status}): use the final one"
            ),
            Self::OtherRow => f.write_str("Supabase answered with another row"),
            Self::PagesStandStill => f.write_str("Supabase's pages do not move on"),
            Self::IdUnreadable => f.write_str(
                "Supabase's table telegram_accounts has an id that is no uuid: compare it with docs/supabase.sql",
            ),
            Self::IdTwice => f.write_str(
                "Supabase's table telegram_accounts has an id twice: compare it with docs/supabase.sql",
            ),
            Self::TableEmpty { known } => write!(
                f,
                "Supabase's table telegram_accounts is empty, though {known} accounts were there: check SUPABASE_URL and the \
                 table; nothing was changed here"
            ),
            Self::Misconfigured { detail } => f.write_str(detail),
        }
    }
}

/// Why a webhook's receiver did not take an event.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum WebhookFault {
    /// It answered so.
    Status {
        status: u16,
    },
    Redirected {
        status: u16,
    },
    AddressNotAllowed {
        address: String,
    },
    NameUnknown,
    TimedOut,
    Unreachable,
    BrokenOff,
}

impl WebhookFault {
    #[must_use]
    pub fn told(&self) -> (String, Map<String, Value>) {
        told(self)
    }
}

impl fmt::Display for WebhookFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status { status } => write!(f, "status {status}"),
            Self::Redirected { status } => {
                write!(f, "status {status}; redirects are not followed")
            }
            Self::AddressNotAllowed { address } => write!(
                f,
                "{address} is not a public address; the operator can allow it (SWITCHBOARD_WEBHOOK_ALLOW)"
            ),
            Self::NameUnknown => f.write_str("the name is not known"),
            Self::TimedOut => f.write_str("no answer in time"),
            Self::Unreachable => f.write_str("can't be reached"),
            Self::BrokenOff => f.write_str("the connection broke"),
        }
    }
}

/// Why the database can't be written or read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum StoreFault {
    DiskFull,
    ReadOnly,
    /// Another program holds it.
    Locked,
    DiskFails,
    Hangs {
        seconds: i64,
    },
    NotRead {
        seconds: u64,
    },
    Other {
        detail: String,
    },
}

impl StoreFault {
    /// By SQLite's own words, or PostgreSQL's code at the end.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let has = |words: &str| text.contains(words);
        match () {
            () if has("(SQLSTATE 53100)") => Self::DiskFull,
            () if has("(SQLSTATE 25006)") => Self::ReadOnly,
            () if has("(SQLSTATE 55P03)") => Self::Locked,
            () if has("(SQLSTATE 58030)") => Self::DiskFails,
            () if has("disk is full") => Self::DiskFull,
            () if has("readonly") => Self::ReadOnly,
            () if has("is locked") => Self::Locked,
            () if has("disk I/O") => Self::DiskFails,
            () => Self::Other {
                detail: text.to_owned(),
            },
        }
    }

    #[must_use]
    pub fn told(&self) -> (String, Map<String, Value>) {
        told(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> String {
        "for whoever looks".to_owned()
    }

    fn vault() -> Vec<VaultFault> {
        use VaultFault as V;
        let all = vec![
            V::TimedOut { detail: text() },
            V::Unreachable { detail: text() },
            V::BrokenOff { detail: text() },
            V::Unreadable,
            V::TooLong,
            V::Busy { detail: text() },
            V::Paused,
            V::Answered {
                status: 500,
                detail: text(),
            },
            V::KeyRefused {
                kind: text(),
                detail: text(),
            },
            V::NoGrant { detail: text() },
            V::Forbidden { detail: text() },
            V::NoTable { detail: text() },
            V::OtherColumns { detail: text() },
            V::SentOn { status: 308 },
            V::OtherRow,
            V::PagesStandStill,
            V::IdUnreadable,
            V::IdTwice,
            V::TableEmpty { known: 3 },
            V::Misconfigured { detail: text() },
        ];
        for one in &all {
            // A new one is to be listed above.
            match one {
                V::TimedOut { .. } | V::Unreachable { .. } | V::BrokenOff { .. } => {}
                V::Unreadable | V::TooLong | V::Busy { .. } | V::Paused => {}
                V::Answered { .. } | V::KeyRefused { .. } | V::NoGrant { .. } => {}
                V::Forbidden { .. } | V::NoTable { .. } | V::OtherColumns { .. } => {}
                V::SentOn { .. } | V::OtherRow | V::PagesStandStill | V::IdUnreadable => {}
                V::IdTwice | V::TableEmpty { .. } | V::Misconfigured { .. } => {}
            }
        }
        all
    }

    fn webhook() -> Vec<WebhookFault> {
        use WebhookFault as W;
        let all = vec![
            W::Status { status: 500 },
            W::Redirected { status: 302 },
            W::AddressNotAllowed { address: text() },
            W::NameUnknown,
            W::TimedOut,
            W::Unreachable,
            W::BrokenOff,
        ];
        for one in &all {
            match one {
                W::Status { .. } | W::Redirected { .. } | W::AddressNotAllowed { .. } => {}
                W::NameUnknown | W::TimedOut | W::Unreachable | W::BrokenOff => {}
            }
        }
        all
    }

    fn store() -> Vec<StoreFault> {
        use StoreFault as S;
        let all = vec![
            S::DiskFull,
            S::ReadOnly,
            S::Locked,
            S::DiskFails,
            S::Hangs { seconds: 9 },
            S::NotRead { seconds: 2 },
            S::Other { detail: text() },
        ];
        for one in &all {
            match one {
                S::DiskFull | S::ReadOnly | S::Locked | S::DiskFails => {}
                S::Hangs { .. } | S::NotRead { .. } | S::Other { .. } => {}
            }
        }
        all
    }

    /// Protects whoever reads another language than English: each fault has words on the desk in all of its languages, with what
    /// belongs to it.
    #[test]
    fn each_fault_has_a_code_and_words_in_every_language() {
        let desk = [
            include_str!("../../static/i18n/en.json"),
            include_str!("../../static/i18n/ru.json"),
            include_str!("../../static/i18n/ar.json"),
        ]
        .map(|text| serde_json::from_str::<Map<String, Value>>(text).unwrap());
        let vault = vault()
            .into_iter()
            .map(|one| ("vault", one.to_string(), one.told()));
        let webhook = webhook()
            .into_iter()
            .map(|one| ("webhook", one.to_string(), one.told()));
        let store = store().into_iter().map(|one| {
            let said = format!("{one:?}");
            ("store", said, one.told())
        });
        for (of, said, (code, params)) in vault.chain(webhook).chain(store) {
            assert!(!said.is_empty());
            for words in &desk {
                let key = format!("{of}.fault.{code}");
                let said = words.get(&key).and_then(Value::as_str);
                let said = said.unwrap_or_else(|| panic!("nothing says {key}"));
                for param in ["status", "address", "known", "seconds"] {
                    let named = said.contains(&format!("{{{param}}}"));
                    assert_eq!(named, params.contains_key(param), "{key}: {said}");
                }
            }
        }
    }

    /// Protects programs that watch: what SQLite says has a code.
    #[test]
    fn what_the_database_says_is_told_apart() {
        for (text, code) in [
            ("database or disk is full", "disk_full"),
            ("attempt to write a readonly database", "read_only"),
            ("database is locked", "locked"),
            ("disk I/O error", "disk_fails"),
            ("Platte voll (SQLSTATE 53100)", "disk_full"),
            ("schreibgeschützt (SQLSTATE 25006)", "read_only"),
            ("nicht erhalten (SQLSTATE 55P03)", "locked"),
            ("Ein-/Ausgabe (SQLSTATE 58030)", "disk_fails"),
            ("something new", "other"),
        ] {
            assert_eq!(StoreFault::of(text).told().0, code);
        }
    }
}
