//! Voice: Opus as browsers record it (WebM), in the container that voice messages have (Ogg, RFC 7845). The sound itself is
//! not touched.

use std::io::{Read, Seek};

use matroska_demuxer::{Frame, MatroskaFile, TrackType};
use ogg::{PacketWriteEndInfo, PacketWriter};

/// Longer ones are no voice messages: hours of them.
const LARGEST: usize = 32 << 20;
const SERIAL: u32 = 1;
const RATE: u64 = 48_000;

/// The bytes of the Ogg file and its seconds; `None`: it is no Opus in WebM.
pub(super) fn from_webm(file: impl Read + Seek) -> std::io::Result<Option<(Vec<u8>, i32)>> {
    let Ok(mut file) = MatroskaFile::open(file) else {
        return Ok(None);
    };
    let track = file
        .tracks()
        .iter()
        .find(|track| track.track_type() == TrackType::Audio && track.codec_id() == "A_OPUS");
    let Some((number, head)) = track.and_then(|track| {
        let head = track.codec_private()?.to_vec();
        Some((track.track_number().get(), head))
    }) else {
        return Ok(None);
    };
    let mut out = PacketWriter::new(Vec::new());
    out.write_packet(head, SERIAL, PacketWriteEndInfo::EndPage, 0)?;
    // No maker, no remarks.
    let tags = b"OpusTags\0\0\0\0\0\0\0\0".to_vec();
    out.write_packet(tags, SERIAL, PacketWriteEndInfo::EndPage, 0)?;
    let mut frame = Frame::default();
    let mut waiting: Option<Vec<u8>> = None;
    let mut position = 0;
    // What breaks off is as long as it is.
    while let Ok(true) = file.next_frame(&mut frame) {
        if frame.track != number {
            continue;
        }
        if out.inner().len() > LARGEST {
            return Ok(None);
        }
        if let Some(packet) = waiting.replace(std::mem::take(&mut frame.data)) {
            position += samples(&packet);
            out.write_packet(packet, SERIAL, PacketWriteEndInfo::NormalPacket, position)?;
        }
    }
    let Some(last) = waiting else {
        return Ok(None);
    };
    position += samples(&last);
    out.write_packet(last, SERIAL, PacketWriteEndInfo::EndStream, position)?;
    let seconds = i32::try_from(position.div_ceil(RATE)).unwrap_or(i32::MAX);
    Ok(Some((out.into_inner(), seconds)))
}

/// How long a packet sounds, at 48,000 samples a second (RFC 6716, 3.1 and 3.2).
fn samples(packet: &[u8]) -> u64 {
    let Some(&first) = packet.first() else {
        return 0;
    };
    let config = first >> 3;
    let frame: u64 = match config {
        0..=11 => [480, 960, 1920, 2880][usize::from(config & 3)],
        12..=15 => [480, 960][usize::from(config & 1)],
        _ => [120, 240, 480, 960][usize::from(config & 3)],
    };
    let frames = match first & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u64::from(packet.get(1).map_or(0, |count| count & 0x3f)),
    };
    frame * frames
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn element(id: &[u8], body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len()).unwrap() | 0x1000_0000;
        [id, &length.to_be_bytes(), body].concat()
    }

    /// As a browser records it: a segment and clusters of unknown size.
    fn recorded(frames: u16) -> Vec<u8> {
        let header = [
            element(&[0x42, 0x86], &[1]),
            element(&[0x42, 0x82], b"webm"),
            element(&[0x42, 0x87], &[4]),
            element(&[0x42, 0x85], &[2]),
        ]
        .concat();
        let head = b"OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0".to_vec();
        let rate = 48_000_f64.to_be_bytes();
        let audio = [element(&[0xb5], &rate), element(&[0x9f], &[1])].concat();
        let track = [
            element(&[0xd7], &[1]),
            element(&[0x73, 0xc5], &[9]),
            element(&[0x83], &[2]),
            element(&[0x86], b"A_OPUS"),
            element(&[0x63, 0xa2], &head),
            element(&[0xe1], &audio),
        ]
        .concat();
        let info = [
            element(&[0x2a, 0xd7, 0xb1], &[0x0f, 0x42, 0x40]),
            element(&[0x4d, 0x80], b"t"),
            element(&[0x57, 0x41], b"t"),
        ]
        .concat();
        let mut cluster = element(&[0xe7], &[0]);
        for frame in 0..frames {
            let time = (frame * 20).to_be_bytes();
            // 20 ms of CELT in one frame.
            let block = [&[0x81][..], &time, &[0x80, 0xf8, frame as u8, 7, 7]].concat();
            cluster.extend(element(&[0xa3], &block));
        }
        let unknown = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        [
            element(&[0x1a, 0x45, 0xdf, 0xa3], &header),
            [&[0x18, 0x53, 0x80, 0x67][..], &unknown].concat(),
            element(&[0x15, 0x49, 0xa9, 0x66], &info),
            element(&[0x16, 0x54, 0xae, 0x6b], &element(&[0xae], &track)),
            [&[0x1f, 0x43, 0xb6, 0x75][..], &unknown].concat(),
            cluster,
        ]
        .concat()
    }

    /// Protects what was said: every packet is in the voice message, in order, and its length is right.
    #[test]
    fn a_browsers_recording_becomes_a_voice_message() {
        let (bytes, seconds) = from_webm(Cursor::new(recorded(120))).unwrap().unwrap();
        assert_eq!(seconds, 3);
        let mut reader = ogg::PacketReader::new(Cursor::new(&bytes));
        let mut packets = Vec::new();
        while let Some(packet) = reader.read_packet().unwrap() {
            packets.push(packet);
        }
        assert!(packets[0].data.starts_with(b"OpusHead"));
        assert!(packets[1].data.starts_with(b"OpusTags"));
        let said: Vec<u8> = packets[2..].iter().map(|packet| packet.data[1]).collect();
        assert_eq!(said, (0..120).collect::<Vec<u8>>());
        assert_eq!(packets.last().unwrap().absgp_page(), 120 * 960);
        assert!(from_webm(Cursor::new(b"no film at all")).unwrap().is_none());
    }
}
