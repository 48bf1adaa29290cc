//! State: what every handler works with, and the questions that several of them ask.

use std::sync::Arc;

use super::{
    Access, Adding, ApiError, AssistantClient, Doors, Elsewhere, Metrics, refusals::Audit,
    settling::Settling, turns::Turns,
};
use crate::{
    alive::Loops,
    broadcast::BroadcastHandle,
    domain::{
        Account, AccountId, ApiCredentials, Conversation, ConversationId, KeepFor, MessageRowId,
        StoredMessage,
    },
    media::MediaHandle,
    nodes::Ownership,
    remote::FollowError,
    staging::Staging,
    store::{StoreError, StoreHandle},
    supervisor::{SignInError, SignOutError, SupervisorError, SupervisorHandle},
    telegram::{CallError, LinkHandle, LoginError, Telegram},
    vault::{Vault, VaultError},
    webhooks::Webhooks,
};

const STORE_AWAY: &str = "the database can't be reached for now; try again in a moment";

pub struct Service {
    pub store: StoreHandle,
    pub broadcast: BroadcastHandle,
    pub supervisor: SupervisorHandle,
    pub vault: Vault,
    /// Which accounts are this process's.
    pub ownership: Ownership,
    pub staging: Staging,
    pub media: MediaHandle,
    pub metrics: Arc<Metrics>,
    pub loops: Loops,
    /// For its figures.
    pub telegram: Telegram,
    /// For accounts that bring none.
    pub api: Option<ApiCredentials>,
    pub doors: Doors,
    pub audit: Audit,
    /// Of switching accounts on and off.
    pub switching: Turns,
    /// Of calls under keys.
    pub settling: Settling,
    /// Accounts.
    pub adding: Adding,
    /// Of owners' sign-ins being started.
    pub starting: Turns,
    pub webhooks: Webhooks,
    /// For how long things are kept, where an account says nothing of its own.
    pub keep: KeepFor,
    /// What `/message_stream` asks; `None`: not configured.
    pub assistant: Option<AssistantClient>,
    /// `None`: this process has every account.
    pub elsewhere: Option<Elsewhere>,
}

impl Service {
    /// An account that the caller may see.
    pub async fn account(&self, access: &Access, id: AccountId) -> Result<Account, ApiError> {
        let account = self.store.get_account(id).await?;
        account
            .filter(|account| access.sees(account.id))
            .ok_or_else(|| ApiError::not_found("account_not_found", "account"))
    }

    /// The account's way to Telegram, where nothing can be done without.
    pub async fn link(&self, account: AccountId) -> Result<LinkHandle, ApiError> {
        self.supervisor.link(account).await.ok_or_else(|| {
            ApiError::unavailable(
                "telegram_unreachable",
                "this account is not connected for now; try again in a moment",
            )
        })
    }

    pub async fn conversation(
        &self,
        access: &Access,
        id: ConversationId,
    ) -> Result<Conversation, ApiError> {
        let conversation = self.store.get_conversation(id).await?;
        conversation
            .filter(|conversation| access.sees(conversation.account_id))
            .ok_or_else(|| ApiError::not_found("conversation_not_found", "conversation"))
    }

