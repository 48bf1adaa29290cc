//! Exchange: how a client and this server agree on a new auth key.
//!
//! Receives: bodies of unencrypted messages, one after the other, of one connection.
//! Sends:    their answers, and in the end a [`Made`] key.
//! Promises: every check that the protocol asks of a server; a [`Violation`] names the transport error it ends in.
//! Does not: keep keys, or know sockets. It computes for milliseconds: call it where that hurts nobody.

mod dh;
mod pq;
mod secret;

use num_bigint::BigUint;
use rand::RngExt;
use sha1::{Digest, Sha1};

use super::{
    ExchangeOptions, ServerKey,
    cipher::AuthKey,
    tl::{Put, Reader, TlError, VECTOR},
};
use crate::port::KeyId;

const REQ_PQ: u32 = 0x6046_9778;
const REQ_PQ_MULTI: u32 = 0xbe7e_8ef1;
const REQ_DH_PARAMS: u32 = 0xd712_e4be;
const SET_CLIENT_DH_PARAMS: u32 = 0xf504_5f1f;
const MSGS_ACK: u32 = 0x62d6_b459;

/// What the exchange needs to know of the server.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    pub rsa: &'a ServerKey,
    pub options: &'a ExchangeOptions,
    pub dc_id: i32,
    /// Seconds since 1970, by the server's clock.
    pub now: i32,
    /// Is there a key of this id already?
    pub is_taken: &'a dyn Fn(KeyId) -> bool,
}

/// What becomes of one message.
#[derive(Debug)]
pub enum Step {
    /// Send this.
    Answer(Vec<u8>),
    /// Register the key, then send this.
    Made { answer: Vec<u8>, made: Made },
    /// Nothing to say.
    Silence,
}

/// A new key.
#[derive(Debug)]
pub struct Made {
    pub key: AuthKey,
    /// The salt that both sides know without having sent it.
    pub first_salt: i64,
    /// Of a temporary key: seconds until it ends.
    pub expires_in: Option<i32>,
}

/// A message that no correct client sends. The connection gets the transport error and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    #[error("unreadable: {0}")]
    Unreadable(#[from] TlError),
    #[error("{0:08x} out of turn")]
    OutOfTurn(u32),
    #[error("wrong {0}")]
    Wrong(&'static str),
    #[error("data centre {0} is not this one")]
    WrongDc(i32),
}

impl Violation {
    /// The transport error that tells the client.
    #[must_use]
    pub fn transport_error(self) -> i32 {
        match self {
            Self::WrongDc(_) => -444,
            Self::Unreadable(_) | Self::OutOfTurn(_) | Self::Wrong(_) => -404,
        }
    }
}

/// Nonces that tie the messages of one exchange together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Nonces {
    client: [u8; 16],
    server: [u8; 16],
}

impl Nonces {
    fn check(self, reader: &mut Reader) -> Result<(), Violation> {
        if reader.array::<16>()? != self.client {
            return Err(Violation::Wrong("nonce"));
        }
        if reader.array::<16>()? != self.server {
            return Err(Violation::Wrong("server_nonce"));
        }
        Ok(())
    }

    fn put(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.client);
        out.extend_from_slice(&self.server);
    }
}

enum State {
    Idle,
    PqSent { nonces: Nonces, pq: pq::Pq },
    DhSent(Box<dh::Agreement>),
}

/// The exchange of one connection. A client may begin again at any time.
pub struct Exchange(State);

impl Default for Exchange {
    fn default() -> Self {
        Self(State::Idle)
    }
}

impl Exchange {
    /// Answers one unencrypted message. After a violation the exchange is over.
    pub fn step(&mut self, body: &[u8], around: Surroundings<'_>) -> Result<Step, Violation> {
        let mut reader = Reader::new(body);
        match reader.u32()? {
            MSGS_ACK => Ok(Step::Silence),
            REQ_PQ | REQ_PQ_MULTI => self.offer_pq(&mut reader, around),
            REQ_DH_PARAMS => self.offer_dh(&mut reader, around),
            SET_CLIENT_DH_PARAMS => self.conclude(&mut reader, around),
            other => Err(Violation::OutOfTurn(other)),
        }
    }

    fn offer_pq(
        &mut self,
        reader: &mut Reader,
        around: Surroundings<'_>,
    ) -> Result<Step, Violation> {
        let nonces = Nonces {
            client: reader.array()?,
            server: rand::rng().random(),
        };
        let pq = pq::Pq::random();
        let mut answer = Vec::with_capacity(96);
        answer.put_u32(0x0516_2463); // resPQ
        nonces.put(&mut answer);
        answer.put_bytes(&pq.product().to_be_bytes());
        answer.put_u32(VECTOR);
        answer.put_u32(1);
        answer.put_i64(around.rsa.fingerprint());
        self.0 = State::PqSent { nonces, pq };
        Ok(Step::Answer(answer))
    }

    fn offer_dh(
        &mut self,
        reader: &mut Reader,
        around: Surroundings<'_>,
    ) -> Result<Step, Violation> {
        let State::PqSent { nonces, pq } = std::mem::replace(&mut self.0, State::Idle) else {
            return Err(Violation::OutOfTurn(REQ_DH_PARAMS));
        };
        nonces.check(reader)?;
        pq.check_factors(reader.bytes()?, reader.bytes()?)?;
        if reader.i64()? != around.rsa.fingerprint() {
            return Err(Violation::Wrong("fingerprint"));
        }
        let secret = secret::unseal(around.rsa, reader.bytes()?)?;
        let inner = secret::Inner::read(&secret)?;
        inner.check(nonces, &pq, around.dc_id)?;
        let agreement =
            dh::Agreement::begin(nonces, inner.new_nonce, inner.expires_in, around.options);
        let answer = agreement.offer(around.now);
        self.0 = State::DhSent(Box::new(agreement));
        Ok(Step::Answer(answer))
    }

    fn conclude(
        &mut self,
        reader: &mut Reader,
        around: Surroundings<'_>,
    ) -> Result<Step, Violation> {
        let State::DhSent(mut agreement) = std::mem::replace(&mut self.0, State::Idle) else {
            return Err(Violation::OutOfTurn(SET_CLIENT_DH_PARAMS));
        };
        agreement.nonces.check(reader)?;
        let step = match agreement.conclude(reader.bytes()?, around)? {
            dh::Conclusion::Key(key) => Step::Made {
                answer: agreement.verdict(dh::Verdict::Ok, &key),
                made: Made {
                    first_salt: agreement.first_salt(),
                    expires_in: agreement.expires_in,
                    key,
                },
            },
            dh::Conclusion::Again(key) => {
                let answer = agreement.verdict(dh::Verdict::Retry, &key);
                self.0 = State::DhSent(agreement);
                Step::Answer(answer)
            }
            dh::Conclusion::Never(key) => Step::Answer(agreement.verdict(dh::Verdict::Fail, &key)),
        };
        Ok(step)
    }
}

/// A number as exactly 256 bytes, leading zeros kept; `None` when it is longer.
pub(super) fn padded_256(number: &BigUint) -> Option<[u8; 256]> {
    let bytes = number.to_bytes_be();
    let mut padded = [0; 256];
    padded
        .get_mut(256_usize.checked_sub(bytes.len())?..)?
        .copy_from_slice(&bytes);
    Some(padded)
}

fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    let mut hasher = Sha1::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}
