//! Rows: the table `telegram_accounts` as the vault reads and changes it.

use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    RemoteError, SupabaseConfig,
    http::{Http, Request},
};
use crate::domain::{AccountId, SecretText, Timestamp, VaultFault};

const COLUMNS: &str = "id,account_label,api_id,api_hash,session_string,is_active,created_at";
/// With the one that a table may lack.
const ALL_COLUMNS: &str =
    "id,account_label,api_id,api_hash,session_string,is_active,created_at,proxies";
/// Longer values are compared by their beginning; an envelope's first characters are its random nonce.
const LONGEST_COMPARED: usize = 2000;
const COMPARED_BEGINNING: usize = 80;

/// A row in Supabase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::vault) struct RemoteAccount {
    pub id: AccountId,
    pub label: String,
    pub api_id: i32,
    /// An envelope; in a row that a person has added, perhaps the hash itself.
    pub api_hash: SecretText,
    pub session: Option<String>,
    /// `None`: the table has no such column.
    pub proxies: Option<Option<String>>,
    pub is_active: bool,
    pub created_at: Timestamp,
}

impl RemoteAccount {
    /// The hash as it stands there, if it is sealed.
    pub fn sealed_hash(&self) -> Option<&str> {
        let text = self.api_hash.expose();
        crate::vault::cipher::is_envelope(text).then_some(text)
    }
}

/// Columns to be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::vault) struct RowPatch {
    pub label: Option<String>,
    /// api_id and the envelope of api_hash.
    pub api: Option<(i32, String)>,
    pub session: Option<Option<String>>,
    pub proxies: Option<Option<String>>,
    pub is_active: Option<bool>,
}

impl RowPatch {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// All rows that could be read, and the ids of those that could not.
#[derive(Debug, Default)]
pub(in crate::vault) struct Page {
    pub rows: Vec<RemoteAccount>,
    pub unreadable: Vec<(AccountId, &'static str)>,
}

#[derive(Deserialize)]
struct WireRow {
    account_label: Option<String>,
    api_id: Option<i32>,
    api_hash: Option<SecretText>,
    session_string: Option<String>,
    #[serde(default, deserialize_with = "there")]
    proxies: Option<Option<String>>,
    is_active: Option<bool>,
    created_at: Option<String>,
}

pub(in crate::vault) struct Supabase {
    http: Http,
    page: usize,
    /// The table has the column for proxies. Looked for again until it has.
    has_proxies: AtomicBool,
}

impl Supabase {
    pub fn new(config: &SupabaseConfig) -> Result<Self, RemoteError> {
        Ok(Self {
            http: Http::new(config)?,
            page: config.pace.page,
            has_proxies: AtomicBool::new(false),
        })
    }

    pub fn address(&self) -> &str {
        self.http.address()
    }

    /// A table from before proxies, or made by hand, works without their column.
    async fn columns(&self) -> Result<&'static str, RemoteError> {
        if self.has_proxies.load(Ordering::Relaxed) {
            return Ok(ALL_COLUMNS);
        }
        let look = [("select", "proxies".to_owned()), ("limit", "1".to_owned())];
        match self.read(&look).await {
            Ok(_) => {
                self.has_proxies.store(true, Ordering::Relaxed);
                Ok(ALL_COLUMNS)
            }
            Err(RemoteError::Columns(_)) => Ok(COLUMNS),
            Err(error) => Err(error),
        }
    }