    pub async fn message(
        &self,
        access: &Access,
        id: MessageRowId,
    ) -> Result<StoredMessage, ApiError> {
        let message = self.store.get_message(id).await?;
        message
            .filter(|message| access.sees(message.account_id))
            .ok_or_else(|| ApiError::not_found("message_not_found", "message"))
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let text = error.to_string();
        match error {
            StoreError::NotHere => Self::because(
                actix_web::http::StatusCode::SERVICE_UNAVAILABLE,
                "account_moving",
                "this account is between two nodes; try again in a moment",
                text,
            ),
            StoreError::AccountNotFound => Self::not_found("account_not_found", "account"),
            StoreError::ConversationNotFound => {
                Self::not_found("conversation_not_found", "conversation")
            }
            StoreError::MessageNotFound => Self::not_found("message_not_found", "message"),
            StoreError::IdempotencyConflict => Self::conflict("idempotency_conflict", text),
            StoreError::NotWaiting(_) => Self::conflict("message_not_waiting", text),
            StoreError::MayHaveArrived => Self::conflict(
                "message_may_have_arrived",
                "the message may have arrived already; ?force=true takes it off the desk all the same",
            ),
            StoreError::OrderNotFound => Self::not_found("order_not_found", "order"),
            StoreError::MayBeDone => Self::conflict(
                "order_may_be_done",
                "it may have been done already; ?force=true puts it away all the same",
            ),
            StoreError::NotSentYet => Self::conflict("message_not_sent", text),
            StoreError::MessageDeleted => Self::conflict("message_deleted", text),
            StoreError::NotOurs => Self::conflict("not_ours", text),
            StoreError::NotForwardable => Self::unprocessable("not_forwardable", text),
            StoreError::NotCopyable => Self::unprocessable("not_copyable", text),
            StoreError::SeveralConversations => Self::unprocessable("several_conversations", text),
            StoreError::ReplyToUnknown | StoreError::ReplyToDeleted => {
                Self::unprocessable("reply_to_not_found", text)
            }
            StoreError::NotQuoted => Self::unprocessable("invalid_quote", text),
            StoreError::OutboxFull => Self::new(
                actix_web::http::StatusCode::TOO_MANY_REQUESTS,
                "outbox_full",
                text,
            ),
            StoreError::OtherTopic => Self::unprocessable("invalid_topic_id", text),
            StoreError::Exists(_) => Self::conflict("exists", text),
            StoreError::InvalidCursor => Self::bad_request("invalid_cursor", text),
            StoreError::EmptyQuery => Self::bad_request("empty_query", text),
            StoreError::Unavailable { .. } | StoreError::NoAnswer { .. } | StoreError::Closed => {
                Self::because(
                    actix_web::http::StatusCode::SERVICE_UNAVAILABLE,
                    "store_unavailable",
                    STORE_AWAY,
                    text,
                )
            }
            StoreError::SchemaTooNew { .. }
            | StoreError::SchemaTooOld { .. }
            | StoreError::CarriedOver { .. }
            | StoreError::HalfCarried
            | StoreError::Unfit { .. }
            | StoreError::InUse { .. }
            | StoreError::Broken { .. } => Self::internal(text),
        }
    }
}

impl From<FollowError> for ApiError {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Store(error) => error.into(),
            FollowError::Vault(error) => error.into(),
            FollowError::Supervisor(error) => error.into(),
        }
    }
}

impl From<VaultError> for ApiError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::UnknownAccount(_) => Self::not_found("account_not_found", "account"),
            VaultError::Sealed { .. } => Self::conflict(
                "session_unreadable",
                "what is stored of this account can't be opened with the present key: sign it in again",
            ),
            VaultError::Store(error) => error.into(),
            VaultError::Busy(why) => {
                let reason = why.to_owned();
                StoreError::Unavailable { reason }.into()
            }
            VaultError::Closed => StoreError::Closed.into(),
            error @ (VaultError::Key(_) | VaultError::Refused(_)) => Self::internal(error),
        }
    }
}

impl From<SupervisorError> for ApiError {
    fn from(error: SupervisorError) -> Self {
        Self::unavailable("stopping", error.to_string())
    }
}

impl From<SignOutError> for ApiError {
    fn from(error: SignOutError) -> Self {
        match error {
            SignOutError::Store(error) => Self::from(error),
            SignOutError::Vault(error) => Self::from(error),
            SignOutError::Stopping => Self::from(SupervisorError),
        }
    }
}

impl From<CallError> for ApiError {
    fn from(error: CallError) -> Self {
        let text = error.to_string();
        match error {
            CallError::FloodWait(wait) => Self::new(
                actix_web::http::StatusCode::TOO_MANY_REQUESTS,
                "flood_wait",
                text,
            )
            .retry_after(wait),
            CallError::SignedOut(_) => Self::conflict("account_unavailable", text),
            CallError::Rejected { .. } => Self::unprocessable("telegram_refused", text),
            CallError::Unreadable => Self::unprocessable("telegram_refused", text),
            CallError::Unresolvable => Self::unprocessable("recipient_not_found", text),
            CallError::StoreAway(_) => Self::because(
                actix_web::http::StatusCode::SERVICE_UNAVAILABLE,
                "store_unavailable",
                STORE_AWAY,
                text,
            ),
            CallError::Network(_) | CallError::TimedOut => Self::because(
                actix_web::http::StatusCode::GATEWAY_TIMEOUT,
                "telegram_unreachable",
                "Telegram does not answer this account for now; try again in a moment",
                text,
            ),
        }
    }
}

