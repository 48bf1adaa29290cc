//! Reading a file as it comes: one chat (`name`, `type`, `id`, `messages`), or all of an account (`personal_information`,
//! `chats.list`). One message at a time is in memory.

use std::{cell::Cell, fmt, io, rc::Rc};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;

use super::chat::ChatHead;

/// Longest stretch between two messages, and so the longest message.
const LONGEST: usize = 4 << 20;

/// Where the bytes of the file come from; waits for them.
pub trait Bytes {
    /// The next ones; `None` at the end.
    ///
    /// # Errors
    /// When they stop coming.
    fn next(&mut self) -> io::Result<Option<actix_web::web::Bytes>>;
}

/// Who is told what is found; `false` ends the reading.
pub trait Found {
    fn owner(&mut self, user: i64) -> bool;
    fn chat(&mut self, head: &ChatHead) -> bool;
    fn message(&mut self, message: Value) -> bool;
}

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Whoever is told wanted no more.
    #[error("ended by whoever reads")]
    Ended,
    /// It stopped coming.
    #[error("the file broke off")]
    BrokeOff,
    /// A message, or what stands between two, is longer than any.
    #[error("a message in the file is too long")]
    TooLong,
    #[error("{0}")]
    NotTheLayout(String),
}

pub struct Reader<F> {
    found: F,
    budget: Rc<Cell<usize>>,
    ended: bool,
    /// A chat's list, or a list of chats, was there.
    known: bool,
}

impl<F: Found> Reader<F> {
    pub fn new(found: F) -> Self {
        Self {
            found,
            budget: Rc::new(Cell::new(LONGEST)),
            ended: false,
            known: false,
        }
    }

    /// Reads to the end, and gives back whoever was told.
    ///
    /// # Errors
    /// [`ReadError`]; what was told before stands.
    pub fn read(mut self, bytes: impl Bytes) -> (F, Result<(), ReadError>) {
        let failed = Rc::new(Cell::new(false));
        let input = Input {
            bytes,
            part: actix_web::web::Bytes::new(),
            budget: Rc::clone(&self.budget),
            failed: Rc::clone(&failed),
        };
        let mut json = serde_json::Deserializer::from_reader(input);
        let read = Whole(&mut self)
            .deserialize(&mut json)
            .and_then(|()| json.end());
        let told = match read {
            Ok(()) if self.known => Ok(()),
            Ok(()) => Err(ReadError::NotTheLayout(
                "it has neither messages nor chats".to_owned(),
            )),
            Err(_) if self.ended => Err(ReadError::Ended),
            Err(_) if failed.get() => Err(ReadError::BrokeOff),
            Err(_) if self.budget.get() == 0 => Err(ReadError::TooLong),
            Err(error) => Err(ReadError::NotTheLayout(format!(
                "line {}, column {}: {}",
                error.line(),
                error.column(),
                match error.classify() {
                    serde_json::error::Category::Eof => "it ends too early",
                    serde_json::error::Category::Data => "something else was to stand here",
                    _ => "this is no JSON",
                }
            ))),
        };
        (self.found, told)
    }

    fn begin_chat<E: serde::de::Error>(&mut self, head: &ChatHead) -> Result<(), E> {
        self.known = true;
        self.go_on(|found| found.chat(head))
    }

    fn go_on<E: serde::de::Error>(&mut self, tell: impl FnOnce(&mut F) -> bool) -> Result<(), E> {
        self.budget.set(LONGEST);
        if tell(&mut self.found) {
            return Ok(());
        }
        self.ended = true;
        Err(E::custom("ended"))
    }
}

struct Input<B> {
    bytes: B,
    part: actix_web::web::Bytes,
    budget: Rc<Cell<usize>>,
    failed: Rc<Cell<bool>>,
}

impl<B: Bytes> io::Read for Input<B> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.part.is_empty() {
            match self.bytes.next() {
                Ok(Some(part)) => self.part = part,
                Ok(None) => return Ok(0),
                Err(error) => {
                    self.failed.set(true);
                    return Err(error);
                }
            }
        }
        let taken = buffer.len().min(self.part.len()).min(self.budget.get());
        if taken == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "too long"));
        }
        self.budget.set(self.budget.get() - taken);
        buffer[..taken].copy_from_slice(&self.part.split_to(taken));
        Ok(taken)
    }
}

/// The file itself, which is a chat or has lists of them.
struct Whole<'r, F>(&'r mut Reader<F>);
/// `{about, list: [chat…]}`
struct Lists<'r, F>(&'r mut Reader<F>);
struct Chats<'r, F>(&'r mut Reader<F>);
struct Chat<'r, F>(&'r mut Reader<F>);
struct Messages<'r, F>(&'r mut Reader<F>);

macro_rules! seed {
    ($name:ident $way:ident) => {
        impl<'de, F: Found> DeserializeSeed<'de> for $name<'_, F> {
            type Value = ();

            fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
                from.$way(self)
            }
        }
    };
}
seed!(Whole deserialize_map);
seed!(Lists deserialize_map);
seed!(Chats deserialize_seq);
seed!(Chat deserialize_map);
seed!(Messages deserialize_seq);

#[derive(Deserialize)]
struct Person {
    user_id: Option<i64>,
}

impl<'de, F: Found> Visitor<'de> for Whole<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an export")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut head = ChatHead::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "personal_information" => {
                    let person: Person = map.next_value()?;
                    if let Some(user) = person.user_id {
                        self.0.go_on(|found| found.owner(user))?;
                    }
                }
                "chats" | "left_chats" => map.next_value_seed(Lists(self.0))?,
                key => chat_field(self.0, &mut head, key, &mut map)?,
            }
        }
        Ok(())
    }
}

