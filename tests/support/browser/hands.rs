//! Hands: what a person does with a mouse, a finger and a keyboard.

use super::*;

impl Desk {
    /// A click of a real mouse in the middle of the first shown element with this text in it.
    pub async fn click_text(&self, css: &str, text: &str) {
        self.press(
            &format!(
                "{}.find((one) => one.textContent.includes({}))",
                shown(css),
                json!(text)
            ),
            &format!("{css} with {text:?}"),
            "left",
        )
        .await;
    }

    pub async fn click(&self, css: &str) {
        self.press(&format!("{}[0]", shown(css)), css, "left").await;
    }

    pub async fn right_click(&self, css: &str) {
        self.press(&format!("{}[0]", shown(css)), css, "right")
            .await;
    }

    async fn press(&self, element: &str, what: &str, button: &str) {
        // Where a hand would aim: at what stands still for two frames and lies on top.
        let place = format!(
            "(async () => {{ const one = {element}; one?.scrollIntoView({{ block: 'nearest' }}); \
             const frame = () => new Promise((done) => requestAnimationFrame(done)); \
             const box = () => one.getBoundingClientRect(); await frame(); \
             if (!one?.checkVisibility()) return null; \
             const before = box(); await frame(); const {{ x, y, width, height }} = box(); \
             if (before.x !== x || before.y !== y) return null; \
             const [left, top] = [x + width / 2, y + height / 2]; const hit = document.elementFromPoint(left, top); \
             return one.contains(hit) || hit?.closest('label')?.control === one ? [left, top] : null; }})()"
        );
        let start = Instant::now();
        let mut at = json!(null);
        // What the page moves, covers or takes away meanwhile is looked at again.
        while at.is_null() {
            self.until(&format!("{what} to click"), element).await;
            at = self.js(&place).await;
            assert!(
                start.elapsed() < LIMIT,
                "{what} is never where it can be clicked"
            );
        }
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            let event =
                json!({ "type": kind, "x": at[0], "y": at[1], "button": button, "clickCount": 1 });
            self.cdp("Input.dispatchMouseEvent", event).await;
        }
    }

    /// A finger that rests on the first shown element with this text in it.
    pub async fn long_press(&self, css: &str, text: &str) {
        let element = format!(
            "{}.find((one) => one.textContent.includes({}))",
            shown(css),
            json!(text)
        );
        self.until(&format!("{css} with {text:?}"), &element).await;
        let at = self
            .js(&format!(
                "(() => {{ const box = {element}.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
            ))
            .await;
        let touches = json!({ "enabled": true });
        self.cdp("Emulation.setTouchEmulationEnabled", touches)
            .await;
        let touch = json!({ "type": "touchStart", "touchPoints": [{ "x": at[0], "y": at[1] }] });
        self.cdp("Input.dispatchTouchEvent", touch).await;
    }

    /// The finger is lifted.
    pub async fn lift(&self) {
        let touch = json!({ "type": "touchEnd", "touchPoints": [] });
        self.cdp("Input.dispatchTouchEvent", touch).await;
    }

    /// Moves the mouse away from everything.
    pub async fn leave(&self) {
        self.cdp(
            "Input.dispatchMouseEvent",
            json!({ "type": "mouseMoved", "x": 1, "y": 1 }),
        )
        .await;
    }

    /// Puts the cursor into a field and types.
    pub async fn fill(&self, css: &str, text: &str) {
        self.until(
            &format!("{css} to type into"),
            &format!("{}[0]", shown(css)),
        )
        .await;
        self.js(&format!(
            "(() => {{ const one = {}[0]; one.focus(); one.select?.(); }})()",
            shown(css)
        ))
        .await;
        self.type_text(text).await;
    }

    /// Types where the cursor is.
    pub async fn type_text(&self, text: &str) {
        self.cdp("Input.insertText", json!({ "text": text })).await;
    }

    /// Presses keys, `+` between those held together: `Enter`, `Alt+ArrowDown`, `Control+k`, `?`.
    pub async fn keys(&self, chord: &str) {
        let mut names: Vec<&str> = if chord == "+" {
            vec!["+"]
        } else {
            chord.split('+').collect()
        };
        let key = names.pop().unwrap();
        let modifiers = names.iter().fold(0, |sum, name| {
            sum | match *name {
                "Alt" => 1,
                "Control" => 2,
                "Meta" => 4,
                "Shift" => 8,
                other => panic!("unknown modifier {other}"),
            }
        });
        let code = match key {
            "Enter" => 13,
            "Escape" => 27,
            "ArrowUp" => 38,
            "ArrowDown" => 40,
            "Tab" => 9,
            // Its own code would be that of Delete.
            "." => 190,
            _ => i64::from(key.to_uppercase().bytes().next().unwrap()),
        };
        let mut down = json!({ "type": "keyDown", "key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers });
        if key.chars().count() == 1 && modifiers & 3 == 0 {
            down["text"] = json!(key);
        } else if key == "Enter" {
            down["text"] = json!("\r");
        }
        self.cdp("Input.dispatchKeyEvent", down.clone()).await;
        down["type"] = json!("keyUp");
        self.cdp("Input.dispatchKeyEvent", down).await;
    }
}
