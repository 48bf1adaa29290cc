//! Frames: every frame and every post that a test hears is held against `/asyncapi.json`.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex},
};

use jsonschema::Validator;
use serde_json::{Value, json};

type Validators = HashMap<String, Validator>;

static VALIDATORS: LazyLock<Mutex<Validators>> = LazyLock::new(|| {
    let document = switchboard::web::asyncapi_document();
    let messages = document["components"]["messages"].as_object().unwrap();
    let validators = messages.iter().map(|(name, message)| {
        let mut schema = message["payload"].clone();
        schema["components"] = json!({ "schemas": document["components"]["schemas"] });
        let options = jsonschema::options().should_validate_formats(true);
        let validator = options.build(&schema).expect("the schemas are sound");
        (name.clone(), validator)
    });
    Mutex::new(validators.collect())
});

/// Fails when nothing of the kind is described, or it is otherwise.
pub fn hold(frame: &Value) {
    let event = frame["event"].as_str().unwrap_or_default();
    let numbered = frame.get("seq").is_some() || event == "test";
    let name = if numbered {
        event.to_owned()
    } else {
        format!("{event}_unnumbered")
    };
    let validators = VALIDATORS
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let validator = validators
        .get(&name)
        .unwrap_or_else(|| panic!("the frame {name} is not described: {frame}"));
    let wrong: Vec<String> = validator
        .iter_errors(frame)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(wrong.is_empty(), "{name}: {wrong:#?}\n{frame:#}");
}
