//! What the user API takes and gives.

super::schemas! {
    answer UserError {
        status: "one of error", success: "boolean", code: "string", message: "string", request_id: "maybe string",
    }
    body UserStart { user_id: "user id", phone_number: "phone" }
    answer UserStarted { status: "one of code_sent|email_needed", phone_code_hash: "string", message: "string" }
    body UserVerify {
        user_id: "user id", phone_code: "maybe code?", password: "maybe string?",
    }
    body UserEmail { user_id: "user id", email: "string" }
    body UserNamed { user_id: "user id" }
    answer UserVerified {
        status: "one of authorized|code_sent", message: "string", user: "maybe UserInfo", phone_code_hash: "maybe string",
    }
    answer UserInfo {
        id: "integer", first_name: "string", last_name: "string?", username: "string?", phone_number: "string?",
    }
    body UserSend {
        user_id: "user id", recipient_id: "user id", text: "maybe words", entities: "maybe NewEntity[]?",
        format: "maybe one of plain|markdown?", preview: "maybe boolean?", file_url: "maybe file address?",
        file_name: "maybe string?", as: "maybe one of photo|file|voice?",
    }
    body UserSendForm {
        user_id: "string", recipient_id: "string", file: "file[]", text: "maybe caption", entities: "maybe string",
        format: "maybe one of plain|markdown",
        as: "maybe one of photo|file|voice", keep_metadata: "maybe one of true|false", waveform: "maybe string",
    }
    answer UserSent {
        status: "one of ok", success: "boolean", message_id: "integer", date: "string", message_ids: "maybe integer[]",
    }
    answer UserStatus { status: "one of ok", authorized: "boolean", user_info: "UserInfo?" }
    answer UserDisconnected { status: "one of ok", success: "boolean", message: "string" }
    body MessageStream {
        user_id: "user id", send_to_telegram: "maybe boolean", send_as_user: "maybe boolean",
        recipient_id: "maybe user id?", messages: "Turn[]", format: "maybe one of plain|markdown?",
    }
    body Turn { role: "string", content: "anything" }
}
