//! The connection and the knowledge of one sign-in, and what all ways to sign in have in common.

use std::{sync::Arc, time::Duration};

use grammers_client::session::updates::UpdatesLike;
use grammers_client::tl::{self as tl, RemoteCall};
use tokio::{runtime::Handle, sync::mpsc};

use super::{
    LoginError, SignInConfig, SignInMethod, SignInStep, SignedIn,
    given::{SentCode, ShownCode},
    saved::SavedCode,
};
use crate::{
    domain::{ApiCredentials, Device, MOST_PROXIES, Position, Proxy, StateReason, mask_phone},
    telegram::{
        KeyLease, SessionData, clock,
        error::Failure,
        import,
        link::self_user,
        pool::{Brief, Kept, KeptFor, PoolSession},
        settings::Settings,
    },
};

/// Telegram sends a number home in one hop; more than a few would be a circle.
const MAX_HOPS: usize = 4;
/// Taking a code back is worth no more.
const LAST_CALL: Duration = Duration::from_secs(5);
/// Until whoever else uses the key of a session that was brought along has hung up.
const KEY_PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Attempt {
    pub(super) api: ApiCredentials,
    pub(super) code: Option<SentCode>,
    /// The QR code on show.
    pub(super) shown_code: Option<ShownCode>,
    expected_user: Option<i64>,
    /// Of the application that the session was made with.
    api_id: i32,
    settings: Arc<Settings>,
    runtime: Handle,
    session: Arc<PoolSession>,
    pool: Option<Brief>,
    /// A session that was brought along, until it is adopted.
    imported: Option<SessionData>,
    lease: Option<KeyLease>,
    /// Signed in by this attempt, and not handed over.
    made: Option<SessionData>,
    /// What may have signed it in was sent, and what came of it not heard to the end.
    pub(super) unclear: bool,
    _kept: KeptFor,
}

impl Attempt {
    pub(super) fn new(
        settings: Arc<Settings>,
        runtime: Handle,
        (config, kept): (SignInConfig, Kept),
    ) -> Result<Self, LoginError> {
        let imported =
            match &config.method {
                SignInMethod::SessionString(text) => Some(import::parse(text).map_err(
                    |error| LoginError::SessionStringInvalid {
                        why: error.to_string(),
                    },
                )?),
                SignInMethod::Phone(_) | SignInMethod::Qr => None,
            };
        let stored = imported.as_ref().map(|imported| &imported.session);
        let ways = settings.ways(config.proxies.as_deref());
        let session = PoolSession::new(stored, &settings, (ways, config.device));
        let kept = KeptFor::new(&session, &runtime, kept);
        if !session.knows(session.home()) {
            let why = import::ImportError::UnknownDc(session.home()).to_string();
            return Err(LoginError::SessionStringInvalid { why });
        }
        let api_id = stored.map_or(0, |stored| stored.api_id);
        Ok(Self {
            api_id: if api_id == 0 {
                config.api.api_id
            } else {
                api_id
            },
            api: config.api,
            code: None,
            shown_code: None,
            expected_user: config.expected_user,
            settings,
            runtime,
            session,
            pool: None,
            imported: imported.map(|imported| imported.session),
            lease: None,
            made: None,
            unclear: false,
            _kept: kept,
        })
    }

    /// Goes on from what [`saved`](Self::saved) gave. Asks Telegram nothing yet.
    pub(super) fn resume(
        settings: Arc<Settings>,
        runtime: Handle,
        (api, proxies, device): (ApiCredentials, Option<&[Proxy]>, Option<Device>),
        (bytes, kept): (&[u8], Kept),
    ) -> Result<(Self, SignInStep), LoginError> {
        let saved = SavedCode::from_bytes(bytes).ok_or(LoginError::CodeExpired)?;
        let ways = settings.ways(proxies);
        let session = PoolSession::new(Some(&saved.session), &settings, (ways, device));
        let attempt = Self {
            _kept: KeptFor::new(&session, &runtime, kept),
            api_id: api.api_id,
            api,
            // Whoever saved it may have ended in the middle of the last step.
            unclear: true,
            code: saved.code,
            shown_code: None,
            expected_user: saved.expected_user,
            session,
            settings,
            runtime,
            pool: None,
            imported: None,
            lease: None,
            made: None,
        };
        Ok((attempt, saved.step))
    }

    pub(super) fn saved(&self, step: &SignInStep) -> Option<crate::domain::SecretBytes> {
        let session = self.session.export(0, 0, self.api_id);
        SavedCode::to_bytes(&session, self.code.as_ref(), self.expected_user, step)
    }

