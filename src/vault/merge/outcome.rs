//! Outcome: what a decision of the merge writes here, pushes there and tells.

use super::{Merge, Merged};
use crate::vault::{
    RemoteChange,
    cipher::{Binding, Purpose},
    compare::shown_session,
};

impl Merge<'_> {
    pub(super) fn take_api(&mut self, envelope: String) {
        let local = &mut self.out.local;
        if local.api_id != self.remote.api_id {
            // It was begun with the credentials of before.
            local.sign_in = None;
            // They are sealed for it; those that do not open any more are of no use.
            let of = |api_id| Binding {
                account: local.id,
                api_id,
                purpose: Purpose::Proxies,
            };
            local.proxies = local.proxies.take().map(|envelope| {
                let opened = self.keys.open(&envelope, &of(local.api_id)).ok();
                opened
                    .and_then(|opened| {
                        let to = of(self.remote.api_id);
                        self.keys
                            .seal(&to, opened.epoch, opened.bytes.expose())
                            .ok()
                    })
                    .unwrap_or(envelope)
            });
        }
        local.api_id = self.remote.api_id;
        local.api_hash = envelope;
        self.out
            .news
            .push(RemoteChange::ApiChanged { id: self.remote.id });
    }

    pub(super) fn push_api(&mut self) {
        self.out.push.api = Some((self.out.local.api_id, self.out.local.api_hash.clone()));
    }

    pub(super) fn push_session(&mut self) {
        self.out.push.session = Some(shown_session(&self.out.local).map(str::to_owned));
    }

    pub(super) fn push_proxies(&mut self) {
        self.out.push.proxies = Some(self.out.local.proxies.clone());
    }

    pub(super) fn dispute_proxies(&mut self, what: String) {
        if self.overrule {
            return self.push_proxies();
        }
        self.conflict(what);
        self.out.copy.proxies = self.last.and_then(|last| last.proxies.clone());
    }

    /// Something stands against theirs: ours goes there if a person has said so, otherwise it waits for one.
    pub(super) fn dispute_api(&mut self, what: String) {
        if self.overrule {
            return self.push_api();
        }
        self.conflict(what);
        let last = self.last;
        self.out.copy.api_id = last.map_or(0, |last| last.api_id);
        self.out.copy.api_hash = last.and_then(|last| last.api_hash.clone());
    }

    /// The same for the session.
    pub(super) fn dispute_session(&mut self, what: String) {
        if self.overrule {
            return self.push_session();
        }
        self.conflict(what);
        self.out.copy.session = self.last.and_then(|last| last.session.clone());
    }

    pub(super) fn conflict(&mut self, what: String) {
        self.conflicts.push(what);
    }

    pub(super) fn finish(mut self) -> Merged {
        let conflict = (!self.conflicts.is_empty()).then(|| self.conflicts.join("; "));
        if conflict != self.out.local.conflict
            && let Some(what) = &conflict
        {
            self.out.news.push(RemoteChange::Conflict {
                id: self.remote.id,
                what: what.clone(),
            });
        }
        self.out.local.conflict = conflict;
        // Holds until ours has arrived there.
        self.out.local.overrule = self.overrule && !self.out.push.is_empty();
        self.out.local.removed_remotely = false;
        self.out
    }
}
