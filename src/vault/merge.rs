//! Merge: what becomes of an account when this side, the other side and what was last seen there are compared.
//!
//! Pure: three rows in, one decision per column out. A change on one side is taken or pushed; a change on both
//! sides, or something that can't be trusted, is a conflict and leaves both sides as they are, until a person
//! changes the account here.

mod outcome;

use super::{
    RemoteChange,
    adopt::is_plain_hash,
    cipher::{Binding, CipherError, Opened, Purpose},
    compare::{copy_of, shown_session},
    dispute,
    keyring::Keyring,
    local::{binding, from_epoch, next_epoch},
    supabase::{RemoteAccount, RowPatch},
};
use crate::{
    domain::AccountId,
    store::{RemoteCopy, SealedAccount},
};

/// What to write here, what to remember of the other side, what to push there, what to tell.
#[derive(Debug)]
pub(super) struct Merged {
    pub local: SealedAccount,
    pub copy: RemoteCopy,
    pub push: RowPatch,
    pub news: Vec<RemoteChange>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Side {
    Same,
    /// Only here.
    Ours,
    /// Only there.
    Theirs,
    Both,
}

/// What a look into both envelopes says.
enum Look {
    /// The same secret in another envelope; take theirs unless its key is on its way out.
    Equal,
    Newer(Opened),
    Bad(String),
}

fn side<T: PartialEq + ?Sized>(last_seen: Option<&T>, ours: &T, theirs: &T) -> Side {
    if ours == theirs {
        Side::Same
    } else if last_seen == Some(theirs) {
        Side::Ours
    } else if last_seen == Some(ours) {
        Side::Theirs
    } else {
        Side::Both
    }
}

struct Merge<'a> {
    keys: &'a Keyring,
    /// All accounts known here: a swapped envelope is told by whose it is.
    known: &'a [AccountId],
    last: Option<&'a RemoteCopy>,
    remote: &'a RemoteAccount,
    out: Merged,
    conflicts: Vec<String>,
    overrule: bool,
}

/// Compares the three.
pub(super) fn merge(
    keys: &Keyring,
    known: &[AccountId],
    local: &SealedAccount,
    last: Option<&RemoteCopy>,
    remote: &RemoteAccount,
) -> Merged {
    let mut merge = Merge {
        keys,
        known,
        last,
        remote,
        out: Merged {
            local: local.clone(),
            copy: copy_of(remote),
            push: RowPatch::default(),
            news: Vec::new(),
        },
        conflicts: Vec::new(),
        overrule: local.overrule,
    };
    merge.label();
    merge.is_active();
    merge.api();
    merge.session();
    merge.proxies();
    merge.finish()
}

