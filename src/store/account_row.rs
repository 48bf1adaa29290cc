//! Account rows, and what the writer remembers of them.

use diesel::{
    QueryResult, QueryableByName,
    sql_types::{Nullable, Text},
};

use super::{
    engine::Conn,
    message_row::account_of,
    sql::{Flag, Number, id_list, sql},
};
use crate::domain::{
    Account, AccountId, AccountState, Archive, Exit, HealthRecord, HistoryProgress, MediaPolicy,
    PaceLimits, ProxyName, Retention, SelfUser, StateReason, SyncProgress, Timestamp,
};

#[derive(Clone, Debug)]
pub(in crate::store) struct KnownAccount {
    pub no: i64,
    pub id: AccountId,
    /// Its text form, as in the rows.
    pub id_text: String,
    pub unread: i64,
    /// When it came to us: by Telegram's clock, or by ours until that is known. Both in Telegram's whole seconds: what came in
    /// the same second is of our time.
    pub since: i64,
    pub dated: bool,
    pub removed: bool,
    pub retention: Retention,
    /// To be written with the next flush.
    pub dirty: bool,
    pub last_update_at: Option<i64>,
}

#[derive(QueryableByName, Clone, Debug)]
struct AccountFields {
    #[diesel(sql_type = Number)]
    no: i64,
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    label: String,
    #[diesel(sql_type = Number)]
    colour: i32,
    #[diesel(sql_type = Nullable<Text>)]
    phone: Option<String>,
    #[diesel(sql_type = Flag)]
    is_active: bool,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<Text>)]
    state_reason: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    state_cause: Option<String>,
    #[diesel(sql_type = Number)]
    state_since: i64,
    #[diesel(sql_type = Nullable<Number>)]
    retry_at: Option<i64>,
    #[diesel(sql_type = Number)]
    attempt: i32,
    #[diesel(sql_type = Nullable<Number>)]
    user_id: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    user_first_name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    user_last_name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    user_username: Option<String>,
    #[diesel(sql_type = Number)]
    unread: i64,
    #[diesel(sql_type = Nullable<Number>)]
    last_update_at: Option<i64>,
    #[diesel(sql_type = Number)]
    created_at: i64,
    #[diesel(sql_type = Nullable<Number>)]
    since: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    sync_phase: Option<String>,
    #[diesel(sql_type = Nullable<Number>)]
    sync_done: Option<i64>,
    #[diesel(sql_type = Nullable<Number>)]
    sync_total: Option<i64>,
    #[diesel(sql_type = Nullable<Number>)]
    removed_at: Option<i64>,
    #[diesel(sql_type = Text)]
    archive: String,
    #[diesel(sql_type = Number)]
    history_done: i64,
    #[diesel(sql_type = Nullable<Number>)]
    history_total: Option<i64>,
    #[diesel(sql_type = Nullable<Number>)]
    history_eta: Option<i64>,
    #[diesel(sql_type = Text)]
    media: String,
    #[diesel(sql_type = Nullable<Text>)]
    proxies: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    way: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    health: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pace: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    device: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    retention: Option<String>,
    #[diesel(sql_type = Flag)]
    purge: bool,
}

#[derive(QueryableByName, Clone, Debug)]
pub(in crate::store) struct AccountRow {
    #[diesel(embed)]
    fields: AccountFields,
    #[diesel(sql_type = Number)]
    outbox_pending: i64,
}

macro_rules! select_accounts {
    ($rest:expr) => {
        concat!(
            "SELECT a.no, a.id, a.label, a.colour, a.phone, a.is_active, a.state, a.state_reason, a.state_cause, a.state_since, \
             a.retry_at, a.attempt, a.user_id, a.user_first_name, a.user_last_name, a.user_username, a.unread, \
             a.last_update_at, a.created_at, a.since, a.sync_phase, a.sync_done, a.sync_total, a.removed_at, a.purge, \
             a.archive, a.history_done, a.history_total, a.history_eta, a.media, a.proxies, a.way, a.health, a.sending_pace AS pace, a.device, a.retention, \
             (SELECT count(*) FROM orders o WHERE o.account_no = a.no \
             AND o.state IN ('queued', 'in_flight', 'unanswered')) AS outbox_pending \
             FROM accounts a ",
            $rest
        )
    };
}

pub(in crate::store) use select_accounts;

