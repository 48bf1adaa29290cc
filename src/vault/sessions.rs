//! Sessions: a sign-in's result replaces the one before only after it has connected.

use super::{
    SessionEpoch, Vault, VaultError,
    cipher::Purpose,
    farewells::given_up,
    local::{as_epoch, binding, from_epoch, next_epoch, sealed, touched},
};
use crate::domain::{AccountId, SecretBytes};

impl Vault {
    /// Stores the session of a new sign-in. The one before it is kept until [`Self::confirm_session`]. A second sign-in
    /// without a confirmation in between still keeps the last that worked; the one in the middle is to be ended at
    /// Telegram.
    ///
    /// # Errors
    /// [`VaultError::UnknownAccount`], or when the store can't be written.
    pub async fn save_session(
        &self,
        id: AccountId,
        session: &SecretBytes,
    ) -> Result<(), VaultError> {
        let orders = self
            .local
            .change_and_part(id, |keys, mut row| {
                let epoch = next_epoch(as_epoch(row.epoch));
                let envelope = keys
                    .seal(&binding(&row, Purpose::Session), epoch, session.expose())
                    .map_err(|error| sealed(id, &error))?;
                let before = row.session.replace(envelope);
                let unused = match row.previous_session {
                    None => {
                        row.previous_session = before;
                        None
                    }
                    Some(_) => before,
                };
                let orders = given_up(keys, &row, unused);
                row.epoch = from_epoch(epoch);
                touched(&mut row);
                Ok(Some((row, orders)))
            })
            .await?;
        self.shared.wake.notify_one();
        self.shared.parted(&orders);
        Ok(())
    }

    /// Stores what Telegram added to the session in use (another data centre's key, a new address). It is the same
    /// sign-in, so nothing is kept of it. Nothing happens when the account has another session by now, or none.
    ///
    /// # Errors
    /// [`VaultError::UnknownAccount`], or when the store can't be written.
    pub async fn update_session(
        &self,
        id: AccountId,
        in_use: SessionEpoch,
        session: &SecretBytes,
    ) -> Result<SessionEpoch, VaultError> {
        let mut now = in_use;
        self.local
            .change(id, |keys, mut row| {
                now = in_use;
                if row.session.is_none() || row.epoch != in_use.0 {
                    return Ok(None);
                }
                let to = binding(&row, Purpose::Session);
                let same = row.session.as_deref().is_some_and(|envelope| {
                    keys.open(envelope, &to)
                        .is_ok_and(|opened| opened.bytes == *session)
                });
                if same {
                    return Ok(None);
                }
                let epoch = next_epoch(as_epoch(row.epoch));
                let envelope = keys
                    .seal(&to, epoch, session.expose())
                    .map_err(|error| sealed(id, &error))?;
                row.session = Some(envelope);
                row.epoch = from_epoch(epoch);
                now = SessionEpoch(row.epoch);
                Ok(Some(row))
            })
            .await?;
        self.shared.wake.notify_one();
        Ok(now)
    }

    /// The new session connected: the previous one is to be ended at Telegram. Nothing happens when there is none, or when
    /// the account has yet another session by now.
    ///
    /// # Errors
    /// [`VaultError::UnknownAccount`], or when the store can't be written.
    pub async fn confirm_session(
        &self,
        id: AccountId,
        in_use: SessionEpoch,
    ) -> Result<(), VaultError> {
        let orders = self
            .local
            .change_and_part(id, |keys, mut row| {
                if row.epoch != in_use.0 {
                    return Ok(None);
                }
                let Some(previous) = row.previous_session.take() else {
                    return Ok(None);
                };
                let orders = given_up(keys, &row, Some(previous));
                Ok(Some((row, orders)))
            })
            .await?;
        self.shared.wake.notify_one();
        self.shared.parted(&orders);
        Ok(())
    }

    /// The new session was no good: back to the previous one, and the new one is to be ended at Telegram. `false` when
    /// there is none, or when the account has yet another session by now.
    ///
    /// # Errors
    /// [`VaultError::UnknownAccount`], [`VaultError::Sealed`], or when the store can't be written.
    pub async fn restore_previous_session(
        &self,
        id: AccountId,
        no_good: SessionEpoch,
    ) -> Result<bool, VaultError> {
        let mut restored = false;
        let orders = self
            .local
            .change_and_part(id, |keys, mut row| {
                restored = false;
                if row.epoch != no_good.0 {
                    return Ok(None);
                }
                let Some(previous) = row.previous_session.take() else {
                    return Ok(None);
                };
                let epoch = keys
                    .open(&previous, &binding(&row, Purpose::Session))
                    .map_err(|error| sealed(id, &error))?
                    .epoch;
                let unusable = row.session.replace(previous);
                let orders = given_up(keys, &row, unusable);
                row.epoch = from_epoch(epoch);
                restored = true;
                Ok(Some((row, orders)))
            })
            .await?;
        self.shared.wake.notify_one();
        self.shared.parted(&orders);
        Ok(restored)
    }

    /// Keeps (or with `None` forgets) what a sign-in needs between "code sent" and "verified"; never leaves this
    /// machine.
    ///
    /// # Errors
    /// [`VaultError::UnknownAccount`], or when the store can't be written.
    pub async fn save_sign_in_state(
        &self,
        id: AccountId,
        state: Option<&SecretBytes>,
    ) -> Result<(), VaultError> {
        self.local
            .change(id, |keys, mut row| {
                row.sign_in = match state {
                    None if row.sign_in.is_none() => return Ok(None),
                    None => None,
                    Some(state) => Some(
                        keys.seal(
                            &binding(&row, Purpose::SignIn),
                            next_epoch(0),
                            state.expose(),
                        )
                        .map_err(|error| sealed(id, &error))?,
                    ),
                };
                Ok(Some(row))
            })
            .await
    }

    /// The sign-in that was under way, if any.
    ///
    /// # Errors
    /// [`VaultError::UnknownAccount`], or [`VaultError::Sealed`].
    pub async fn sign_in_state(&self, id: AccountId) -> Result<Option<SecretBytes>, VaultError> {
        self.local.sign_in_state(id).await
    }
}