    /// The whole table, page by page until an empty one: a server may cut pages shorter than asked, and says
    /// nothing about it.
    pub async fn all(&self) -> Result<Page, RemoteError> {
        let mut all = Page::default();
        let mut after: Option<Uuid> = None;
        let columns = self.columns().await?;
        loop {
            let mut query = vec![
                ("select", columns.to_owned()),
                ("order", "id.asc".to_owned()),
                ("limit", self.page.to_string()),
            ];
            if let Some(after) = after {
                query.push(("id", format!("gt.{after}")));
            }
            let rows = self.read(&query).await?;
            let Some(last) = rows.last() else {
                return Ok(all);
            };
            let last = row_id(last)?;
            if after.is_some_and(|after| after >= last) {
                return Err(RemoteError::Away(VaultFault::PagesStandStill));
            }
            after = Some(last);
            for row in rows {
                let id = AccountId(row_id(&row)?);
                match parse(id, row) {
                    Ok(account) => all.rows.push(account),
                    Err(why) => all.unreadable.push((id, why)),
                }
            }
        }
    }

    pub async fn get(&self, id: AccountId) -> Result<Option<RemoteAccount>, RemoteError> {
        let columns = self.columns().await?;
        let rows = self
            .read(&[("select", columns.to_owned()), by_id(id)])
            .await?;
        one(id, rows)
    }

    /// `None`: a row with this id is there already; it was left alone.
    pub async fn insert(
        &self,
        account: &RemoteAccount,
    ) -> Result<Option<RemoteAccount>, RemoteError> {
        let columns = self.columns().await?;
        let mut body = json!({
            "id": account.id,
            "account_label": account.label,
            "api_id": account.api_id,
            "api_hash": account.api_hash.expose(),
            "session_string": account.session,
            "is_active": account.is_active,
            "created_at": account.created_at,
        });
        if columns == ALL_COLUMNS {
            body["proxies"] = json!(account.proxies.clone().flatten());
        }
        let rows = self
            .http
            .send(&Request {
                method: Method::POST,
                query: &[
                    ("on_conflict", "id".to_owned()),
                    ("select", columns.to_owned()),
                ],
                body: Some(&body),
                prefer: "resolution=ignore-duplicates,return=representation",
            })
            .await?;
        one(account.id, rows)
    }

    /// Changes the columns of `patch` if they still are as `seen` has them. `None`: they are not, or the row is gone.
    pub async fn change(
        &self,
        seen: &RemoteAccount,
        patch: &RowPatch,
    ) -> Result<Option<RemoteAccount>, RemoteError> {
        let columns = self.columns().await?;
        let mut query = vec![("select", columns.to_owned()), by_id(seen.id)];
        let mut body = Map::new();
        if let Some(label) = &patch.label {
            query.push(("account_label", equals(&seen.label)));
            body.insert("account_label".to_owned(), json!(label));
        }
        if let Some((api_id, api_hash)) = &patch.api {
            query.push(("api_id", format!("eq.{}", seen.api_id)));
            query.push(("api_hash", unchanged_hash(seen)));
            body.insert("api_id".to_owned(), json!(api_id));
            body.insert("api_hash".to_owned(), json!(api_hash));
        }
        if let Some(session) = &patch.session {
            query.push(("session_string", unchanged_session(seen)));
            body.insert("session_string".to_owned(), json!(session));
        }
        if let Some(proxies) = &patch.proxies {
            query.push(("proxies", unchanged(seen.proxies.iter().flatten().next())));
            body.insert("proxies".to_owned(), json!(proxies));
        }
        if let Some(is_active) = patch.is_active {
            query.push(("is_active", format!("is.{}", seen.is_active)));
            body.insert("is_active".to_owned(), json!(is_active));
        }
        let body = Value::Object(body);
        let rows = self
            .http
            .send(&Request {
                method: Method::PATCH,
                query: &query,
                body: Some(&body),
                prefer: "return=representation",
            })
            .await?;
        one(seen.id, rows)
    }

    /// Removes the row if it still is as `seen`. `false`: it is not.
    pub async fn remove(&self, seen: &RemoteAccount) -> Result<bool, RemoteError> {
        let rows = self
            .http
            .send(&Request {
                method: Method::DELETE,
                query: &[
                    ("select", "id".to_owned()),
                    by_id(seen.id),
                    ("account_label", equals(&seen.label)),
                    ("api_id", format!("eq.{}", seen.api_id)),
                    ("api_hash", unchanged_hash(seen)),
                    ("session_string", unchanged_session(seen)),
                    ("is_active", format!("is.{}", seen.is_active)),
                ],
                body: None,
                prefer: "return=representation",
            })
            .await?;
        Ok(!rows.is_empty())
    }

