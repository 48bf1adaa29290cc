//! Domain: the plain data that every part of the service speaks.
//!
//! Receives: nothing.
//! Sends:    nothing.
//! Promises: no I/O, no knowledge of Telegram's wire types, of SQL or of HTTP; the account id is in everything.
//! Does not: decide anything that needs the outside.

mod account;
mod batch;
pub mod clean;
mod codes;
mod conversation;
mod deed;
mod device;
mod entity;
mod event;
mod extra;
mod fault;
mod file;
mod formatting;
mod health;
mod ids;
mod line_fault;
mod login;
mod markdown;
mod media;
mod message;
mod order;
mod order_kind;
mod order_state;
mod outcome;
mod outgoing_file;
mod pace;
mod people;
mod poll;
mod preview;
mod proxy;
mod reason;
mod retention;
mod schedule;
mod secret;
mod spans;
mod text;
mod timestamp;

pub use account::{
    ACCOUNT_COLOURS, Account, AccountState, Archive, Exit, HistoryProgress, LogOut, MediaPolicy,
    SelfUser, StateChange, SyncProgress, default_colour, mask_phone,
};
pub use batch::{Batch, Change, ChatMark, Hole, Peer, PeerFlags, Position};
pub use codes::{CODE_MASK, find_codes, is_telegram_itself, joined, mask_codes, mask_ranges};
pub use conversation::{
    ChatDraft, Conversation, ConversationKind, DialogRecord, ForumTopic, TopicDraft,
};
pub use deed::Deed;
pub use device::Device;
pub use entity::{Entity, EntityKind};
pub use event::{Event, EventBody, Seq};
pub use extra::{
    Action, Button, ButtonKind, Details, Extra, Named, Note, NotedMessage, Reaction,
    reactions_after,
};
pub use fault::{StoreFault, VaultFault, WebhookFault};
pub use file::{FileKey, FileLocation, FilePass, FilePlace, MessageFiles, Thumb};
pub use formatting::{FormattingError, check_entities, split_formatted};
pub use health::{
    DeviceSession, FloodDay, Frozen, Health, HealthFact, HealthRecord, Met, PaidPeer,
    StrangersLimit, UnofficialMark,
};
pub use ids::{AccountId, ChatId, ConversationId, MessageRowId, OrderId, PeerKind};
pub use line_fault::LineFault;
pub use login::{AttemptKind, AttemptOutcome, CodeChannel, Login, LoginMethod, LoginStep, QrCode};
pub use markdown::from_markdown;
pub use media::{
    Contact, Copied, Dice, Game, Giveaway, Invoice, Location, Media, MediaDetail, MediaKind, Page,
    Paid, Sticker, Story, Todo, TodoItem, Track,
};
pub use message::{
    Direction, ForwardedFrom, IncomingMessage, MessageError, MessageObject, MessageStatus,
    ObjectContent, ObjectReader, Sender, StoredMessage, Topic, Upload,
};
pub use order::{
    CopyOf, Making, MediaItem, NewCopy, NewForward, NewMedia, NewText, Order, Place, Quote,
    Replacement, Wording, Work,
};
pub use order_kind::{Lane, OrderKind, Repeat};
pub use order_state::{
    Made, OrderNote, OrderState, OrderStatus, StoredOrder, Tries, Wait, Waiting,
};
pub use outcome::{Outcome, Planned};
pub use outgoing_file::{FileOf, FileShape, OutgoingFile, PutUp, SMALL_FILE, Uploaded};
pub use pace::{Held, LearnedPace, PaceLimits};
pub use people::{ContactListMark, FoundChat, ListedContact, Wanted, folded};
pub use poll::{Poll, PollOption};
pub use preview::{kept_preview, preview_jpeg};
pub use proxy::{
    MOST_PROXIES, MtproxyLook, MtproxySecret, Proxy, ProxyError, ProxyLogin, ProxyName,
    ProxyProtocol,
};
pub use reason::{Holds, StateReason, WayFault};
pub use retention::{KeepFor, Retention, kept_since};
pub use schedule::Schedule;
pub use secret::{ApiCredentials, SecretBytes, SecretText};
pub use spans::{Span, Spans};
pub use text::{TextError, check_caption, check_text, hex, split_text, utf16_len};
pub use timestamp::Timestamp;