impl AccountRow {
    pub fn load(conn: &mut Conn, id: AccountId) -> QueryResult<Option<Self>> {
        Ok(sql(select_accounts!("WHERE a.id = ?"))
            .text(&id.to_string())
            .load::<Self>(conn)?
            .pop())
    }

    pub fn by_numbers(conn: &mut Conn, numbers: &[i64]) -> QueryResult<Vec<Self>> {
        sql(select_accounts!(
            "WHERE a.no IN (SELECT value FROM json_each(?))"
        ))
        .text(&id_list(numbers))
        .load(conn)
    }

    pub const fn no(&self) -> i64 {
        self.fields.no
    }

    pub fn account_id(&self) -> AccountId {
        account_of(&self.fields.id)
    }

    /// `None` for one that was removed.
    pub fn listed(self) -> Option<Account> {
        self.fields.removed_at.is_none().then(|| self.show())
    }

    /// `None` for one whose history was deleted with it: what is left of it has no name.
    pub fn with_history(self) -> Option<Account> {
        let kept = !self.fields.purge && !self.fields.label.is_empty();
        (self.fields.removed_at.is_none() || kept).then(|| self.show())
    }

    pub fn show(self) -> Account {
        let fields = self.fields;
        let archive = Archive::parse(&fields.archive).unwrap_or_default();
        let proxy: Option<ProxyName> = from_json(fields.way.as_deref());
        let pace: PaceLimits = from_json(fields.pace.as_deref()).unwrap_or_default();
        let cause: Option<StateReason> = from_json(fields.state_cause.as_deref());
        let (state_code, state_params) = cause.map(|cause| cause.told()).unzip();
        Account {
            id: account_of(&fields.id),
            label: fields.label,
            colour: u8::try_from(fields.colour).unwrap_or(0),
            phone: fields.phone,
            is_active: fields.is_active,
            state: AccountState::parse(&fields.state).unwrap_or(AccountState::Failed),
            state_reason: fields.state_reason,
            state_code,
            state_params,
            state_since: Timestamp::from_millis(fields.state_since),
            retry_at: fields.retry_at.map(Timestamp::from_millis),
            attempt: u32::try_from(fields.attempt).unwrap_or(0),
            user: fields.user_id.map(|id| SelfUser {
                id,
                first_name: fields.user_first_name.unwrap_or_default(),
                last_name: fields.user_last_name,
                username: fields.user_username,
            }),
            unread: fields.unread,
            outbox_pending: self.outbox_pending,
            last_update_at: fields.last_update_at.map(Timestamp::from_millis),
            created_at: Timestamp::from_millis(fields.created_at),
            media: MediaPolicy::parse(&fields.media).unwrap_or_default(),
            proxies: from_json(fields.proxies.as_deref()),
            exit: match proxy {
                Some(_) => Exit::Proxy,
                None => Exit::Direct,
            },
            proxy,
            health: health_record(fields.health.as_deref()).shown(pace, Timestamp::now()),
            pace,
            device: from_json(fields.device.as_deref()),
            retention: from_json(fields.retention.as_deref()).unwrap_or_default(),
            sync: fields.sync_phase.map(|phase| SyncProgress {
                phase,
                done: fields.sync_done.unwrap_or(0),
                total: fields.sync_total.unwrap_or(0),
            }),
            archive,
            history: (fields.history_total)
                .filter(|_| archive == Archive::All)
                .map(|total| HistoryProgress {
                    done: fields.history_done,
                    total,
                    eta_s: fields.history_eta.unwrap_or(0),
                }),
        }
    }
}

/// What this version can't read counts as absent.
pub(in crate::store) fn from_json<T: serde::de::DeserializeOwned>(text: Option<&str>) -> Option<T> {
    serde_json::from_str(text?).ok()
}

pub(in crate::store) fn health_record(text: Option<&str>) -> HealthRecord {
    from_json(text).unwrap_or_default()
}

/// For the writer's memory.
pub(in crate::store) fn known(conn: &mut Conn, id: AccountId) -> QueryResult<Option<KnownAccount>> {
    Ok(AccountRow::load(conn, id)?.map(|row| KnownAccount {
        no: row.no(),
        id,
        id_text: row.fields.id,
        unread: row.fields.unread,
        since: row
            .fields
            .since
            .unwrap_or(row.fields.created_at / 1000 * 1000),
        dated: row.fields.since.is_some(),
        removed: row.fields.removed_at.is_some(),
        retention: from_json(row.fields.retention.as_deref()).unwrap_or_default(),
        dirty: false,
        last_update_at: row.fields.last_update_at,
    }))
}
