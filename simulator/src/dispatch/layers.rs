//! Layers: what older clients write and read differently.
//!
//! The simulator speaks layer 230. Clients of layers 224 to 229 agree with it on everything that it sends or
//! reads. Those down to 223 know other constructor numbers for types that only gained optional fields since,
//! and three types that gained a field in the middle; these alone are translated, on the serialised words.
//! A number is taken for a constructor wherever it stands on a word's boundary: none of them occurs in UTF-8.

/// Layers from here on read what is written.
const CURRENT_FROM: i32 = 224;

/// (layer 230, layer 223, how many bytes into the object a word of layer 230 must go).
const RENAMED: &[(u32, u32, Option<usize>)] = &[
    (0xb1b8cc83, 0x31774388, None),     // user
    (0xd49f34c6, 0x1c32b11c, None),     // channel
    (0xa04e8d3a, 0xe4e0b29d, None),     // channelFull
    (0x7600b9d3, 0x3ae56482, None),     // message
    (0xe216eb63, 0x695150d7, None),     // messageMediaPhoto
    (0x06cbe645, 0xa02bc13e, None),     // userFull
    (0x60fe3294, 0x96eaa5eb, None),     // draftMessage
    (0x1b97dd66, 0x6917560b, None),     // messageReplyHeader
    (0x966e2dbf, 0x58747131, None),     // poll
    (0xba7bb15e, 0x7adf2420, None),     // pollResults
    (0x773f4e66, 0x4bd6e798, Some(4)),  // messageMediaPoll: its flags
    (0x4b7d786a, 0xff16e2ca, Some(4)),  // pollAnswer: its flags
    (0xfc89f7f3, 0xd58a08c6, Some(44)), // dialog: unread_poll_votes_count
];

/// Functions and what they carry, the other way: (layer 223, layer 230).
const ASKED: &[(u32, u32)] = &[
    (0x545cd15a, 0xfef48f62), // messages.sendMessage
    (0x51e842e1, 0xb106e66c), // messages.editMessage
    (0x54ae308e, 0xad0fa15c), // messages.saveDraft
    (0x4bc6589a, 0x6126a43c), // messages.searchGlobal
    (0x869fbe10, 0x3bd4b7c2), // inputReplyToMessage
    (0x24b524c5, 0x7f6a1e22), // channels.joinChannel
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
            RENAMED.iter().find(|(new, ..)| *new == id)
        });
        match renamed {
            Some((_, old, gone)) => {
                out.extend(old.to_le_bytes());
                if let Some(offset) = gone {
                    leave_out = Some(at + offset);
                }
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
