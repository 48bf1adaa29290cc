//! What the portal's calls take and give.

super::schemas! {
    answer PortalError { success: "boolean", error: "ErrorBody", request_id: "maybe string" }
    answer PortalStatus {
        success: "boolean", has_session: "boolean", authorized: "boolean",
        status: "one of authorized|code_sent|email_needed|password_needed|pending|login_required|no_session", state: "string?",
    }
    body PortalPhone { phone: "phone" }
    answer PortalCodeSent {
        success: "boolean", status: "one of code_sent|email_needed", message: "string",
        code_via: "one of app|sms|sms_word|sms_phrase|call|flash_call|missed_call|email|fragment|other?",
        code_hint: "string?", code_length: "integer?", resend_at: "time?",
        resend_via: "one of app|sms|sms_word|sms_phrase|call|flash_call|missed_call|email|fragment|other?", expires_at: "time?",
    }
    body PortalVerify { phone: "maybe string?", code: "maybe string?", password: "maybe string?" }
    body PortalEmail { email: "string" }
    answer PortalVerified {
        success: "boolean", status: "one of authorized|code_sent", message: "string", user: "maybe Person",
        code_via: "maybe one of app|sms|sms_word|sms_phrase|call|flash_call|missed_call|email|fragment|other?",
        code_hint: "maybe string?", code_length: "maybe integer?", resend_at: "maybe time?",
        resend_via: "maybe one of app|sms|sms_word|sms_phrase|call|flash_call|missed_call|email|fragment|other?", expires_at: "maybe time?",
    }
    answer QrSignIn {
        success: "boolean", status: "one of pending|scanned|password_needed|authorized|expired", url: "string?",
        svg: "string?", expires_at: "time?", error: "maybe ErrorBody",
    }
    answer PortalChats { success: "boolean", chats: "PortalChat[]", next_cursor: "string?" }
    answer PortalChat {
        id: "string", title: "string", type: "one of private|bot|group|supergroup|channel", username: "string?",
        unread_count: "integer", can_send: "boolean", last_message: "PortalMessage?", last_message_at: "time?",
    }
    answer PortalMessages {
        success: "boolean", chat: "PortalChat", messages: "PortalMessage[]", next_cursor: "string?",
    }
    answer PortalMessage {
        id: "integer?", chat_id: "string", text: "string", date: "time", out: "boolean",
        direction: "one of incoming|outgoing", status: "one of received|pending|sent|failed", sender: "Sender?",
        reply_to_message_id: "string?", edited_at: "time?", deleted_at: "time?", media: "Media?", service: "string?",
        entities: "Entity[]?", album_id: "string?", upload: "Upload?",
    }
    answer PortalSent { success: "boolean", messages: "PortalMessage[]" }
    answer PortalUser { success: "boolean", user: "Person" }
    answer PortalReset {
        success: "boolean", status: "one of ok", message: "string", logout: "one of done|ordered|unreadable",
    }
    answer PortalSession { success: "boolean", session: "Session?" }
    answer Session {
        account_id: "uuid", authorized: "boolean", state: "string", state_reason: "string?", state_code: "string?", state_params: "object?", state_since: "time",
        phone: "string?", user: "TelegramUser?", created_at: "time", last_update_at: "time?", attempts: "Attempt[]",
    }
    answer Attempt {
        kind: "one of phone|qr|2fa|session", status: "one of pending|success|failed|timeout", error_message: "string?",
        created_at: "time", finished_at: "time?",
    }
}