impl From<SignInError> for ApiError {
    fn from(error: SignInError) -> Self {
        let text = error.to_string();
        match error {
            SignInError::Login(error) => Self::from(error),
            SignInError::NotStarted => Self::conflict("no_login", text),
            SignInError::TooMany => Self::new(
                actix_web::http::StatusCode::TOO_MANY_REQUESTS,
                "too_many_attempts",
                text,
            ),
            SignInError::Slow => Self::because(
                actix_web::http::StatusCode::GATEWAY_TIMEOUT,
                "telegram_unreachable",
                text,
                "a step of a sign-in took longer than its caller waits",
            ),
            SignInError::Ways(error) => Self::from(error),
            SignInError::Store(error) => Self::from(error),
            SignInError::Vault(error) => Self::from(error),
        }
    }
}

impl From<LoginError> for ApiError {
    fn from(error: LoginError) -> Self {
        use actix_web::http::StatusCode as S;
        let (status, code) = match &error {
            LoginError::WrongCode => (S::UNPROCESSABLE_ENTITY, "wrong_code"),
            LoginError::CodeExpired => (S::UNPROCESSABLE_ENTITY, "code_expired"),
            LoginError::PasswordNeeded => (S::CONFLICT, "password_needed"),
            LoginError::WrongPassword => (S::UNPROCESSABLE_ENTITY, "wrong_password"),
            LoginError::PhoneInvalid => (S::UNPROCESSABLE_ENTITY, "phone_invalid"),
            LoginError::PhoneBanned => (S::UNPROCESSABLE_ENTITY, "phone_banned"),
            LoginError::SignUpRequired => (S::UNPROCESSABLE_ENTITY, "sign_up_required"),
            LoginError::FloodWait(_) => (S::TOO_MANY_REQUESTS, "flood_wait"),
            LoginError::TooManyAttempts => (S::TOO_MANY_REQUESTS, "too_many_attempts"),
            LoginError::ApiCredentialsRejected => {
                (S::UNPROCESSABLE_ENTITY, "api_credentials_rejected")
            }
            LoginError::PaymentRequired { .. } => (S::UNPROCESSABLE_ENTITY, "payment_required"),
            LoginError::CheckWanted => (S::UNPROCESSABLE_ENTITY, "check_wanted"),
            LoginError::EmailRequired => (S::CONFLICT, "email_required"),
            LoginError::EmailRefused => (S::UNPROCESSABLE_ENTITY, "email_invalid"),
            LoginError::Network(_) => (S::GATEWAY_TIMEOUT, "telegram_unreachable"),
            LoginError::Rejected { .. } => (S::UNPROCESSABLE_ENTITY, "telegram_refused"),
            LoginError::SessionStringInvalid { .. } => (S::UNPROCESSABLE_ENTITY, "session_invalid"),
            LoginError::AlreadyAnotherUser => (S::CONFLICT, "another_user"),
            LoginError::WrongStep => (S::CONFLICT, "wrong_step"),
            LoginError::Cancelled => (S::CONFLICT, "login_cancelled"),
        };
        if let LoginError::Network(cause) = &error {
            return Self::because(
                status,
                code,
                "Telegram does not answer for now; try again in a moment",
                cause,
            );
        }
        let told = Self::new(status, code, error.to_string());
        match error {
            LoginError::FloodWait(wait) => told
                .retry_after(wait)
                .with(serde_json::json!({ "seconds": wait.as_secs() })),
            LoginError::PaymentRequired { amount, currency } => {
                told.with(serde_json::json!({ "amount": amount, "currency": currency }))
            }
            _ => told,
        }
    }
}