impl<'de, F: Found> Visitor<'de> for Lists<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of chats")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "list" {
                self.0.known = true;
                map.next_value_seed(Chats(self.0))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

impl<'de, F: Found> Visitor<'de> for Chats<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("chats")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Chat(self.0))?.is_some() {}
        Ok(())
    }
}

impl<'de, F: Found> Visitor<'de> for Chat<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a chat")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut head = ChatHead::default();
        while let Some(key) = map.next_key::<String>()? {
            chat_field(self.0, &mut head, &key, &mut map)?;
        }
        Ok(())
    }
}

fn chat_field<'de, F: Found, A: MapAccess<'de>>(
    reader: &mut Reader<F>,
    head: &mut ChatHead,
    key: &str,
    map: &mut A,
) -> Result<(), A::Error> {
    match key {
        "name" => head.name = map.next_value()?,
        "type" => head.kind = map.next_value()?,
        "id" => head.id = map.next_value()?,
        "messages" => {
            if head.id == 0 || head.kind.is_empty() {
                return Err(A::Error::custom(
                    "a chat's type and id stand before its messages",
                ));
            }
            reader.begin_chat(head)?;
            map.next_value_seed(Messages(reader))?;
        }
        _ => {
            map.next_value::<IgnoredAny>()?;
        }
    }
    Ok(())
}

impl<'de, F: Found> Visitor<'de> for Messages<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("messages")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(message) = list.next_element::<Value>()? {
            self.0.go_on(|found| found.message(message))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Seen(Vec<String>);

    impl Found for Seen {
        fn owner(&mut self, user: i64) -> bool {
            self.0.push(format!("owner {user}"));
            true
        }

        fn chat(&mut self, head: &ChatHead) -> bool {
            self.0.push(format!("chat {} {}", head.kind, head.id));
            true
        }

        fn message(&mut self, message: Value) -> bool {
            self.0.push(format!("message {}", message["id"]));
            self.0.len() < 100
        }
    }

    /// In parts of three bytes; without a last one it breaks off.
    struct Parts(Vec<u8>, bool);

    impl Bytes for Parts {
        fn next(&mut self) -> io::Result<Option<actix_web::web::Bytes>> {
            if self.0.is_empty() {
                let whole = self.1;
                return whole.then_some(None).ok_or_else(|| io::Error::other("cut"));
            }
            let rest = self.0.split_off(3.min(self.0.len()));
            Ok(Some(std::mem::replace(&mut self.0, rest).into()))
        }
    }

    fn read(text: &str, whole: bool) -> (Vec<String>, Result<(), ReadError>) {
        let reader = Reader::new(Seen::default());
        let (seen, told) = reader.read(Parts(text.as_bytes().to_vec(), whole));
        (seen.0, told)
    }

    /// Protects imports: both shapes of a file are read, whatever else stands in it.
    #[test]
    fn a_chat_and_an_account_are_read() {
        let chat = r#"{"name":null,"type":"personal_chat","id":7,"messages":[{"id":1},{"id":2}]}"#;
        let (seen, told) = read(chat, true);
        assert!(told.is_ok());
        assert_eq!(seen, ["chat personal_chat 7", "message 1", "message 2"]);
        let account = format!(
            r#"{{"about":"x","personal_information":{{"user_id":5,"bio":"b"}},"stories":[{{"a":[1]}}],
            "chats":{{"about":"y","list":[{chat}]}},"left_chats":{{"list":[{{"type":"private_group","id":8,"messages":[]}}]}}}}"#
        );
        let (seen, told) = read(&account, true);
        assert!(told.is_ok());
        let wanted = [
            "owner 5",
            "chat personal_chat 7",
            "message 1",
            "message 2",
            "chat private_group 8",
        ];
        assert_eq!(seen, wanted);
    }

    /// Protects whoever imports: what is something else, and what broke off, is told apart.
    #[test]
    fn what_is_no_export_says_so() {
        let told = |text: &str, whole: bool| read(text, whole).1.unwrap_err();
        for text in [
            "",
            "[]",
            "{}",
            "{\"messages\":[]}",
            "{\"id\":7,\"messages\":[]}",
            "<html>",
            "{\"chats\":[]}",
        ] {
            assert!(
                matches!(told(text, true), ReadError::NotTheLayout(_)),
                "{text}"
            );
        }
        let begun = r#"{"type":"personal_chat","id":7,"messages":[{"id":1},{"#;
        assert!(matches!(told(begun, false), ReadError::BrokeOff));
        assert_eq!(read(begun, true).0.len(), 2, "what was whole was told");
    }

    /// Protects memory from a file that has one endless message.
    #[test]
    fn a_message_has_a_longest_length() {
        let long = format!(
            r#"{{"type":"personal_chat","id":7,"messages":[{{"text":"{}"#,
            "x".repeat(LONGEST)
        );
        let reader = Reader::new(Seen::default());
        struct One(Option<Vec<u8>>);
        impl Bytes for One {
            fn next(&mut self) -> io::Result<Option<actix_web::web::Bytes>> {
                Ok(self.0.take().map(Into::into))
            }
        }
        let (_, told) = reader.read(One(Some(long.into_bytes())));
        assert!(matches!(told.unwrap_err(), ReadError::TooLong));
    }
}
