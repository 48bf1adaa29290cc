//! The client's half of a key exchange, with a place to go wrong at every step.

use grammers_crypto::{generate_key_data_from_nonce, rsa::encrypt_hashed};
use num_bigint::BigUint;
use pkcs1::{RsaPublicKey, der::Document};
use sha1::{Digest, Sha1};
use switchboard_simulator::wire::tl::{Put, Reader};

use super::client::{RawClient, random};

/// What a client does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    Nonce,
    ServerNonce,
    Factors,
    Fingerprint,
    NotRsa,
    InnerPq,
    InnerNonce,
    InnerDc,
    Expiry,
    Unpadded,
    ConcludeNonce,
    ConcludeHash,
    ConcludeLength,
    RetryId,
    SmallNumber,
    SkipDh,
    SkipPq,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Plan {
    pub older_padding: bool,
    pub dc: Option<i32>,
    pub expires_in: Option<i32>,
    pub mistake: Option<Mistake>,
    /// Choose the number so that the shared key begins with a zero byte.
    pub zero_key: bool,
}

#[derive(Debug)]
pub struct Agreed {
    pub key: [u8; 256],
    pub first_salt: i64,
    /// Answers with `dh_gen_retry` before the last one.
    pub retries: usize,
}

/// How an exchange ended without a key.
#[derive(Debug, PartialEq, Eq)]
pub enum Broken {
    TransportError(i32),
    DhGenFail,
    HungUp,
}

pub fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    let mut hasher = Sha1::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

async fn ask(client: &mut RawClient, body: &[u8]) -> Result<Vec<u8>, Broken> {
    let mut message = Vec::new();
    message.put_i64(0);
    message.put_i64(client.next_msg_id());
    message.put_u32(body.len() as u32);
    message.extend_from_slice(body);
    client.send_frame(&message).await;
    let answer = client.read_frame().await.ok_or(Broken::HungUp)?;
    if answer.len() < 20 {
        return Err(Broken::TransportError(i32::from_le_bytes(
            answer[..4].try_into().unwrap(),
        )));
    }
    let mut reader = Reader::new(&answer);
    assert_eq!(reader.i64().unwrap(), 0);
    assert_eq!(reader.i64().unwrap() & 3, 1);
    let len = reader.u32().unwrap() as usize;
    Ok(reader.take(len).unwrap().to_vec())
}

struct Exchange<'a> {
    client: &'a mut RawClient,
    plan: Plan,
    nonce: [u8; 16],
    server_nonce: [u8; 16],
    new_nonce: [u8; 32],
}

/// Makes a key with the server behind `client`.
pub async fn exchange(client: &mut RawClient, pem: &str, plan: Plan) -> Result<Agreed, Broken> {
    let mut exchange = Exchange {
        client,
        plan,
        nonce: random(),
        server_nonce: [0; 16],
        new_nonce: random(),
    };
    if plan.mistake == Some(Mistake::SkipPq) {
        let body = exchange.dh_request(pem, 3, 5);
        return Err(ask(exchange.client, &body).await.unwrap_err());
    }
    let mut body = 0xbe7e_8ef1_u32.to_le_bytes().to_vec();
    body.extend_from_slice(&exchange.nonce);
    let answer = ask(exchange.client, &body).await?;
    let mut reader = Reader::new(&answer);
    assert_eq!(reader.u32().unwrap(), 0x0516_2463);
    assert_eq!(reader.array::<16>().unwrap(), exchange.nonce);
    exchange.server_nonce = reader.array().unwrap();
    let pq = u64::from_be_bytes(reader.bytes().unwrap().try_into().unwrap());
    let (p, q) = grammers_crypto::factorize(pq);
    if plan.mistake == Some(Mistake::SkipDh) {
        let body = exchange.conclusion(&[0; 32]);
        return Err(ask(exchange.client, &body).await.unwrap_err());
    }
    let body = exchange.dh_request(pem, p, q);
    let answer = ask(exchange.client, &body).await?;
    exchange.conclude(&answer).await
}

