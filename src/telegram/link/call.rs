//! A call through the present line, with a limit.

use grammers_client::tl::RemoteCall;

use super::shared::Shared;
use crate::telegram::{CallError, error::Failure};

impl Shared {
    /// A call with the usual limit.
    pub(super) async fn call<R: RemoteCall>(&self, request: R) -> Result<R::Return, CallError> {
        self.try_call(&request)
            .await
            .map_err(Failure::into_call_error)
    }

    /// The same, with the failure as it is. Tells the task when the sign-in turns out to be over.
    pub(super) async fn try_call<R: RemoteCall>(&self, request: &R) -> Result<R::Return, Failure> {
        let calls = self.calls().ok_or(Failure::NoLine)?;
        let answer = calls.home(request, self.settings.timing.call_limit).await;
        if let Err(failure) = &answer {
            self.note(failure);
        }
        answer
    }
}
