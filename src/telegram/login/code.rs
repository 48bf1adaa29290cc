//! The code that Telegram sends: asked for, asked for again, and proven.

use std::time::Duration;

use grammers_client::tl;

use super::{
    LoginError, SignInStep,
    attempt::Attempt,
    given::{Proof, SentCode},
};
use crate::{
    domain::{CodeChannel, SecretText, Timestamp},
    telegram::error::Failure,
};

impl Attempt {
    pub(super) async fn send_code(&mut self, phone: SecretText) -> Result<SignInStep, LoginError> {
        let digits: String = phone
            .expose()
            .chars()
            .filter(char::is_ascii_digit)
            .collect();
        if !(5..=20).contains(&digits.len()) {
            return Err(LoginError::PhoneInvalid);
        }
        let phone = SecretText::new(digits);
        let request = tl::functions::auth::SendCode {
            phone_number: phone.expose().to_owned(),
            api_id: self.api.api_id,
            api_hash: self.api.api_hash.expose().to_owned(),
            settings: tl::types::CodeSettings {
                allow_flashcall: false,
                current_number: false,
                allow_app_hash: false,
                allow_missed_call: false,
                allow_firebase: false,
                unknown_number: false,
                logout_tokens: None,
                token: None,
                app_sandbox: None,
            }
            .into(),
        };
        let sent = match self.call_home(&request).await {
            // Telegram's word for: once more, from the start.
            Err(Failure::Rpc { name, .. }) if name == "AUTH_RESTART" => {
                self.call_home(&request).await?
            }
            answer => answer?,
        };
        self.code_sent(phone, sent).await
    }

    pub(super) async fn resend_code(&mut self) -> Result<SignInStep, LoginError> {
        let code = self.code.clone().ok_or(LoginError::WrongStep)?;
        let request = tl::functions::auth::ResendCode {
            phone_number: code.phone.expose().to_owned(),
            phone_code_hash: code.hash.expose().to_owned(),
            reason: None,
        };
        let sent = self.call(&request).await?;
        self.code_sent(code.phone, sent).await
    }

