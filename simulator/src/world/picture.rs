//! Pictures drawn by code: hills under a sky, as PNG, and the tiny preview that comes inside a message.

use std::{
    collections::HashMap,
    io::Write,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use flate2::{Compression, write::ZlibEncoder};

use super::ids::mix;

/// Different pictures of one size; more would only cost memory.
const KINDS: u64 = 8;

type Drawn = HashMap<(u64, i32, i32), Arc<[u8]>>;

static DRAWN: LazyLock<Mutex<Drawn>> = LazyLock::new(Mutex::default);

pub fn draw(id: i64, width: i32, height: i32) -> Arc<[u8]> {
    let kind = mix(id as u64) % KINDS;
    let mut drawn = DRAWN.lock().unwrap_or_else(PoisonError::into_inner);
    let picture = drawn
        .entry((kind, width, height))
        .or_insert_with(|| png(kind, width.max(1) as u32, height.max(1) as u32).into());
    Arc::clone(picture)
}

fn png(kind: u64, width: u32, height: u32) -> Vec<u8> {
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut head = Vec::with_capacity(13);
    head.extend(width.to_be_bytes());
    head.extend(height.to_be_bytes());
    // Eight bits of a palette.
    head.extend([8, 3, 0, 0, 0]);
    chunk(&mut out, b"IHDR", &head);
    chunk(&mut out, b"PLTE", &palette(kind));
    let mut pixels = ZlibEncoder::new(Vec::new(), Compression::fast());
    let hills = hills(kind, width, height);
    for y in 0..height {
        let mut row = vec![0u8];
        let sky = (y * 127 / height) as u8;
        row.extend(hills.iter().map(|top| {
            if y < *top {
                sky
            } else {
                128 + ((y - top) * 127 / height) as u8
            }
        }));
        // Writing into a vector does not fail.
        let _ = pixels.write_all(&row);
    }
    chunk(&mut out, b"IDAT", &pixels.finish().unwrap_or_default());
    chunk(&mut out, b"IEND", &[]);
    out
}

/// Where the ground begins in each column.
fn hills(kind: u64, width: u32, height: u32) -> Vec<u32> {
    let wave = |x: u32, length: f64, share: f64| {
        let at = f64::from(x) / f64::from(width) * std::f64::consts::TAU;
        ((at * length + kind as f64).sin() + 1.0) * share * f64::from(height)
    };
    (0..width)
        .map(|x| (f64::from(height) * 0.4 + wave(x, 1.3, 0.15) + wave(x, 4.1, 0.05)) as u32)
        .collect()
}

/// 128 shades of the sky, then 128 of the ground.
fn palette(kind: u64) -> Vec<u8> {
    let chance = mix(kind).to_le_bytes();
    let mix_of = |from: u8, to: u8, step: u16| {
        ((u16::from(from) * (127 - step) + u16::from(to) * step) / 127) as u8
    };
    let shades = |from: [u8; 3], to: [u8; 3]| {
        (0..128u16).flat_map(move |step| [0, 1, 2].map(|at: usize| mix_of(from[at], to[at], step)))
    };
    let sky = [chance[0] / 2, chance[1] / 2 + 60, chance[2] / 2 + 120];
    let ground = [chance[3] / 3 + 40, chance[4] / 3 + 90, chance[5] / 4];
    shades(sky, [250, 220, 190])
        .chain(shades(ground, [20, 30, 20]))
        .collect()
}

fn chunk(out: &mut Vec<u8>, name: &[u8; 4], body: &[u8]) {
    out.extend((body.len() as u32).to_be_bytes());
    let mut sum = crc32fast::Hasher::new();
    sum.update(name);
    sum.update(body);
    out.extend(name);
    out.extend(body);
    out.extend(sum.finalize().to_be_bytes());
}

/// Width and height by the head of a PNG or JPEG; `None`: it is neither.
pub fn dimensions(bytes: &[u8]) -> Option<(i32, i32)> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        let side = |at: usize| Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk::<4>()?));
        return Some((
            i32::try_from(side(16)?).ok()?,
            i32::try_from(side(20)?).ok()?,
        ));
    }
    let mut rest = bytes.strip_prefix(&[0xff, 0xd8])?;
    loop {
        let [0xff, marker, high, low, ..] = *rest else {
            return None;
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        // A frame, whatever its coding; C4, C8 and CC are tables.
        if (0xc0..=0xcf).contains(&marker) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            let side = |at: usize| {
                Some(i32::from(u16::from_be_bytes(
                    *rest.get(at..)?.first_chunk::<2>()?,
                )))
            };
            return Some((side(7)?, side(5)?));
        }
        rest = rest.get(2 + length..)?;
    }
}

/// A JPEG of 40 × 30 in one colour, without the head that all of them share (core.telegram.org/api/files).
pub fn stripped(id: i64) -> Vec<u8> {
    const BLOCKS: u32 = 3 * 2;
    let chance = mix(id as u64).to_le_bytes();
    let mut bits = Bits::default();
    for block in 0..BLOCKS {
        // Four of brightness, each a difference to the one before and an end, then two of colour.
        for luma in 0..4 {
            if block == 0 && luma == 0 {
                // Category 5 of annex K.3, then five bits of it.
                bits.put(0b110, 3);
                bits.put(u32::from(chance[0] & 31), 5);
            } else {
                bits.put(0b00, 2);
            }
            bits.put(0b1010, 4);
        }
        for colour in 0..2 {
            if block == 0 {
                // Category 3 of annex K.4.
                bits.put(0b110, 3);
                bits.put(u32::from(chance[1 + colour] & 7), 3);
            } else {
                bits.put(0b00, 2);
            }
            bits.put(0b00, 2);
        }
    }
    let mut out = vec![1, 30, 40];
    out.extend(bits.finish());
    out
}

#[derive(Default)]
struct Bits {
    out: Vec<u8>,
    held: u32,
    count: u32,
}

impl Bits {
    fn put(&mut self, value: u32, count: u32) {
        for at in (0..count).rev() {
            self.held = self.held << 1 | (value >> at & 1);
            self.count += 1;
            if self.count == 8 {
                self.byte();
            }
        }
    }

    fn byte(&mut self) {
        self.out.push(self.held as u8);
        if self.held as u8 == 0xff {
            self.out.push(0);
        }
        (self.held, self.count) = (0, 0);
    }

    /// The rest is filled with ones.
    fn finish(mut self) -> Vec<u8> {
        while self.count != 0 {
            self.put(1, 1);
        }
        self.out
    }
}
