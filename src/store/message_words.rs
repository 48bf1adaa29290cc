//! Message words: by which columns say a message's direction and status.

use crate::domain::{Direction, MessageStatus};

pub(super) const fn direction_text(direction: Direction) -> &'static str {
    match direction {
        Direction::Incoming => "incoming",
        Direction::Outgoing => "outgoing",
    }
}

pub(super) fn direction_of(text: &str) -> Direction {
    match text {
        "outgoing" => Direction::Outgoing,
        _ => Direction::Incoming,
    }
}

pub(super) const fn status_text(status: MessageStatus) -> &'static str {
    match status {
        MessageStatus::Received => "received",
        MessageStatus::Pending => "pending",
        MessageStatus::Sent => "sent",
        MessageStatus::Failed => "failed",
    }
}

pub(super) fn status_of(text: &str) -> MessageStatus {
    match text {
        "pending" => MessageStatus::Pending,
        "sent" => MessageStatus::Sent,
        "failed" => MessageStatus::Failed,
        _ => MessageStatus::Received,
    }
}