    /// One call to the current home, connecting when needed. A line in trouble is thrown away. As long as no code was
    /// sent, the next way is taken when one leads nowhere.
    pub(super) async fn call<R: RemoteCall>(&mut self, request: &R) -> Result<R::Return, Failure> {
        for _ in 0..MOST_PROXIES {
            let answer = self.call_once(request).await;
            let is_passing = matches!(answer, Err(Failure::Network(_) | Failure::TimedOut));
            if !is_passing || self.code.is_some() || !self.session.ways().has_another() {
                return answer;
            }
        }
        self.call_once(request).await
    }

    async fn call_once<R: RemoteCall>(&mut self, request: &R) -> Result<R::Return, Failure> {
        let timing = &self.settings.timing;
        self.session
            .ensure_key(self.session.home(), &self.settings)
            .await?;
        if self.pool.is_none() {
            self.pool = Some(Brief::start(
                &self.session,
                self.api_id,
                &self.settings,
                &self.runtime,
            ));
        }
        let Some(pool) = &self.pool else {
            return Err(Failure::network("no connection"));
        };
        let mut answer = pool.calls.home(request, timing.connect_limit).await;
        if matches!(
            answer,
            Err(Failure::Network(_) | Failure::TimedOut | Failure::KeyUnknown | Failure::NoLine)
        ) {
            self.pool = None;
        }
        if matches!(answer, Err(Failure::TimedOut))
            && let Some(seconds) = clock::trouble(&self.session, &self.settings).await
        {
            answer = Err(Failure::network(
                StateReason::ClockAhead { seconds }.to_string(),
            ));
        }
        let ways = self.session.ways();
        match answer {
            Err(Failure::Network(_) | Failure::TimedOut) => {
                ways.fruitless();
                if let Some(trouble) = ways.trouble() {
                    answer = Err(Failure::network(trouble.to_string()));
                }
            }
            _ => ways.works(),
        }
        answer
    }

    /// The same, followed to wherever Telegram sends it.
    pub(super) async fn call_home<R: RemoteCall>(
        &mut self,
        request: &R,
    ) -> Result<R::Return, Failure> {
        let mut last = Failure::network("Telegram sends the number in circles");
        for _ in 0..MAX_HOPS {
            match self.call(request).await {
                Err(Failure::Rpc {
                    code: 303,
                    name,
                    value: Some(dc),
                }) => {
                    let Ok(home) = i32::try_from(dc) else {
                        return Err(Failure::Rpc {
                            code: 303,
                            name,
                            value: Some(dc),
                        });
                    };
                    last = Failure::network(format!("data centre {home} is not known here"));
                    if !self.move_home(home) {
                        return Err(last);
                    }
                }
                answer => return answer,
            }
        }
        Err(last)
    }

    /// Home first, connection after: only a connection to home reports its end.
    pub(super) fn move_home(&mut self, dc: i32) -> bool {
        if !self.session.knows(dc) {
            return false;
        }
        let old = self.session.home();
        self.session.set_home(dc);
        if let Some(pool) = &self.pool {
            pool.calls.cut(old);
        }
        true
    }

    pub(super) fn updates(&mut self) -> Option<&mut mpsc::Receiver<UpdatesLike>> {
        self.pool.as_mut().map(|pool| &mut pool.updates)
    }

    /// Signed in: who it is, and where the updates begin.
    pub(super) async fn finish(
        &mut self,
        authorization: tl::enums::auth::Authorization,
    ) -> Result<SignInStep, LoginError> {
        use tl::enums::auth::Authorization;
        match authorization {
            Authorization::Authorization(found) => self.finish_as(found.user).await,
            Authorization::SignUpRequired(_) => Err(LoginError::SignUpRequired),
        }
    }

    async fn finish_as(&mut self, user: tl::enums::User) -> Result<SignInStep, LoginError> {
        let (Some(own), tl::enums::User::User(user)) = (self_user(user.clone()), user) else {
            return Err(LoginError::Rejected {
                code: "USER_EMPTY".to_owned(),
            });
        };
        // One that was brought along is somebody's.
        if self.lease.is_none() {
            self.made = Some(self.session_of(&user));
        }
        if self
            .expected_user
            .is_some_and(|expected| expected != own.id)
        {
            self.close().await;
            return Err(LoginError::AlreadyAnotherUser);
        }
        let tl::enums::updates::State::State(state) =
            self.call(&tl::functions::updates::GetState {}).await?;
        let signed_in = SignedIn {
            session: self.session_of(&user),
            user: own,
            phone: user.phone.as_deref().map(mask_phone),
            position: Position {
                pts: state.pts.max(1),
                qts: state.qts,
                date: state.date,
                seq: state.seq,
                channels: Vec::new(),
            },
            lease: self.lease.clone(),
        };
        // The account's own link dials anew: this connection must be gone before.
        self.close().await;
        self.code = None;
        self.made = None;
        self.unclear = false;
        Ok(SignInStep::Done(Box::new(signed_in)))
    }

