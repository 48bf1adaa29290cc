//! What the licence calls take and give.

super::schemas! {
    answer LicenceError {
        success: "boolean", code: "string", message: "string", needs_password: "boolean", request_id: "maybe string",
    }
    body LicenceStart { phone_number: "phone" }
    answer LicenceStarted {
        success: "boolean", message: "string", session_id: "string", phone_number: "string",
        needs_email: "maybe boolean", code_is_words: "maybe boolean",
    }
    body LicenceResend { phone_number: "phone", session_id: "string" }
    body LicenceEmail { phone_number: "phone", session_id: "string", email: "string" }
    answer LicenceQr { like: "QrSignIn", session_id: "string" }
    body LicenceVerify {
        phone_number: "maybe phone?", code: "maybe string?", session_id: "string", password: "maybe string?",
    }
    answer Person { id: "integer", phone: "string?", first_name: "string", last_name: "string?", username: "string?" }
    answer LicenceVerified {
        success: "boolean", message: "string", user: "maybe Person", config_id: "maybe integer",
        session_id: "maybe string", phone_number: "maybe string", code_is_words: "maybe boolean",
    }
    answer LicenceTested { success: "boolean", message: "string", user: "Person" }
    answer LicenceConfig { config: "Config?" }
    answer Config {
        id: "integer", phone_number: "string?", phone_number_masked: "string?", user_id: "integer?",
        user_first_name: "string?", user_last_name: "string?", user_username: "string?", is_active: "boolean",
        last_synced_at: "time?", created_at: "time", updated_at: "time",
    }
    answer LicenceDisconnected { success: "boolean", message: "string" }
}
