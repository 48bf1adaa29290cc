//! Forms: `multipart/form-data` bodies as a browser writes them, and files to send.

use std::io::Cursor;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{api::Api, promise::Exchange};

const BOUNDARY: &str = "----of-a-form";

/// A body that is put together.
#[derive(Clone, Default)]
pub struct Form(Vec<u8>);

impl Form {
    pub fn field(mut self, name: &str, text: &str) -> Self {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n"
        );
        self.0.extend(head.as_bytes());
        self
    }

    pub fn file(mut self, name: &str, mime: &str, bytes: &[u8]) -> Self {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: {mime}\r\n\r\n"
        );
        self.0.extend(head.as_bytes());
        self.0.extend(bytes);
        self.0.extend(b"\r\n");
        self
    }

    pub fn add(self, file: &Sample) -> Self {
        self.file(file.name, file.mime, &file.bytes)
    }

    pub fn body(mut self) -> Vec<u8> {
        self.0.extend(format!("--{BOUNDARY}--\r\n").as_bytes());
        self.0
    }
}

pub fn content_type() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

impl Api {
    /// `Err`: the line broke.
    pub async fn try_form(
        &self,
        path: &str,
        form: Form,
        key: Option<&str>,
    ) -> reqwest::Result<(StatusCode, Value)> {
        let mut request = self
            .request(Method::POST, path)
            .header("Content-Type", content_type());
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let response = request.body(form.body()).send().await?;
        let status = response.status();
        let answer: Value = response.json().await?;
        let exchange = Exchange {
            method: &Method::POST,
            path,
            body: None,
            status,
            answer: Some(&answer),
        };
        exchange.check(self).await;
        Ok((status, answer))
    }

    pub async fn form(&self, path: &str, form: Form) -> (StatusCode, Value) {
        self.try_form(path, form, None).await.unwrap()
    }
}

/// A file to send.
#[derive(Clone)]
pub struct Sample {
    pub name: &'static str,
    pub mime: &'static str,
    pub bytes: Vec<u8>,
}

impl Sample {
    pub fn sha256(&self) -> String {
        digest(&self.bytes)
    }
}

pub fn digest(bytes: &[u8]) -> String {
    let sum = Sha256::digest(bytes);
    sum.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    StdRng::seed_from_u64(seed).fill(&mut bytes[..]);
    bytes
}

pub fn paper(seed: u64, size: usize) -> Sample {
    Sample {
        name: "prices.pdf",
        mime: "application/pdf",
        bytes: noise(seed, size),
    }
}

/// A picture with nothing to hide: it goes out byte for byte.
pub fn photo(seed: u64, width: u32, height: u32) -> Sample {
    let mut chance = StdRng::seed_from_u64(seed);
    let picture =
        image::RgbImage::from_fn(width, height, |_, _| image::Rgb(chance.random::<[u8; 3]>()));
    let mut bytes = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 90);
    picture.write_with_encoder(encoder).unwrap();
    Sample {
        name: "view.jpg",
        mime: "image/jpeg",
        bytes,
    }
}

fn boxed(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 8).unwrap().to_be_bytes();
    [&length[..], name, body].concat()
}

/// As much of an MP4 file as says how large its picture is and how long it takes: 640 × 480, 4 seconds.
pub fn film(seed: u64, size: usize) -> Sample {
    let mut mvhd = vec![0; 100];
    mvhd[12..16].copy_from_slice(&1000_u32.to_be_bytes());
    mvhd[16..20].copy_from_slice(&4000_u32.to_be_bytes());
    let mut tkhd = vec![0; 84];
    tkhd[76..80].copy_from_slice(&(640_u32 << 16).to_be_bytes());
    tkhd[80..84].copy_from_slice(&(480_u32 << 16).to_be_bytes());
    let track = boxed(b"trak", &boxed(b"tkhd", &tkhd));
    let moov = [boxed(b"mvhd", &mvhd), track].concat();
    Sample {
        name: "walk.mp4",
        mime: "video/mp4",
        bytes: [
            boxed(b"ftyp", b"isom\0\0\0\0"),
            boxed(b"mdat", &noise(seed, size)),
            boxed(b"moov", &moov),
        ]
        .concat(),
    }
}

/// Opus in Ogg, so many packets of 20 ms.
pub fn voice(seed: u64, packets: u64) -> Sample {
    let mut out = ogg::PacketWriter::new(Cursor::new(Vec::new()));
    let page = ogg::PacketWriteEndInfo::EndPage;
    let head = b"OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0".to_vec();
    out.write_packet(head, 1, page, 0).unwrap();
    let tags = b"OpusTags\0\0\0\0\0\0\0\0".to_vec();
    out.write_packet(tags, 1, page, 0).unwrap();
    for number in 1..=packets {
        let end = match number == packets {
            true => ogg::PacketWriteEndInfo::EndStream,
            false => ogg::PacketWriteEndInfo::NormalPacket,
        };
        let packet = [vec![0xf8], noise(seed + number, 80)].concat();
        out.write_packet(packet, 1, end, number * 960).unwrap();
    }
    Sample {
        name: "voice.ogg",
        mime: "audio/ogg",
        bytes: out.into_inner().into_inner(),
    }
}