impl Exchange<'_> {
    fn is(&self, mistake: Mistake) -> bool {
        self.plan.mistake == Some(mistake)
    }

    fn nonces(&self) -> Vec<u8> {
        [self.nonce, self.server_nonce].concat()
    }

    fn inner(&self, p: u64, q: u64) -> Vec<u8> {
        let mut inner = Vec::new();
        inner.put_u32(match (self.plan.dc, self.plan.expires_in) {
            (None, None) => 0x83c9_5aec,
            (Some(_), None) => 0xa9f5_5f95,
            (None, Some(_)) => 0x3c6a_84d4,
            (Some(_), Some(_)) => 0x56fd_df88,
        });
        let pq = if self.is(Mistake::InnerPq) {
            p * q + 2
        } else {
            p * q
        };
        inner.put_bytes(&pq.to_be_bytes());
        inner.put_bytes(&shortest(p));
        inner.put_bytes(&shortest(q));
        let nonce = if self.is(Mistake::InnerNonce) {
            [1; 16]
        } else {
            self.nonce
        };
        inner.extend_from_slice(&nonce);
        inner.extend_from_slice(&self.server_nonce);
        inner.extend_from_slice(&self.new_nonce);
        if let Some(dc) = self.plan.dc {
            inner.put_i32(if self.is(Mistake::InnerDc) {
                dc + 1
            } else {
                dc
            });
        }
        if let Some(expires_in) = self.plan.expires_in {
            inner.put_i32(if self.is(Mistake::Expiry) {
                0
            } else {
                expires_in
            });
        }
        inner
    }

    fn dh_request(&self, pem: &str, p: u64, q: u64) -> Vec<u8> {
        let (_, document) = Document::from_pem(pem).unwrap();
        let public: RsaPublicKey<'_> = document.decode_msg().unwrap();
        let modulus = BigUint::from_bytes_be(public.modulus.as_bytes());
        let inner = self.inner(p, q);
        let encrypted = if self.is(Mistake::NotRsa) {
            vec![7; 256]
        } else if self.is(Mistake::Unpadded) {
            BigUint::from_bytes_be(&inner)
                .modpow(&BigUint::from(65537_u32), &modulus)
                .to_bytes_be()
        } else if self.plan.older_padding {
            let mut block = sha1(&[&inner]).to_vec();
            block.extend_from_slice(&inner);
            block.extend_from_slice(&random::<255>()[..255 - block.len()]);
            let number = BigUint::from_bytes_be(&block).modpow(&BigUint::from(65537_u32), &modulus);
            left_padded(&number).to_vec()
        } else {
            let key = grammers_crypto::rsa::Key::new(&modulus.to_string(), "65537").unwrap();
            encrypt_hashed(&inner, &key, &random())
        };
        let mut fingerprint_of = Vec::new();
        fingerprint_of.put_bytes(&modulus.to_bytes_be());
        fingerprint_of.put_bytes(public.public_exponent.as_bytes());
        let digest = sha1(&[&fingerprint_of]);
        let mut body = Vec::new();
        body.put_u32(0xd712_e4be);
        let mut nonces = self.nonces();
        nonces[0] ^= u8::from(self.is(Mistake::Nonce));
        nonces[16] ^= u8::from(self.is(Mistake::ServerNonce));
        body.extend_from_slice(&nonces);
        let (p, q) = if self.is(Mistake::Factors) {
            (q, p)
        } else {
            (p, q)
        };
        body.put_bytes(&shortest(p));
        body.put_bytes(&shortest(q));
        body.extend_from_slice(&digest[12..]);
        if self.is(Mistake::Fingerprint) {
            let last = body.len() - 1;
            body[last] ^= 1;
        }
        body.put_bytes(&encrypted);
        body
    }

    fn conclusion(&self, encrypted: &[u8]) -> Vec<u8> {
        let mut body = Vec::new();
        body.put_u32(0xf504_5f1f);
        let mut nonces = self.nonces();
        nonces[0] ^= u8::from(self.is(Mistake::ConcludeNonce));
        body.extend_from_slice(&nonces);
        body.put_bytes(encrypted);
        body
    }

    async fn conclude(&mut self, answer: &[u8]) -> Result<Agreed, Broken> {
        let mut reader = Reader::new(answer);
        assert_eq!(reader.u32().unwrap(), 0xd0e8_075c);
        assert_eq!(reader.take(32).unwrap(), self.nonces());
        let mut encrypted = reader.bytes().unwrap().to_vec();
        let (aes_key, aes_iv) = generate_key_data_from_nonce(&self.server_nonce, &self.new_nonce);
        grammers_crypto::aes::ige_decrypt(&mut encrypted, &aes_key, &aes_iv);
        let mut inner = Reader::new(&encrypted[20..]);
        assert_eq!(inner.u32().unwrap(), 0xb589_0dba);
        assert_eq!(inner.take(32).unwrap(), self.nonces());
        let g = BigUint::from(inner.u32().unwrap());
        let prime = BigUint::from_bytes_be(inner.bytes().unwrap());
        let g_a = inner.bytes().unwrap();
        assert_eq!(g_a.len(), 256, "g_a is padded");
        let g_a = BigUint::from_bytes_be(g_a);
        assert!((i64::from(inner.i32().unwrap()) - super::client::now()).abs() < 5);
        let used = encrypted.len() - inner.rest().len();
        assert_eq!(sha1(&[&encrypted[20..used]]), encrypted[..20]);

        let mut refused = [0; 8];
        for retries in 0.. {
            // Neighbouring exponents are one multiplication apart, which makes the search for a key with a
            // leading zero cheap.
            let mut b = BigUint::from_bytes_be(&random::<256>());
            let mut shared = g_a.modpow(&b, &prime);
            while self.plan.zero_key && retries == 0 && left_padded(&shared)[0] != 0 {
                b += 1_u32;
                shared = shared * &g_a % &prime;
            }
            let key = left_padded(&shared);
            let mut g_b = g.modpow(&b, &prime).to_bytes_be();
            if self.is(Mistake::SmallNumber) {
                g_b = vec![1];
            }
            let retry_id = if self.is(Mistake::RetryId) {
                [9; 8]
            } else {
                refused
            };
            let encrypted = self.client_inner(&g_b, retry_id, (&aes_key, &aes_iv));
            let body = self.conclusion(&encrypted);
            let answer = ask(self.client, &body).await?;
            let shared_now = if self.is(Mistake::SmallNumber) {
                left_padded(&BigUint::from(1_u32))
            } else {
                key
            };
            let digest = sha1(&[&shared_now]);
            let mut reader = Reader::new(&answer);
            let verdict = reader.u32().unwrap();
            assert_eq!(reader.take(32).unwrap(), self.nonces());
            let number = match verdict {
                0x3bcb_f734 => 1,
                0x46dc_1fb9 => 2,
                0xa69d_ae02 => 3,
                other => panic!("{other:08x}"),
            };
            assert_eq!(
                reader.rest(),
                &sha1(&[&self.new_nonce, &[number], &digest[..8]])[4..]
            );
            match number {
                1 => {
                    let salt: Vec<u8> = self
                        .new_nonce
                        .iter()
                        .zip(self.server_nonce)
                        .take(8)
                        .map(|(a, b)| a ^ b)
                        .collect();
                    let first_salt = i64::from_le_bytes(salt.try_into().unwrap());
                    return Ok(Agreed {
                        key,
                        first_salt,
                        retries,
                    });
                }
                2 => refused = digest[..8].try_into().unwrap(),
                _ => return Err(Broken::DhGenFail),
            }
        }
        unreachable!()
    }

    fn client_inner(
        &self,
        g_b: &[u8],
        retry_id: [u8; 8],
        (key, iv): (&[u8; 32], &[u8; 32]),
    ) -> Vec<u8> {
        let mut inner = Vec::new();
        inner.put_u32(0x6643_b654);
        inner.extend_from_slice(&self.nonces());
        inner.extend_from_slice(&retry_id);
        inner.put_bytes(g_b);
        let mut block = sha1(&[&inner]).to_vec();
        block[0] ^= u8::from(self.is(Mistake::ConcludeHash));
        block.extend_from_slice(&inner);
        let missing = (16 - block.len() % 16) % 16;
        block.extend_from_slice(&random::<16>()[..missing]);
        grammers_crypto::aes::ige_encrypt(&mut block, key, iv);
        if self.is(Mistake::ConcludeLength) {
            block.truncate(block.len() - 4);
        }
        block
    }
}

fn shortest(number: u64) -> Vec<u8> {
    number
        .to_be_bytes()
        .into_iter()
        .skip_while(|byte| *byte == 0)
        .collect()
}

pub fn left_padded(number: &BigUint) -> [u8; 256] {
    let bytes = number.to_bytes_be();
    let mut padded = [0; 256];
    padded[256 - bytes.len()..].copy_from_slice(&bytes);
    padded
}
