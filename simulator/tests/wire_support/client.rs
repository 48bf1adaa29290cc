//! A raw client: speaks every transport, makes keys, and sends whatever a test wants, right or wrong.

mod frames;

use std::{
    collections::VecDeque,
    net::{Ipv4Addr, SocketAddr},
    time::{SystemTime, UNIX_EPOCH},
};

use aes::Aes256;
use ctr::cipher::{KeyIvInit, StreamCipher};
use grammers_crypto::{AuthKey, DequeBuffer, decrypt_data_v2, encrypt_data_v2};
use switchboard_simulator::wire::tl::{Put, Reader};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
};

use super::soon;

pub const RPC_RESULT: u32 = 0xf35c_6d01;
pub const NEW_SESSION: u32 = 0x9ec2_0908;
pub const BAD_SALT: u32 = 0xedab_447b;
pub const BAD_MSG: u32 = 0xa7ef_f811;
pub const MSGS_ACK: u32 = 0x62d6_b459;
pub const PONG: u32 = 0x3477_73c5;
pub const GZIP: u32 = 0x3072_cfa1;

type Cipher = ctr::Ctr128BE<Aes256>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Full,
    Intermediate,
    Padded,
    Abridged,
}

/// A message of the server.
#[derive(Clone, Debug)]
pub struct Received {
    pub msg_id: i64,
    pub seqno: i32,
    pub session_id: i64,
    pub constructor: u32,
    /// Behind the constructor.
    pub body: Vec<u8>,
}

impl Received {
    pub fn reader(&self) -> Reader<'_> {
        Reader::new(&self.body)
    }
}

pub struct RawClient {
    pub stream: TcpStream,
    transport: Transport,
    ciphers: Option<(Cipher, Cipher)>,
    sent_frames: u32,
    pub got_frames: u32,
    pub key: AuthKey,
    pub session_id: i64,
    pub salt: i64,
    content: i32,
    last_msg_id: i64,
    inbox: VecDeque<Received>,
    /// Ids to acknowledge with [`RawClient::acknowledge`].
    pub to_acknowledge: Vec<i64>,
}

pub fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs() as i64
}

pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

impl RawClient {
    pub async fn connect(
        address: SocketAddr,
        transport: Transport,
        obfuscated: bool,
        key: [u8; 256],
    ) -> Self {
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self::connect_from(here, address, transport, obfuscated, key).await
    }

    /// The same from another address of this machine.
    async fn connect_from(
        from: SocketAddr,
        address: SocketAddr,
        transport: Transport,
        obfuscated: bool,
        key: [u8; 256],
    ) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(from).unwrap();
        let mut stream = soon("a connection", socket.connect(address)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let tag: &[u8] = match transport {
            Transport::Full => &[],
            Transport::Intermediate => &[0xee; 4],
            Transport::Padded => &[0xdd; 4],
            Transport::Abridged => &[0xef; 4],
        };
        let mut ciphers = None;
        if obfuscated {
            let mut head: [u8; 64] = random();
            head[0] = 0x42;
            head[4] = 0x42;
            head[56..60].copy_from_slice(tag);
            let mut back: Vec<u8> = head[8..56].to_vec();
            back.reverse();
            let mut out = Cipher::new_from_slices(&head[8..40], &head[40..56]).unwrap();
            let into = Cipher::new_from_slices(&back[..32], &back[32..]).unwrap();
            let mut veiled = head;
            out.apply_keystream(&mut veiled);
            head[56..].copy_from_slice(&veiled[56..]);
            stream.write_all(&head).await.unwrap();
            ciphers = Some((out, into));
        } else {
            let len = if transport == Transport::Abridged {
                1
            } else {
                tag.len()
            };
            stream.write_all(&tag[..len]).await.unwrap();
        }
        Self {
            stream,
            transport,
            ciphers,
            sent_frames: 0,
            got_frames: 0,
            key: AuthKey::from_bytes(key),
            session_id: i64::from_le_bytes(random()),
            salt: 0,
            content: 0,
            last_msg_id: 0,
            inbox: VecDeque::new(),
            to_acknowledge: Vec::new(),
        }
    }

    /// A connection over the full transport whose salt is right already.
    pub async fn ready(address: SocketAddr, key: [u8; 256]) -> Self {
        let mut client = Self::connect(address, Transport::Full, false, key).await;
        client.settle().await;
        client
    }

    /// The same from another address of this machine.
    pub async fn ready_from(from: Ipv4Addr, address: SocketAddr, key: [u8; 256]) -> Self {
        let from = SocketAddr::from((from, 0));
        let mut client = Self::connect_from(from, address, Transport::Full, false, key).await;
        client.settle().await;
        client
    }

    /// Learns the salt and takes the greeting.
    pub async fn settle(&mut self) {
        self.ping(1).await;
        let bad = self.expect(BAD_SALT).await;
        self.salt = i64::from_le_bytes(bad.body[16..24].try_into().unwrap());
        self.ping(2).await;
        self.expect(NEW_SESSION).await;
        self.expect(PONG).await;
    }

    /// Goes on where another connection of the same session is.
    pub fn continue_session(&mut self, before: &mut Self) {
        self.session_id = before.session_id;
        self.salt = before.salt;
        self.content = before.content;
        self.last_msg_id = before.last_msg_id;
    }