    fn session_of(&self, user: &tl::types::User) -> SessionData {
        let hash = user.access_hash.unwrap_or(0);
        self.session.export(user.id, hash, self.api_id)
    }

    /// Where it stands after a step that was not heard to its end: Telegram uses a code up when it takes it, and knows the key as signed
    /// in from then on, whether its answer arrives or not. `None`: the step is to be made again.
    pub(super) async fn stands(&mut self) -> Result<Option<SignInStep>, LoginError> {
        if !self.unclear {
            return Ok(None);
        }
        match self.call(&oneself()).await {
            Ok(users) => match users.into_iter().next() {
                Some(user) => self.finish_as(user).await.map(Some),
                None => Ok(None),
            },
            Err(Failure::Rpc { name, .. }) if name == "SESSION_PASSWORD_NEEDED" => {
                self.unclear = false;
                self.ask_password().await.map(Some)
            }
            // Nobody is signed in with the key. What passes says nothing, and the code may be used up.
            Err(failure @ Failure::Rpc { .. }) if failure.says_who_it_is_not() => {
                self.unclear = false;
                Ok(None)
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// A session string that is signed in already.
    pub(super) async fn adopt(&mut self) -> Result<SignInStep, LoginError> {
        let invalid = |why: String| LoginError::SessionStringInvalid { why };
        let key = self.imported.take();
        let Some(key) = key.as_ref().and_then(SessionData::home_key) else {
            return Err(invalid("it has no key".to_owned()));
        };
        let lease = self.settings.keys.lease(key);
        let Ok(lease) = tokio::time::timeout(KEY_PATIENCE, lease).await else {
            return Err(invalid(
                "it is in use here already, and Telegram ends a session that is used twice at once"
                    .to_owned(),
            ));
        };
        self.lease = Some(lease);
        let users = match self.call(&oneself()).await {
            Ok(users) => users,
            Err(Failure::KeyUnknown) => {
                return Err(invalid(
                    "Telegram does not know this session's key (any more)".to_owned(),
                ));
            }
            Err(failure) => {
                return Err(match failure.exit() {
                    Some(exit) => invalid(exit.to_string()),
                    None => failure.into(),
                });
            }
        };
        let Some(user) = users.into_iter().next() else {
            return Err(invalid("the session is not signed in".to_owned()));
        };
        if matches!(&user, tl::enums::User::User(user) if user.bot) {
            return Err(invalid(import::ImportError::Bot.to_string()));
        }
        self.finish_as(user).await
    }

    /// Takes a sent code back, as far as Telegram listens, and hangs up. Gives the session that it made for nothing.
    pub(super) async fn cancel(&mut self) -> Option<SessionData> {
        if self.unclear && self.made.is_none() {
            // One that nobody was told of would stay on the list of devices.
            let asked = tokio::time::timeout(LAST_CALL, self.call(&oneself())).await;
            if let Ok(Ok(users)) = asked
                && let Some(tl::enums::User::User(user)) = users.first()
            {
                self.made = Some(self.session_of(user));
            }
        }
        if let Some(code) = self.code.take()
            && self.pool.is_some()
        {
            let request = tl::functions::auth::CancelCode {
                phone_number: code.phone.expose().to_owned(),
                phone_code_hash: code.hash.expose().to_owned(),
            };
            let _ = tokio::time::timeout(LAST_CALL, self.call(&request)).await;
        }
        self.close().await;
        self.made.take()
    }

    async fn close(&mut self) {
        if let Some(pool) = self.pool.take() {
            pool.close(self.settings.timing.close_limit).await;
        }
        // One that was thrown away before may be there still.
        let limit = self.settings.timing.close_limit;
        self.session.hung_up(limit).await;
    }
}

fn oneself() -> tl::functions::users::GetUsers {
    tl::functions::users::GetUsers {
        id: vec![tl::enums::InputUser::UserSelf],
    }
}
