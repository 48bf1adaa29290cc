//! Token table: what a token is, and which of them count at one moment.

use crate::domain::{AccountId, Timestamp};

/// The scope of a browser that came by a launch link: everything, until it expires.
pub const DESK: &str = "desk";

/// The scope of a licence's key.
pub const LICENCE: &str = "licence";

/// A token about to be stored.
#[derive(Clone, Default, Debug)]
pub struct NewToken {
    /// For people.
    pub name: String,
    pub scope: String,
    /// SHA-256 of the text, hexadecimal.
    pub hash: String,
    pub expires_at: Option<Timestamp>,
    /// Of a desk: the token whose launch link opened it, and with which it ends.
    pub launched_by: Option<i64>,
    /// The accounts that alone exist for it; `None`: all.
    pub accounts: Option<Vec<AccountId>>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenRecord {
    pub id: i64,
    pub name: String,
    pub scope: String,
    pub hash: String,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub launched_by: Option<i64>,
    /// Of a licence: its id, which stays when its key changes.
    pub owner: Option<String>,
    pub accounts: Option<Vec<AccountId>>,
    /// Rises with each new text.
    pub generation: i64,
}

/// What a token is at a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenState {
    Valid,
    Revoked,
    Expired,
}

impl TokenState {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }
}

impl TokenRecord {
    #[must_use]
    pub fn state(&self, now: Timestamp) -> TokenState {
        match (self.revoked_at, self.expires_at) {
            (Some(_), _) => TokenState::Revoked,
            (None, Some(end)) if end <= now => TokenState::Expired,
            _ => TokenState::Valid,
        }
    }
}

/// Who may come in, as it was at one moment.
#[derive(Clone, Default, Debug)]
pub struct TokenTable {
    /// Nobody comes in without a token, be there one or not.
    pub locked: bool,
    /// Those that count, by number: neither revoked nor expired, nor opened by one that is.
    pub tokens: Vec<TokenRecord>,
}

impl TokenTable {
    pub(super) fn new(locked: bool, records: Vec<TokenRecord>, now: Timestamp) -> Self {
        let lasting = |record: &TokenRecord| record.state(now) == TokenState::Valid;
        // Desks go with the tokens: where nobody has one left, no browser stays in.
        let any = records.iter().any(|one| one.scope != DESK && lasting(one));
        let mut table = Self {
            locked,
            tokens: Vec::new(),
        };
        // By number: whoever opened a desk was there before it.
        for record in records.into_iter().filter(lasting) {
            let opener = record.launched_by;
            if any && opener.is_none_or(|by| table.get(by).is_some()) {
                table.tokens.push(record);
            }
        }
        table
    }

    #[must_use]
    pub fn get(&self, id: i64) -> Option<&TokenRecord> {
        let at = self.tokens.binary_search_by_key(&id, |token| token.id);
        self.tokens.get(at.ok()?)
    }

    /// Is there a token that a person made? Then there are desks as well.
    #[must_use]
    pub fn any(&self) -> bool {
        !self.tokens.is_empty()
    }

    /// Is there one of a person's that may do everything?
    #[must_use]
    pub fn any_admin(&self) -> bool {
        self.tokens.iter().any(|token| token.scope == "admin")
    }

    /// When the next of them expires.
    pub(super) fn next_end(&self) -> Option<Timestamp> {
        self.tokens
            .iter()
            .filter_map(|token| token.expires_at)
            .min()
    }
}

/// What came of the order to let everybody on this machine in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unlocked {
    Done,
    /// It was open.
    Already,
    /// Somebody still has a token; nothing was changed.
    TokensLeft,
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000);

    fn record(id: i64, scope: &str, change: impl FnOnce(&mut TokenRecord)) -> TokenRecord {
        let mut record = TokenRecord {
            id,
            name: String::new(),
            scope: scope.to_owned(),
            hash: id.to_string(),
            created_at: Timestamp::from_millis(id),
            last_used_at: None,
            expires_at: None,
            revoked_at: None,
            launched_by: None,
            owner: None,
            accounts: None,
            generation: 0,
        };
        change(&mut record);
        record
    }

    /// Protects against desks that outlive what let them in.
    #[test]
    fn a_desk_counts_as_long_as_what_opened_it() {
        let plain = |id, scope| record(id, scope, |_| {});
        let by = |id, opener| record(id, DESK, |one| one.launched_by = Some(opener));
        let revoked = |id, scope| record(id, scope, |one| one.revoked_at = Some(NOW));
        let ends = |id, at| {
            record(id, "read", |one| {
                one.expires_at = Some(Timestamp::from_millis(at));
            })
        };
        let table: [(Vec<TokenRecord>, &[i64]); 8] = [
            (vec![plain(1, "admin"), plain(2, DESK)], &[1, 2]),
            (vec![plain(1, DESK)], &[]),
            (vec![revoked(1, "admin"), plain(2, DESK)], &[]),
            (vec![plain(1, "admin"), by(2, 1), by(3, 2)], &[1, 2, 3]),
            (
                vec![revoked(1, "admin"), by(2, 1), by(3, 2), plain(4, "read")],
                &[4],
            ),
            (vec![plain(1, "admin"), revoked(2, DESK), by(3, 2)], &[1]),
            (vec![ends(1, 1_000), plain(2, DESK)], &[]),
            (vec![ends(1, 1_001), plain(2, DESK)], &[1, 2]),
        ];
        for (records, wanted) in table {
            let told = format!("{records:?}");
            let counting = TokenTable::new(true, records, NOW);
            let ids: Vec<i64> = counting.tokens.iter().map(|token| token.id).collect();
            assert_eq!(ids, wanted, "{told}");
        }
    }
}