    pub fn next_msg_id(&mut self) -> i64 {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let fraction = (u64::from(time.subsec_nanos()) << 32) / 1_000_000_000;
        let msg_id = ((time.as_secs() as i64) << 32 | fraction as i64) & !3;
        self.last_msg_id = msg_id.max(self.last_msg_id + 4);
        self.last_msg_id
    }

    pub fn next_seqno(&mut self, content: bool) -> i32 {
        let seqno = self.content * 2 + i32::from(content);
        self.content += i32::from(content);
        seqno
    }

    pub fn encrypted(&self, msg_id: i64, seqno: i32, body: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        plain.put_i64(self.salt);
        plain.put_i64(self.session_id);
        put_message(&mut plain, msg_id, seqno, body);
        let mut buffer = DequeBuffer::with_capacity(plain.len() + 64, 64);
        buffer.extend(plain);
        encrypt_data_v2(&mut buffer, &self.key);
        buffer[..].to_vec()
    }

    pub async fn send(&mut self, msg_id: i64, seqno: i32, body: &[u8]) {
        let payload = self.encrypted(msg_id, seqno, body);
        self.send_frame(&payload).await;
    }

    /// Sends a body with proper numbers.
    pub async fn say(&mut self, content: bool, body: &[u8]) -> i64 {
        let (msg_id, seqno) = (self.next_msg_id(), self.next_seqno(content));
        self.send(msg_id, seqno, body).await;
        msg_id
    }

    /// Calls one of the test backend's functions.
    pub async fn call(&mut self, method: u32, arguments: &[u8]) -> i64 {
        self.say(true, &call_body(method, arguments)).await
    }

    pub async fn ping(&mut self, ping_id: i64) -> i64 {
        let mut body = Vec::new();
        body.put_u32(0x7abe_77ec);
        body.put_i64(ping_id);
        self.say(true, &body).await
    }

    pub async fn acknowledge(&mut self) {
        let mut body = Vec::new();
        body.put_u32(MSGS_ACK);
        put_longs(&mut body, &std::mem::take(&mut self.to_acknowledge));
        self.say(false, &body).await;
    }

    /// The next message of the server.
    pub async fn receive(&mut self) -> Option<Received> {
        if let Some(message) = self.inbox.pop_front() {
            return Some(message);
        }
        let mut frame = self.read_frame().await?;
        if frame.len() < 20 {
            panic!(
                "transport error {}",
                i32::from_le_bytes(frame[..4].try_into().unwrap())
            );
        }
        let len = 24 + (frame.len() - 24) / 16 * 16;
        let plain = decrypt_data_v2(&mut frame[..len], &self.key).expect("a packet of this key");
        let mut reader = Reader::new(plain);
        reader.i64().unwrap();
        let session_id = reader.i64().unwrap();
        let (msg_id, seqno, len) = (
            reader.i64().unwrap(),
            reader.i32().unwrap(),
            reader.u32().unwrap(),
        );
        let mut body = Reader::new(reader.take(len as usize).unwrap());
        assert!((12..=1024).contains(&reader.rest().len()), "padding");
        let constructor = body.u32().unwrap();
        if seqno & 1 == 1 {
            self.to_acknowledge.push(msg_id);
        }
        Some(Received {
            msg_id,
            seqno,
            session_id,
            constructor,
            body: body.rest().to_vec(),
        })
    }

    /// The next message of this kind; others are skipped.
    pub async fn expect(&mut self, constructor: u32) -> Received {
        loop {
            let message = self
                .receive()
                .await
                .unwrap_or_else(|| panic!("hung up before {constructor:08x}"));
            if message.constructor == constructor {
                return message;
            }
        }
    }

    /// The result of a call, without `rpc_result`.
    pub async fn result(&mut self, req_msg_id: i64) -> Vec<u8> {
        loop {
            let message = self.expect(RPC_RESULT).await;
            let mut reader = message.reader();
            if reader.i64().unwrap() == req_msg_id {
                return reader.rest().to_vec();
            }
        }
    }

    /// Code and message of the error that a call ends in.
    pub async fn error(&mut self, req_msg_id: i64) -> (i32, String) {
        let result = self.result(req_msg_id).await;
        let mut reader = Reader::new(&result);
        assert_eq!(reader.u32().unwrap(), 0x2144_ca19);
        (reader.i32().unwrap(), reader.string().unwrap())
    }

    /// The refused message and the code of the next `bad_msg_notification`.
    pub async fn refusal(&mut self) -> (i64, i32) {
        let bad = self.expect(BAD_MSG).await;
        let mut reader = bad.reader();
        let msg_id = reader.i64().unwrap();
        reader.i32().unwrap();
        (msg_id, reader.i32().unwrap())
    }
}

pub fn call_body(method: u32, arguments: &[u8]) -> Vec<u8> {
    [&method.to_le_bytes(), arguments].concat()
}

pub fn put_message(out: &mut Vec<u8>, msg_id: i64, seqno: i32, body: &[u8]) {
    out.put_i64(msg_id);
    out.put_i32(seqno);
    out.put_u32(body.len() as u32);
    out.extend_from_slice(body);
}

pub fn put_longs(out: &mut Vec<u8>, longs: &[i64]) {
    out.put_u32(0x1cb5_c415);
    out.put_u32(longs.len() as u32);
    for long in longs {
        out.put_i64(*long);
    }
}

pub fn container(messages: &[(i64, i32, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    body.put_u32(0x73f1_f8dc);
    body.put_u32(messages.len() as u32);
    for (msg_id, seqno, inner) in messages {
        put_message(&mut body, *msg_id, *seqno, inner);
    }
    body
}
