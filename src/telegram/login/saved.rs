//! A sign-in that waits for its code or password, in bytes, so that a restart of the service does not lose it. The
//! code and the password themselves are never part of it.

use super::{
    SignInStep,
    given::{Proof, SentCode},
};
use crate::{
    domain::{CodeChannel, SecretBytes, SecretText, Timestamp},
    telegram::SessionData,
};

/// 1: without what Telegram says beside the channel and the hint.
const VERSION: u8 = 2;
const CHANNELS: [CodeChannel; 10] = [
    CodeChannel::App,
    CodeChannel::Sms,
    CodeChannel::Call,
    CodeChannel::FlashCall,
    CodeChannel::MissedCall,
    CodeChannel::Email,
    CodeChannel::Fragment,
    CodeChannel::Other,
    CodeChannel::SmsWord,
    CodeChannel::SmsPhrase,
];

/// What comes back from the bytes.
pub(super) struct SavedCode {
    pub(super) session: SessionData,
    pub(super) code: Option<SentCode>,
    pub(super) expected_user: Option<i64>,
    pub(super) step: SignInStep,
}

impl SavedCode {
    /// `None` for steps that a restart may as well begin anew.
    pub(super) fn to_bytes(
        session: &SessionData,
        code: Option<&SentCode>,
        expected_user: Option<i64>,
        step: &SignInStep,
    ) -> Option<SecretBytes> {
        let session = session.to_bytes();
        let mut out = Vec::with_capacity(session.expose().len() + 256);
        out.push(VERSION);
        out.extend(expected_user.unwrap_or(0).to_be_bytes());
        put(&mut out, session.expose());
        let (phone, hash, proof) = code.map_or(("", "", Proof::Number), |code| {
            (code.phone.expose(), code.hash.expose(), code.proof)
        });
        put(&mut out, phone.as_bytes());
        put(&mut out, hash.as_bytes());
        out.push(match proof {
            Proof::Number => 0,
            Proof::Email => 1,
            Proof::NewEmail => 2,
        });
        match step {
            SignInStep::Code {
                via,
                length,
                hint,
                resend_at,
                next,
            } => {
                out.push(0);
                out.push(number(Some(*via)));
                out.push(length.unwrap_or(0));
                out.extend(resend_at.map_or(0, Timestamp::millis).to_be_bytes());
                out.push(number(*next));
                put(&mut out, hint.as_deref().unwrap_or_default().as_bytes());
            }
            SignInStep::Password {
                hint,
                recovery,
                reset_at,
            } => {
                out.push(1);
                put(&mut out, hint.as_deref().unwrap_or_default().as_bytes());
                out.push(u8::from(*recovery));
                out.extend(reset_at.map_or(0, Timestamp::millis).to_be_bytes());
            }
            SignInStep::Email => out.push(2),
            SignInStep::Scan { .. } | SignInStep::Done(_) => return None,
        }
        Some(SecretBytes::new(out))
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let version = reader.byte()?;
        if !(1..=VERSION).contains(&version) {
            return None;
        }
        let is_old = version == 1;
        let expected_user = reader.long()?;
        let session = SessionData::from_bytes(reader.block()?).ok()?;
        let phone = reader.text()?;
        let hash = reader.text()?;
        let proof = match reader.byte()? {
            0 => Proof::Number,
            1 => Proof::Email,
            2 => Proof::NewEmail,
            _ => return None,
        };
        let code = (!hash.is_empty()).then(|| SentCode {
            phone: SecretText::new(phone),
            hash: SecretText::new(hash),
            proof,
        });
        let step = match reader.byte()? {
            0 => SignInStep::Code {
                via: channel(reader.byte()?)?,
                length: Some(reader.byte()?).filter(|length| *length > 0),
                resend_at: Some(reader.long()?)
                    .filter(|at| *at > 0)
                    .map(Timestamp::from_millis),
                next: channel(reader.byte()?),
                hint: match is_old {
                    true => None,
                    false => Some(reader.text()?).filter(|hint| !hint.is_empty()),
                },
            },
            1 => SignInStep::Password {
                hint: Some(reader.text()?).filter(|hint| !hint.is_empty()),
                recovery: !is_old && reader.byte()? == 1,
                reset_at: match is_old {
                    true => None,
                    false => Some(reader.long()?)
                        .filter(|at| *at > 0)
                        .map(Timestamp::from_millis),
                },
            },
            2 => SignInStep::Email,
            _ => return None,
        };
        reader.0.is_empty().then_some(Self {
            session,
            code,
            expected_user: (expected_user != 0).then_some(expected_user),
            step,
        })
    }
}

