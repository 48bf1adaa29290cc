//! Signing in by a code that a phone scans: shown, renewed before it expires, followed to the account's data centre.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use grammers_client::session::updates::UpdatesLike;
use grammers_client::tl;
use tl::enums::{Update, Updates, auth::LoginToken};
use tokio::time::{Instant, sleep_until};

use super::{LoginError, SignInStep, attempt::Attempt, given::ShownCode};
use crate::{
    domain::{SecretText, Timestamp},
    telegram::error::Failure,
};

/// Renewed this long before Telegram drops the code.
const MARGIN: Duration = Duration::from_secs(2);
/// Telegram's codes live half a minute; a clock that is off must not make us ask all the time, or never.
const LIFE: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(30));

impl Attempt {
    /// Asks where the sign-in is: a code to show, the password, or done.
    pub(super) async fn export_token(&mut self) -> Result<SignInStep, LoginError> {
        let request = tl::functions::auth::ExportLoginToken {
            api_id: self.api.api_id,
            api_hash: self.api.api_hash.expose().to_owned(),
            except_ids: Vec::new(),
        };
        let answer = self.call_home(&request).await;
        self.token_answer(answer).await
    }

    async fn token_answer(
        &mut self,
        answer: Result<LoginToken, Failure>,
    ) -> Result<SignInStep, LoginError> {
        let token = match answer {
            Ok(LoginToken::MigrateTo(elsewhere)) => {
                if !self.move_home(elsewhere.dc_id) {
                    // Of TELEGRAM_DC; asking again would not make it known.
                    return Err(LoginError::Rejected {
                        code: format!("DATA_CENTRE_{}_IS_NOT_CONFIGURED", elsewhere.dc_id),
                    });
                }
                let request = tl::functions::auth::ImportLoginToken {
                    token: elsewhere.token,
                };
                match self.call(&request).await {
                    Ok(token) => token,
                    Err(failure) => return self.token_failed(failure).await,
                }
            }
            Ok(token) => token,
            Err(failure) => return self.token_failed(failure).await,
        };
        match token {
            LoginToken::Token(token) => {
                let url = SecretText::new(format!(
                    "tg://login?token={}",
                    URL_SAFE_NO_PAD.encode(token.token)
                ));
                let shown = ShownCode {
                    url,
                    expires_at: Timestamp::from_seconds(i64::from(token.expires)),
                    scanned: false,
                };
                self.shown_code = Some(shown.clone());
                Ok(shown.into())
            }
            LoginToken::Success(token) => self.finish(token.authorization).await,
            LoginToken::MigrateTo(_) => Err(LoginError::Rejected {
                code: "MIGRATES_IN_CIRCLES".to_owned(),
            }),
        }
    }

    async fn token_failed(&mut self, failure: Failure) -> Result<SignInStep, LoginError> {
        match &failure {
            Failure::Rpc { name, .. } if name == "SESSION_PASSWORD_NEEDED" => {
                self.ask_password().await
            }
            _ => Err(failure.into()),
        }
    }

    /// Waits for a scan or for the code's end; returns when that changes what to show. A scan is told before Telegram
    /// is asked what came of it.
    pub(super) async fn wait_scan(&mut self) -> Result<SignInStep, LoginError> {
        let shown = self.shown_code.clone().ok_or(LoginError::WrongStep)?;
        if shown.scanned {
            return self.export_token().await;
        }
        let life = shown
            .expires_at
            .until(Timestamp::now())
            .saturating_sub(MARGIN)
            .clamp(LIFE.0, LIFE.1);
        let renew_at = Instant::now() + life;
        loop {
            let heard = self.listen(renew_at).await;
            if heard == Heard::Scan {
                let scanned = ShownCode {
                    scanned: true,
                    ..shown
                };
                self.shown_code = Some(scanned.clone());
                return Ok(scanned.into());
            }
            let step = self.export_token().await?;
            // After a line that was cut the same code is still good.
            let same = matches!(&step, SignInStep::Scan { url, .. } if *url == shown.url);
            if !same || heard == Heard::Nothing {
                return Ok(step);
            }
        }
    }

    async fn listen(&mut self, until: Instant) -> Heard {
        let Some(updates) = self.updates() else {
            return Heard::Gap;
        };
        loop {
            let packet = tokio::select! {
                packet = updates.recv() => packet,
                () = sleep_until(until) => return Heard::Nothing,
            };
            match packet {
                Some(UpdatesLike::Updates(Updates::UpdateShort(short)))
                    if short.update == Update::LoginToken =>
                {
                    return Heard::Scan;
                }
                Some(UpdatesLike::Updates(Updates::Updates(all)))
                    if all.updates.contains(&Update::LoginToken) =>
                {
                    return Heard::Scan;
                }
                Some(UpdatesLike::ConnectionClosed | UpdatesLike::Updates(Updates::TooLong)) => {
                    return Heard::Gap;
                }
                Some(_) => {}
                // The pool is gone: its next call tells why.
                None => return Heard::Gap,
            }
        }
    }
}

/// What came while a code was on show.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Heard {
    Scan,
    /// Something may have been missed.
    Gap,
    /// Nothing until the code's end.
    Nothing,
}