    async fn code_sent(
        &mut self,
        phone: SecretText,
        sent: tl::enums::auth::SentCode,
    ) -> Result<SignInStep, LoginError> {
        use tl::enums::auth::SentCode as Sent;
        let sent = match sent {
            Sent::Code(sent) => sent,
            Sent::Success(sent) => return self.finish(sent.authorization).await,
            Sent::PaymentRequired(asked) => {
                return Err(LoginError::PaymentRequired {
                    amount: asked.amount,
                    currency: asked.currency,
                });
            }
        };
        let known = channel(&sent.r#type);
        self.code = Some(SentCode {
            phone,
            hash: SecretText::new(sent.phone_code_hash),
            proof: match &known {
                Some((CodeChannel::Email, ..)) => Proof::Email,
                Some(_) => Proof::Number,
                None => Proof::NewEmail,
            },
        });
        let Some((via, length, hint)) = known else {
            return Ok(SignInStep::Email);
        };
        let next = sent.next_type.as_ref().map(next_channel);
        let pause = Duration::from_secs(u64::try_from(sent.timeout.unwrap_or(0)).unwrap_or(0));
        Ok(SignInStep::Code {
            via,
            length,
            hint: hint.filter(|hint| !hint.is_empty()),
            resend_at: next.map(|_| Timestamp::now().plus(pause)),
            next,
        })
    }

    pub(super) async fn submit_code(
        &mut self,
        typed: SecretText,
    ) -> Result<SignInStep, LoginError> {
        let code = self.code.clone().ok_or(LoginError::WrongStep)?;
        let typed = SecretText::new(typed.expose().trim());
        if typed.expose().is_empty() {
            return Err(LoginError::WrongCode);
        }
        let mail = || {
            let code = typed.expose().to_owned();
            tl::types::EmailVerificationCode { code }.into()
        };
        if code.proof == Proof::NewEmail {
            return self.prove_email(code, mail()).await;
        }
        let by_email = code.proof == Proof::Email;
        let request = tl::functions::auth::SignIn {
            phone_number: code.phone.expose().to_owned(),
            phone_code_hash: code.hash.expose().to_owned(),
            phone_code: (!by_email).then(|| typed.expose().to_owned()),
            email_verification: by_email.then(mail),
        };
        if let Some(step) = self.stands().await? {
            return Ok(step);
        }
        self.unclear = true;
        match self.call_home(&request).await {
            Ok(authorization) => self.finish(authorization).await,
            Err(Failure::Rpc { name, .. }) if name == "SESSION_PASSWORD_NEEDED" => {
                self.unclear = false;
                self.ask_password().await
            }
            Err(failure @ Failure::Network(_)) => {
                let stands = self.stands().await?;
                stands.ok_or_else(|| failure.into())
            }
            Err(failure) => {
                self.unclear = failure.is_unclear();
                Err(failure.into())
            }
        }
    }

    /// A code goes to the address (core.telegram.org/api/auth, "Email verification").
    pub(super) async fn submit_email(
        &mut self,
        email: SecretText,
    ) -> Result<SignInStep, LoginError> {
        let code = self.code.clone().ok_or(LoginError::WrongStep)?;
        if code.proof != Proof::NewEmail {
            return Err(LoginError::WrongStep);
        }
        let request = tl::functions::account::SendVerifyEmailCode {
            purpose: purpose(&code),
            email: email.expose().trim().to_owned(),
        };
        let tl::enums::account::SentEmailCode::Code(sent) = self.call(&request).await?;
        Ok(SignInStep::Code {
            via: CodeChannel::Email,
            length: u8::try_from(sent.length).ok().filter(|length| *length > 0),
            hint: Some(sent.email_pattern).filter(|hint| !hint.is_empty()),
            resend_at: None,
            next: None,
        })
    }

    /// The address is the account's from now on, and the number's own code is sent.
    async fn prove_email(
        &mut self,
        code: SentCode,
        verification: tl::enums::EmailVerification,
    ) -> Result<SignInStep, LoginError> {
        use tl::enums::account::EmailVerified as Verified;
        let request = tl::functions::account::VerifyEmail {
            purpose: purpose(&code),
            verification,
        };
        match self.call(&request).await? {
            Verified::Login(verified) => self.code_sent(code.phone, verified.sent_code).await,
            Verified::Verified(_) => Err(LoginError::Rejected {
                code: "EMAIL_VERIFIED".to_owned(),
            }),
        }
    }
}

fn purpose(code: &SentCode) -> tl::enums::EmailVerifyPurpose {
    tl::types::EmailVerifyPurposeLoginSetup {
        phone_number: code.phone.expose().to_owned(),
        phone_code_hash: code.hash.expose().to_owned(),
    }
    .into()
}

/// Where the code went, how long it is, and what else is known of it. `None`: Telegram first wants an e-mail address from
/// the person.
fn channel(
    sent: &tl::enums::auth::SentCodeType,
) -> Option<(CodeChannel, Option<u8>, Option<String>)> {
    use tl::enums::auth::SentCodeType as T;
    let len = |length: i32| u8::try_from(length).ok().filter(|length| *length > 0);
    let said = |text: &str| Some(text.to_owned());
    Some(match sent {
        T::App(sent) => (CodeChannel::App, len(sent.length), None),
        T::Sms(sent) => (CodeChannel::Sms, len(sent.length), None),
        T::FirebaseSms(sent) => (CodeChannel::Sms, len(sent.length), None),
        T::SmsWord(sent) => (CodeChannel::SmsWord, None, sent.beginning.clone()),
        T::SmsPhrase(sent) => (CodeChannel::SmsPhrase, None, sent.beginning.clone()),
        T::Call(sent) => (CodeChannel::Call, len(sent.length), None),
        T::FlashCall(sent) => (CodeChannel::FlashCall, None, said(&sent.pattern)),
        T::MissedCall(sent) => (
            CodeChannel::MissedCall,
            len(sent.length),
            said(&sent.prefix),
        ),
        T::EmailCode(sent) => (
            CodeChannel::Email,
            len(sent.length),
            said(&sent.email_pattern),
        ),
        // It is shown as a link.
        T::FragmentSms(sent) => {
            let url = sent.url.starts_with("https://").then(|| sent.url.clone());
            (CodeChannel::Fragment, len(sent.length), url)
        }
        T::SetUpEmailRequired(_) => return None,
    })
}

const fn next_channel(next: &tl::enums::auth::CodeType) -> CodeChannel {
    use tl::enums::auth::CodeType as T;
    match next {
        T::Sms => CodeChannel::Sms,
        T::Call => CodeChannel::Call,
        T::FlashCall => CodeChannel::FlashCall,
        T::MissedCall => CodeChannel::MissedCall,
        T::FragmentSms => CodeChannel::Fragment,
    }
}
