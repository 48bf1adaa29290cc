//! Layers: what older clients write and read differently.
//!
//! The simulator speaks layer 230. Compared with the schemas of the clients it is tested with (Telethon at 229,
//! mtcute at 227, its separate schema package at 223), what it sends and reads differs in a few constructors that
//! only gained optional fields since, and in three that gained a field which has to go. These alone are
//! translated, on the serialised words. A number is taken for a constructor wherever it stands on a word's
//! boundary: none of them occurs in UTF-8 text.

/// Layers from here on read what is written.
const CURRENT_FROM: i32 = 229;
/// Layers below this know all of [`RENAMED`] under the older number, the others only the first ones.
const MIDDLE_FROM: i32 = 227;

/// One constructor that was another number before.
struct Renamed {
    new: u32,
    old: u32,
    /// The first layer, as far as is known, that has the new one.
    from: i32,
    /// How many bytes into the object a word of the new form has to go.
    extra: Option<usize>,
}

const fn renamed(new: u32, old: u32, from: i32, extra: Option<usize>) -> Renamed {
    Renamed {
        new,
        old,
        from,
        extra,
    }
}

const RENAMED: &[Renamed] = &[
    renamed(0xb1b8_cc83, 0x3177_4388, CURRENT_FROM, None), // user
    renamed(0xd49f_34c6, 0x1c32_b11c, CURRENT_FROM, None), // channel
    renamed(0xa04e_8d3a, 0xe4e0_b29d, MIDDLE_FROM, None),  // channelFull
    renamed(0x7600_b9d3, 0x3ae5_6482, MIDDLE_FROM, None),  // message
    renamed(0xe216_eb63, 0x6951_50d7, MIDDLE_FROM, None),  // messageMediaPhoto
    renamed(0x06cb_e645, 0xa02b_c13e, MIDDLE_FROM, None),  // userFull
    renamed(0x60fe_3294, 0x96ea_a5eb, MIDDLE_FROM, None),  // draftMessage
    renamed(0x1b97_dd66, 0x6917_560b, MIDDLE_FROM, None),  // messageReplyHeader
    renamed(0x966e_2dbf, 0x5874_7131, MIDDLE_FROM, None),  // poll
    renamed(0xba7b_b15e, 0x7adf_2420, MIDDLE_FROM, None),  // pollResults
    renamed(0x773f_4e66, 0x4bd6_e798, MIDDLE_FROM, Some(4)), // messageMediaPoll: its flags
    renamed(0x4b7d_786a, 0xff16_e2ca, MIDDLE_FROM, Some(4)), // pollAnswer: its flags
    renamed(0xfc89_f7f3, 0xd58a_08c6, MIDDLE_FROM, Some(44)), // dialog: unread_poll_votes_count
];

/// Functions and what they carry: in calls the old number becomes the new one, whatever the caller's layer.
const ASKED: &[(u32, u32)] = &[
    (0x545c_d15a, 0xfef4_8f62), // messages.sendMessage
    (0x51e8_42e1, 0xb106_e66c), // messages.editMessage
    (0x54ae_308e, 0xad0f_a15c), // messages.saveDraft
    (0x4bc6_589a, 0x6126_a43c), // messages.searchGlobal
    (0x869f_be10, 0x3bd4_b7c2), // inputReplyToMessage
];

/// contacts.search gained flags.
const SEARCH: (u32, u32) = (0x11f8_12d8, 0x05f5_8d0f);

pub fn is_current(layer: i32) -> bool {
    layer == 0 || layer >= CURRENT_FROM
}

/// An answer or a push as the client's layer reads it.
pub fn downgrade(layer: i32, bytes: Vec<u8>) -> Vec<u8> {
    if is_current(layer) {
        return bytes;
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut leave_out: Option<usize> = None;
    for (index, word) in bytes.chunks(4).enumerate() {
        let at = index * 4;
        if leave_out == Some(at) {
            leave_out = None;
            continue;
        }
        let renamed = word.first_chunk::<4>().and_then(|word| {
            let id = u32::from_le_bytes(*word);
            RENAMED
                .iter()
                .find(|renamed| renamed.new == id && layer < renamed.from)
        });
        match renamed {
            Some(renamed) => {
                out.extend(renamed.old.to_le_bytes());
                leave_out = renamed.extra.map(|offset| at + offset).or(leave_out);
            }
            None => out.extend_from_slice(word),
        }
    }
    out
}

/// A call as layer 230 writes it.
pub fn upgrade(layer: i32, bytes: Vec<u8>) -> Vec<u8> {
    if is_current(layer) {
        return bytes;
    }
    let mut out = Vec::with_capacity(bytes.len() + 4);
    for (index, word) in bytes.chunks(4).enumerate() {
        let id = word
            .first_chunk::<4>()
            .map_or(0, |word| u32::from_le_bytes(*word));
        if index == 0 && id == SEARCH.0 {
            out.extend(SEARCH.1.to_le_bytes());
            out.extend(0u32.to_le_bytes());
            continue;
        }
        match ASKED.iter().find(|(old, _)| *old == id) {
            Some((_, new)) => out.extend(new.to_le_bytes()),
            None => out.extend_from_slice(word),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// Protects current clients from any translation at all.
    #[test]
    fn current_layers_and_unknown_ones_are_left_alone() {
        let bytes = words(&[0xb1b8_cc83, 1, 2]);
        for layer in [0, 229, 230, 231] {
            assert_eq!(downgrade(layer, bytes.clone()), bytes);
        }
    }

    /// Protects the two depths of translation.
    #[test]
    fn each_layer_gets_the_numbers_it_knows() {
        let bytes = words(&[0xb1b8_cc83, 0x7600_b9d3, 5]);
        assert_eq!(
            downgrade(227, bytes.clone()),
            words(&[0x3177_4388, 0x7600_b9d3, 5])
        );
        assert_eq!(downgrade(223, bytes), words(&[0x3177_4388, 0x3ae5_6482, 5]));
    }

    /// Protects the three types that gained a field which old clients do not read.
    #[test]
    fn a_field_that_is_new_goes() {
        let poll = words(&[0x773f_4e66, 0, 0x966e_2dbf, 9]);
        assert_eq!(downgrade(223, poll), words(&[0x4bd6_e798, 0x5874_7131, 9]));
        let dialog: Vec<u32> = [0xfc89_f7f3].into_iter().chain(1..=12).collect();
        let shorter: Vec<u32> = [0xd58a_08c6]
            .into_iter()
            .chain((1..=12).filter(|n| *n != 11))
            .collect();
        assert_eq!(downgrade(223, words(&dialog)), words(&shorter));
    }

    /// Protects calls of older clients.
    #[test]
    fn old_calls_become_new_ones() {
        assert_eq!(
            upgrade(227, words(&[0x4bc6_589a, 3])),
            words(&[0x6126_a43c, 3])
        );
        assert_eq!(
            upgrade(223, words(&[0x11f8_12d8, 3])),
            words(&[0x05f5_8d0f, 0, 3])
        );
    }
}