/// 0 is none.
fn number(via: Option<CodeChannel>) -> u8 {
    via.and_then(|via| CHANNELS.iter().position(|channel| *channel == via))
        .and_then(|at| u8::try_from(at + 1).ok())
        .unwrap_or(0)
}

fn channel(number: u8) -> Option<CodeChannel> {
    CHANNELS.get(usize::from(number).checked_sub(1)?).copied()
}

fn put(out: &mut Vec<u8>, block: &[u8]) {
    // Nothing here comes near 64 KiB; a longer block would be cut, and refused when read.
    let len = u16::try_from(block.len()).unwrap_or(u16::MAX);
    out.extend(len.to_be_bytes());
    out.extend(block.iter().take(usize::from(len)));
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    fn long(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }

    fn block(&mut self) -> Option<&'a [u8]> {
        let len = self.array().map(u16::from_be_bytes)?;
        let (block, rest) = self.0.split_at_checked(usize::from(len))?;
        self.0 = rest;
        Some(block)
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.block()?.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddrV4};

    use super::*;

    fn session() -> SessionData {
        SessionData::with_key(2, SocketAddrV4::new(Ipv4Addr::LOCALHOST, 443), [7; 256], 0)
    }

    /// Protects a sign-in from a restart of the service: all that the code needs comes back, and nothing shorter does.
    #[test]
    fn a_waiting_sign_in_survives_its_bytes() {
        let code = SentCode {
            phone: SecretText::new("99966100"),
            hash: SecretText::new("hash"),
            proof: Proof::NewEmail,
        };
        let step = SignInStep::Code {
            via: CodeChannel::Sms,
            length: Some(5),
            hint: Some("a***@example.com".to_owned()),
            resend_at: Some(Timestamp::from_seconds(60)),
            next: Some(CodeChannel::Call),
        };
        let bytes = SavedCode::to_bytes(&session(), Some(&code), Some(9), &step).unwrap();
        let back = SavedCode::from_bytes(bytes.expose()).unwrap();
        assert_eq!(back.session, session());
        assert_eq!(back.expected_user, Some(9));
        let back_code = back.code.unwrap();
        assert_eq!(
            (back_code.hash.expose(), back_code.proof),
            ("hash", Proof::NewEmail)
        );
        let SignInStep::Code {
            via,
            length,
            hint,
            resend_at,
            next,
        } = back.step
        else {
            panic!("the step changed");
        };
        assert_eq!((via, length), (CodeChannel::Sms, Some(5)));
        assert_eq!(hint.as_deref(), Some("a***@example.com"));
        assert_eq!(
            (resend_at, next),
            (Some(Timestamp::from_seconds(60)), Some(CodeChannel::Call))
        );
        for end in 0..bytes.expose().len() {
            assert!(
                SavedCode::from_bytes(&bytes.expose()[..end]).is_none(),
                "{end}"
            );
        }
    }

    #[test]
    fn a_sign_in_that_waits_for_an_address_comes_back() {
        let bytes = SavedCode::to_bytes(&session(), None, None, &SignInStep::Email).unwrap();
        let back = SavedCode::from_bytes(bytes.expose()).unwrap();
        assert!(matches!(back.step, SignInStep::Email));
    }

    #[test]
    fn a_waiting_password_keeps_its_hint() {
        let step = SignInStep::Password {
            hint: Some("the usual".to_owned()),
            recovery: true,
            reset_at: None,
        };
        let bytes = SavedCode::to_bytes(&session(), None, None, &step).unwrap();
        let back = SavedCode::from_bytes(bytes.expose()).unwrap();
        assert!(
            matches!(back.step, SignInStep::Password { hint: Some(hint), recovery: true, reset_at: None } if hint == "the usual")
        );
    }
}
