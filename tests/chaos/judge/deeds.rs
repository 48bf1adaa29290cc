//! What was done to a message: edits, its deletion, reactions, pins, in the order of the asking.

use std::collections::BTreeSet;

use super::{Judge, Known, Left, Order, REASONS, There, Work, told};

impl Judge<'_> {
    /// What is wrong with what was done to a message, in the order of the asking.
    pub(super) fn deeds(&self, order: &Order, row: i64, deeds: &[&Order]) -> Vec<String> {
        let Some(made) = self.made.get(&row).filter(|made| made.status == "sent") else {
            return Vec::new();
        };
        let place = (order.account, order.chat, made.message_no);
        let Some(there) = self.at_telegram.numbers.get(&place) else {
            return Vec::new();
        };
        let left = self.left.get(&row).map_or(&[][..], Vec::as_slice);
        let mut wrong = Vec::new();
        for one in left {
            let fact = format!("{} failed: {}", one.kind, one.error_code);
            self.facts.once(&fact);
            if !REASONS.contains(&one.error_code.as_str()) {
                wrong.push(told(order, &format!("row {row}: {fact}")));
            }
        }
        let unsure = |kind: &str| {
            left.iter()
                .any(|one| one.kind == kind && one.state == "given_up")
        };
        wrong.extend(edits(order, there, deeds, left, unsure("edit")));
        let deleted = deeds.iter().any(|deed| {
            matches!(deed.work, Work::Delete(_)) && matches!(deed.known, Known::Taken(_))
        }) && !left.iter().any(|one| one.kind == "delete");
        if there.message.deleted != deleted && !unsure("delete") {
            let what = format!(
                "row {row}: deleted at Telegram: {}, as it was asked for: {deleted}",
                there.message.deleted
            );
            wrong.push(told(order, &what));
        }
        if !there.message.deleted && !left.iter().any(|one| one.kind == "react") {
            wrong.extend(self.reaction(order, there, deeds));
        }
        if !there.message.deleted && !left.iter().any(|one| one.kind == "pin") {
            wrong.extend(pin(order, there, deeds));
        }
        wrong
    }

    pub(super) fn reaction(
        &self,
        order: &Order,
        there: &There,
        deeds: &[&Order],
    ) -> Option<String> {
        let last = deeds
            .iter()
            .filter(|deed| matches!(deed.known, Known::Taken(_)))
            .filter_map(|deed| match &deed.work {
                Work::React(_, emoji) => Some(emoji.clone()),
                _ => None,
            })
            .next_back()?;
        let user = self.users[order.account];
        let mine: Vec<&String> = there
            .message
            .reactions
            .iter()
            .filter(|(_, by)| *by == user)
            .map(|(emoji, _)| emoji)
            .collect();
        let wanted: Vec<&String> = last.iter().collect();
        (mine != wanted).then(|| {
            told(
                order,
                &format!("is reacted to with {mine:?} instead of {wanted:?}"),
            )
        })
    }
}

/// Pinned or not, as it was asked for last. It may be taken off by another one only where a chat has room for one.
fn pin(order: &Order, there: &There, deeds: &[&Order]) -> Option<String> {
    let last = deeds
        .iter()
        .filter(|deed| matches!(deed.known, Known::Taken(_)))
        .filter_map(|deed| match deed.work {
            Work::Pin(_, pinned) => Some(pinned),
            _ => None,
        })
        .next_back()?;
    let is = there.message.pinned;
    (is != last).then(|| {
        told(
            order,
            &format!("is pinned: {is}, and was asked to be: {last}"),
        )
    })
}

/// Edits in their order, each at most once, and the last one that was carried out stands.
fn edits(
    order: &Order,
    there: &There,
    deeds: &[&Order],
    left: &[Left],
    unsure: bool,
) -> Vec<String> {
    let asked: Vec<&Order> = deeds
        .iter()
        .filter(|deed| matches!(deed.work, Work::Edit(_)))
        .copied()
        .collect();
    let texts = there.message.former_texts.iter().skip(1);
    let changed = !there.message.former_texts.is_empty();
    let seen: Vec<&String> = texts
        .chain(changed.then_some(&there.message.text))
        .collect();
    let numbers: Vec<Option<usize>> = seen
        .iter()
        .map(|text| asked.iter().position(|deed| deed.text == **text))
        .collect();
    let mut wrong = Vec::new();
    let once: BTreeSet<_> = numbers.iter().collect();
    if numbers.contains(&None) || !numbers.is_sorted() || once.len() != numbers.len() {
        wrong.push(told(order, &format!("was edited to {seen:?}")));
    }
    let failed = |deed: &Order| {
        let words = format!("{:?}", deed.text);
        left.iter()
            .any(|one| one.kind == "edit" && one.payload.contains(&words))
    };
    let last = asked
        .iter()
        .rfind(|deed| matches!(deed.known, Known::Taken(_)) && !failed(deed));
    let wanted = last.map_or(order.text.as_str(), |deed| deed.text.as_str());
    // Only the first of an album has words.
    let wordless = there.first_text().is_empty() && last.is_none();
    if there.message.text != wanted && !unsure && !wordless && !there.message.deleted {
        let text = &there.message.text;
        wrong.push(told(
            order,
            &format!("reads {text:?} instead of {wanted:?}"),
        ));
    }
    wrong
}
