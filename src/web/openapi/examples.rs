//! Examples of bodies: what a person would try first. What is not written here is made of what always has to be there.

use serde_json::{Map, Value, json};

/// Of a body, by the name of its schema.
pub fn example_of(name: &str, schemas: &Value) -> Value {
    match name {
        "AddAccount" => json!({ "label": "Support", "phone": "+9996621234" }),
        "BeginLogin" => json!({ "qr": true }),
        "ChangeAccount" => json!({ "label": "Support", "is_active": true }),
        "ChangeWebhook" => json!({ "paused": true }),
        "DesktopExport" => json!({
            "name": "Contact", "type": "personal_chat", "id": 1001, "messages": [{
                "id": 1, "type": "message", "date": "2026-01-15T12:00:00", "date_unixtime": "1768478400",
                "from": "Contact", "from_id": "user1001", "text": "Hello",
                "text_entities": [{ "type": "plain", "text": "Hello" }],
            }],
        }),
        "LicenceVerify" => {
            json!({ "phone_number": "+9996621234", "session_id": "1", "code": "12345" })
        }
        "MessageStream" => json!({
            "user_id": "user-1", "recipient_id": "contact", "send_to_telegram": true, "send_as_user": true,
            "messages": [{ "role": "user", "content": "Write to them" }],
        }),
        "PortalVerify" => json!({ "phone": "+9996621234", "code": "12345" }),
        "UserVerify" => json!({ "user_id": "user-1", "phone_code": "12345" }),
        name => of_schema(&schemas[name]),
    }
}

fn of_schema(schema: &Value) -> Value {
    let required = schema["required"].as_array().into_iter().flatten();
    let fields = required.filter_map(|name| {
        let name = name.as_str()?;
        Some((name.to_owned(), of_field(name, &schema["properties"][name])))
    });
    Value::Object(fields.collect::<Map<_, _>>())
}

fn of_field(name: &str, schema: &Value) -> Value {
    if let Some(example) = schema.get("example") {
        return example.clone();
    }
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    match name {
        "phone" | "phone_number" => json!("+9996621234"),
        "user_id" => json!("user-1"),
        "recipient" | "recipient_id" => json!("contact"),
        "text" => json!("Hello"),
        "name" | "label" => json!("Support"),
        "code" => json!("12345"),
        _ if schema["type"] == "integer" => json!(schema["minimum"].as_i64().unwrap_or(1)),
        _ if schema["type"] == "boolean" => json!(true),
        _ if schema["type"] == "array" => json!([]),
        name => json!(name),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{OPERATIONS, document};
    use super::*;

    /// Protects whoever copies an example: it is one of what it stands beside.
    #[test]
    fn every_body_has_an_example_that_fits() {
        let document = document();
        let schemas = &document["components"]["schemas"];
        let bodies = OPERATIONS
            .iter()
            .filter(|operation| !operation.body.is_empty());
        for operation in bodies {
            let example = example_of(operation.body, schemas);
            let mut schema = schemas[operation.body].clone();
            schema["components"] = document["components"].clone();
            let held = jsonschema::validator_for(&schema).unwrap();
            assert!(held.is_valid(&example), "{}: {example}", operation.body);
        }
    }
}