impl Merge<'_> {
    fn label(&mut self) {
        let last = self.last.map(|last| &last.label);
        match side(last, &self.out.local.label, &self.remote.label) {
            Side::Same => {}
            Side::Theirs => {
                self.out.local.label.clone_from(&self.remote.label);
                self.out.news.push(RemoteChange::Renamed {
                    id: self.remote.id,
                    label: self.remote.label.clone(),
                });
            }
            Side::Both if !self.overrule => {
                self.conflict(format!(
                    "{}, where it is {:?} now",
                    dispute::LABEL,
                    self.remote.label
                ));
                self.out.copy.label = last.cloned().unwrap_or_default();
            }
            Side::Ours | Side::Both => {
                self.out.push.label = Some(self.out.local.label.clone());
            }
        }
    }

    fn is_active(&mut self) {
        let last = self.last.map(|last| last.is_active);
        match side(
            last.as_ref(),
            &self.out.local.is_active,
            &self.remote.is_active,
        ) {
            Side::Same => {}
            Side::Theirs => {
                self.out.local.is_active = self.remote.is_active;
                self.out.news.push(RemoteChange::Switched {
                    id: self.remote.id,
                    is_active: self.remote.is_active,
                });
            }
            // Never seen before and different: switched off on one side is switched off.
            Side::Both if self.out.local.is_active && !self.overrule => {
                self.out.local.is_active = false;
                self.out.news.push(RemoteChange::Switched {
                    id: self.remote.id,
                    is_active: false,
                });
            }
            Side::Ours | Side::Both => {
                self.out.push.is_active = Some(self.out.local.is_active);
            }
        }
    }

    fn api(&mut self) {
        match self.remote.sealed_hash().map(str::to_owned) {
            None => self.plain_hash(),
            Some(envelope) => self.sealed_hash(&envelope),
        }
    }

    /// A person has typed an api_hash into Supabase's editor.
    fn plain_hash(&mut self) {
        let typed = self.remote.api_hash.clone();
        let ours = self.open_here(Purpose::ApiHash);
        let same = self.remote.api_id == self.out.local.api_id
            && ours
                .as_ref()
                .is_some_and(|ours| ours.bytes.expose() == typed.expose().as_bytes());
        let untouched = self.last.is_none_or(|last| {
            last.api_id == self.out.local.api_id
                && last
                    .api_hash
                    .as_ref()
                    .is_none_or(|hash| *hash == self.out.local.api_hash)
        });
        if same {
            return self.push_api();
        }
        if !is_plain_hash(typed.expose()) {
            return self.dispute_api(dispute::NO_HASH.to_owned());
        }
        if !untouched {
            return self.dispute_api(dispute::API.to_owned());
        }
        if self.moves_session() {
            return self.dispute_api(dispute::LOG_OUT_FIRST.to_owned());
        }
        // What is sealed was put there by somebody with the key; what is typed, by anybody who may write there.
        if self.out.local.session.is_some() {
            return self.dispute_api(dispute::TYPED_OVER.to_owned());
        }
        let to = Binding {
            account: self.remote.id,
            api_id: self.remote.api_id,
            purpose: Purpose::ApiHash,
        };
        let epoch = next_epoch(ours.map_or(0, |ours| ours.epoch));
        match self.keys.seal(&to, epoch, typed.expose().as_bytes()) {
            Ok(envelope) => {
                self.take_api(envelope);
                self.push_api();
            }
            Err(error) => self.dispute_api(format!("{}: {error}", dispute::UNSEALABLE)),
        }
    }

    fn sealed_hash(&mut self, envelope: &str) {
        let ours = (self.out.local.api_id, self.out.local.api_hash.as_str());
        let last = self
            .last
            .and_then(|last| Some((last.api_id, last.api_hash.as_deref()?)));
        let side = side(last.as_ref(), &ours, &(self.remote.api_id, envelope));
        match side {
            Side::Same => return,
            Side::Ours => return self.push_api(),
            Side::Theirs | Side::Both => {}
        }
        let look = self.look(Purpose::ApiHash, &self.out.local.api_hash, envelope);
        match look {
            Look::Equal if self.remote.api_id == self.out.local.api_id => {
                if self.keys.is_outdated(envelope) {
                    self.push_api();
                } else {
                    envelope.clone_into(&mut self.out.local.api_hash);
                }
            }
            Look::Bad(why) => self.dispute_api(format!("{} {why}", dispute::BAD_HASH)),
            Look::Equal | Look::Newer(_) if side == Side::Both => {
                self.dispute_api(dispute::API.to_owned());
            }
            Look::Equal | Look::Newer(_) if self.moves_session() => {
                self.dispute_api(dispute::LOG_OUT_FIRST.to_owned());
            }
            Look::Equal | Look::Newer(_) => self.take_api(envelope.to_owned()),
        }
    }

    fn session(&mut self) {
        let last = self.last.map(|last| last.session.as_deref());
        let ours = shown_session(&self.out.local).map(str::to_owned);
        let theirs = self.remote.session.as_deref();
        let side = side(last.as_ref(), &ours.as_deref(), &theirs);
        // Without a row seen before, an empty column there is no decision of anybody.
        let first = self.last.is_none_or(|last| last.inserting);
        match side {
            Side::Same => return,
            Side::Ours => return self.push_session(),
            Side::Theirs | Side::Both => {}
        }
        let Some(envelope) = theirs else {
            if first {
                return self.push_session();
            }
            return self.dispute_session(dispute::SESSION_REMOVED.to_owned());
        };
        let look = match &ours {
            Some(ours) => self.look(Purpose::Session, ours, envelope),
            None => self.look_alone(envelope),
        };
        match look {
            Look::Equal if self.keys.is_outdated(envelope) => self.push_session(),
            Look::Equal => {
                let slot = if self.out.local.previous_session.is_some() {
                    &mut self.out.local.previous_session
                } else {
                    &mut self.out.local.session
                };
                *slot = Some(envelope.to_owned());
            }
            Look::Bad(why) => self.dispute_session(format!("{} {why}", dispute::BAD_SESSION)),
            Look::Newer(_) if side == Side::Both && ours.is_none() && !first => {
                self.dispute_session(dispute::SIGNED_OUT_HERE.to_owned())
            }
            Look::Newer(_)
                if (side == Side::Both && ours.is_some())
                    || self.out.local.previous_session.is_some() =>
            {
                self.dispute_session(dispute::SIGNED_IN_TWICE.to_owned());
            }
            Look::Newer(opened) => {
                self.out.local.session = Some(envelope.to_owned());
                self.out.local.epoch = from_epoch(opened.epoch);
                self.out
                    .news
                    .push(RemoteChange::SessionReplaced { id: self.remote.id });
            }
        }
    }

    /// A table that lacks the column keeps none; one that has it and is empty there never says "directly": ours goes there.
    fn proxies(&mut self) {
        let ours = self.out.local.proxies.clone();
        let Some(theirs) = self.remote.proxies.clone() else {
            self.out.copy.proxies = ours;
            return;
        };
        let side = side(self.last.map(|last| &last.proxies), &ours, &theirs);
        let theirs = match (side, theirs) {
            (Side::Same, _) => return,
            (Side::Ours, _) | (_, None) => return self.push_proxies(),
            (Side::Theirs | Side::Both, Some(theirs)) => theirs,
        };
        let look = match &ours {
            Some(ours) => self.look(Purpose::Proxies, ours, &theirs),
            None => match self.open_there(Purpose::Proxies, &theirs) {
                Ok(opened) => Look::Newer(opened),
                Err(error) => Look::Bad(error.to_string()),
            },
        };
        match look {
            Look::Equal if self.keys.is_outdated(&theirs) => self.push_proxies(),
            Look::Equal => self.out.local.proxies = Some(theirs),
            Look::Bad(why) => self.dispute_proxies(format!("{} {why}", dispute::BAD_PROXIES)),
            Look::Newer(_) if side == Side::Both && ours.is_some() => {
                self.dispute_proxies(dispute::PROXIES.to_owned())
            }
            Look::Newer(_) => {
                self.out.local.proxies = Some(theirs);
                self.out
                    .news
                    .push(RemoteChange::ProxiesChanged { id: self.remote.id });
            }
        }
    }

    /// An envelope there against the one here.
    fn look(&self, purpose: Purpose, ours: &str, theirs: &str) -> Look {
        let opened = match self.open_there(purpose, theirs) {
            Ok(opened) => opened,
            Err(error) => return Look::Bad(error.to_string()),
        };
        let Ok(ours) = self.keys.open(ours, &binding(&self.out.local, purpose)) else {
            return Look::Newer(opened);
        };
        if ours.bytes == opened.bytes {
            return Look::Equal;
        }
        if opened.epoch < ours.epoch {
            return Look::Bad(CipherError::Older.to_string());
        }
        if opened.epoch == ours.epoch {
            return Look::Bad(
                "it is another one than the copy here, and of the same age".to_owned(),
            );
        }
        Look::Newer(opened)
    }

    fn look_alone(&self, theirs: &str) -> Look {
        match self.open_there(Purpose::Session, theirs) {
            // A session that was signed out of here does not come back by itself.
            Ok(opened) if from_epoch(opened.epoch) < self.out.local.epoch => {
                Look::Bad(CipherError::Older.to_string())
            }
            Ok(opened) => Look::Newer(opened),
            Err(error) => Look::Bad(error.to_string()),
        }
    }

    fn open_there(&self, purpose: Purpose, envelope: &str) -> Result<Opened, CipherError> {
        let to = Binding {
            account: self.remote.id,
            api_id: match purpose {
                // A session is used with the api_id that holds here after the merge.
                Purpose::Session | Purpose::Proxies => self.out.local.api_id,
                _ => self.remote.api_id,
            },
            purpose,
        };
        self.keys
            .open_or_explain(envelope, &to, self.known.iter().copied())
    }

    fn open_here(&self, purpose: Purpose) -> Option<Opened> {
        let row = &self.out.local;
        self.keys.open(&row.api_hash, &binding(row, purpose)).ok()
    }

    /// A session is bound to its api_id: that one is not exchanged under it.
    fn moves_session(&self) -> bool {
        self.remote.api_id != self.out.local.api_id && self.out.local.session.is_some()
    }
}

#[cfg(test)]
mod tests;