    async fn read(&self, query: &[(&str, String)]) -> Result<Vec<Value>, RemoteError> {
        self.http
            .send(&Request {
                method: Method::GET,
                query,
                body: None,
                prefer: "count=none",
            })
            .await
    }
}

/// Filters by id are made from a typed id alone: without one, a change would hit every row.
fn by_id(id: AccountId) -> (&'static str, String) {
    ("id", format!("eq.{}", id.0))
}

fn equals(text: &str) -> String {
    if text.len() <= LONGEST_COMPARED {
        return format!("eq.{text}");
    }
    let beginning: String = text.chars().take(COMPARED_BEGINNING).collect();
    // `_` and `%` are wildcards of LIKE, `*` is PostgREST's.
    let escaped = beginning
        .replace('\\', "\\\\")
        .replace('_', "\\_")
        .replace('%', "\\%");
    format!("like.{escaped}*")
}

/// An unsealed hash is secret and never part of an address; "still not sealed" has to do for it.
fn unchanged_hash(seen: &RemoteAccount) -> String {
    seen.sealed_hash()
        .map_or_else(|| "not.like.v1.*".to_owned(), equals)
}

/// A session that is no envelope is left where it is, and must not get into an address either.
fn unchanged_session(seen: &RemoteAccount) -> String {
    unchanged(seen.session.as_ref())
}

fn unchanged(seen: Option<&String>) -> String {
    match seen.map(String::as_str) {
        None => "is.null".to_owned(),
        Some(text) if crate::vault::cipher::is_envelope(text) => equals(text),
        Some(_) => "not.like.v1.*".to_owned(),
    }
}

fn row_id(row: &Value) -> Result<Uuid, RemoteError> {
    row.get("id")
        .and_then(Value::as_str)
        .and_then(|text| text.parse().ok())
        .ok_or(RemoteError::Refused(VaultFault::IdUnreadable))
}

fn one(id: AccountId, rows: Vec<Value>) -> Result<Option<RemoteAccount>, RemoteError> {
    let mut rows = rows.into_iter();
    match (rows.next(), rows.next()) {
        (None, _) => Ok(None),
        (Some(row), None) => {
            if row_id(&row)? != id.0 {
                return Err(RemoteError::Away(VaultFault::OtherRow));
            }
            parse(id, row)
                .map(Some)
                .map_err(|why| RemoteError::Row(why.to_owned()))
        }
        (Some(_), Some(_)) => Err(RemoteError::Refused(VaultFault::IdTwice)),
    }
}

/// Hand-made tables may lack our constraints; a row is refused alone, with what is wrong with it.
fn parse(id: AccountId, row: Value) -> Result<RemoteAccount, &'static str> {
    let wire: WireRow =
        serde_json::from_value(row).map_err(|_| "a column has another type than it should")?;
    Ok(RemoteAccount {
        id,
        label: wire.account_label.unwrap_or_default(),
        api_id: wire.api_id.ok_or("api_id is missing")?,
        api_hash: wire.api_hash.ok_or("api_hash is missing")?,
        session: wire.session_string.filter(|text| !text.is_empty()),
        proxies: wire
            .proxies
            .map(|text| text.filter(|text| !text.is_empty())),
        is_active: wire.is_active.unwrap_or(true),
        created_at: wire
            .created_at
            .and_then(|text| parse_time(&text))
            .unwrap_or_else(Timestamp::now),
    })
}

/// A column that is there and empty is something else than none.
fn there<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// With a zone or (in a table made by hand) without one.
fn parse_time(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Some(Timestamp::from_millis(at.as_millisecond()));
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    let at = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Timestamp::from_millis(at.timestamp().as_millisecond()))
}
