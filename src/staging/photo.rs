//! Photo: a picture that is shown as one: turned the way it was held, and without what else is written in it (where it was
//! taken, above all). One that is clean already goes out byte for byte.

use std::io::Cursor;

use image::{
    DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, codecs::jpeg::JpegEncoder,
    metadata::Orientation,
};

use super::{Staged, Staging, StagingError, Unfit};
use crate::aside;

/// Telegram's bounds (core.telegram.org/bots/api#sendphoto).
const LARGEST: u64 = 10 << 20;
const MOST_SIDES: u32 = 10_000;
const MOST_RATIO: u32 = 20;
/// What a picture may take in memory: one of the longest sides has 25 million points of up to 8 bytes.
const MEMORY: u64 = 256 << 20;
/// Tried one after another until the photo is within Telegram's bound.
const QUALITIES: [u8; 3] = [90, 75, 50];

pub(super) struct Prepared {
    pub width: u32,
    pub height: u32,
    /// `None`: it goes out as it is.
    pub cleaned: Option<Staged>,
}

enum Looked {
    Clean(u32, u32),
    Anew(u32, u32, Vec<u8>),
}

pub(super) async fn prepare(
    staging: &Staging,
    staged: &Staged,
    name: &str,
    clean: bool,
) -> Result<Prepared, Unfit> {
    let name = name.to_owned();
    if staged.size > LARGEST {
        return Err(Unfit::PhotoTooLarge { name });
    }
    let _turn = staging.pictures().acquire().await;
    let path = staged.path().to_owned();
    let work = aside::blocking(move || {
        let bytes = std::fs::read(path).map_err(StagingError::from)?;
        look(&bytes, name, clean)
    });
    let looked = work.await.map_err(|_| {
        StagingError::Folder(std::io::Error::other("the picture could not be opened"))
    })??;
    match looked {
        Looked::Clean(width, height) => Ok(Prepared {
            width,
            height,
            cleaned: None,
        }),
        Looked::Anew(width, height, bytes) => {
            let length = bytes.len() as u64;
            let mut writer = staging.begin(staged.name().account, length, Some(length))?;
            writer.write(&bytes).await?;
            Ok(Prepared {
                width,
                height,
                cleaned: Some(writer.finish().await?),
            })
        }
    }
}

fn look(bytes: &[u8], name: String, clean: bool) -> Result<Looked, Unfit> {
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(StagingError::from)?;
    let format = reader.format();
    let mut limits = Limits::default();
    limits.max_alloc = Some(MEMORY);
    reader.limits(limits);
    let Ok(mut decoder) = reader.into_decoder() else {
        return Err(Unfit::NoPhoto { name });
    };
    let (width, height) = decoder.dimensions();
    let (long, short) = (width.max(height), width.min(height));
    if short == 0 || width + height > MOST_SIDES || long > short * MOST_RATIO {
        return Err(Unfit::PhotoShape {
            name,
            width,
            height,
        });
    }
    let written = |found: image::ImageResult<Option<Vec<u8>>>| !matches!(found, Ok(None));
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let told = written(decoder.exif_metadata())
        || written(decoder.xmp_metadata())
        || written(decoder.iptc_metadata());
    let is_jpeg = format == Some(ImageFormat::Jpeg);
    if !clean || is_jpeg && !told && orientation == Orientation::NoTransforms {
        return Ok(Looked::Clean(width, height));
    }
    let Ok(mut picture) = DynamicImage::from_decoder(decoder) else {
        return Err(Unfit::NoPhoto { name });
    };
    picture.apply_orientation(orientation);
    let (width, height) = (picture.width(), picture.height());
    let flat = flattened(&picture);
    drop(picture);
    for quality in QUALITIES {
        let mut out = Vec::new();
        let encoder = JpegEncoder::new_with_quality(&mut out, quality);
        if flat.write_with_encoder(encoder).is_err() {
            return Err(Unfit::NoPhoto { name });
        }
        if out.len() as u64 <= LARGEST {
            return Ok(Looked::Anew(width, height, out));
        }
    }
    Err(Unfit::PhotoTooLarge { name })
}

/// What shows through is white: JPEG knows no transparency.
fn flattened(picture: &DynamicImage) -> image::RgbImage {
    if !picture.color().has_alpha() {
        return picture.to_rgb8();
    }
    let with_alpha = picture.to_rgba8();
    let over_white = |colour: u8, alpha: u8| {
        let (colour, alpha) = (u16::from(colour), u16::from(alpha));
        // At most 255.
        u8::try_from((colour * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX)
    };
    image::RgbImage::from_fn(with_alpha.width(), with_alpha.height(), |x, y| {
        let image::Rgba([red, green, blue, alpha]) = *with_alpha.get_pixel(x, y);
        image::Rgb([red, green, blue].map(|colour| over_white(colour, alpha)))
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::AccountId;

    /// A JPEG whose left half is red, with an Exif block of this orientation and a place in it.
    pub fn jpeg(width: u32, height: u32, orientation: Option<u16>) -> Vec<u8> {
        let picture = image::RgbImage::from_fn(width, height, |x, _| {
            image::Rgb(if x < width / 2 {
                [250, 0, 0]
            } else {
                [0, 0, 250]
            })
        });
        let mut out = Vec::new();
        let encoder = JpegEncoder::new_with_quality(&mut out, 95);
        picture.write_with_encoder(encoder).unwrap();
        if let Some(orientation) = orientation {
            let exif = exif(orientation);
            let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
            let block = [&[0xff, 0xe1][..], &length, &exif].concat();
            out.splice(2..2, block);
        }
        out
    }

    /// Two entries: the orientation, and a directory of places that has a latitude's letter.
    fn exif(orientation: u16) -> Vec<u8> {
        let mut out = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x02".to_vec();
        out.extend(b"\x01\x12\0\x03\0\0\0\x01");
        out.extend(orientation.to_be_bytes());
        out.extend(b"\0\0");
        out.extend(b"\x88\x25\0\x04\0\0\0\x01\0\0\0\x26");
        out.extend(b"\0\0\0\0");
        out.extend(b"\0\x01\0\x01\0\x02\0\0\0\x02N\0\0\0\0\0\0\0");
        out
    }

    fn is_red(picture: &DynamicImage, x: u32, y: u32) -> bool {
        picture.to_rgb8().get_pixel(x, y).0[0] > 128
    }

    async fn prepared(bytes: &[u8], clean: bool) -> (Prepared, Vec<u8>, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let staging = Staging::open(dir.path().to_owned()).unwrap();
        let mut writer = staging.begin(AccountId::random(), 1 << 20, None).unwrap();
        writer.write(bytes).await.unwrap();
        let staged = writer.finish().await.unwrap();
        let prepared = prepare(&staging, &staged, "a", clean).await.unwrap();
        let path = prepared
            .cleaned
            .as_ref()
            .map_or(staged.path(), Staged::path);
        let bytes = std::fs::read(path).unwrap();
        (prepared, bytes, dir)
    }

    /// Protects whoever took the picture: it stands upright, and where it was taken is gone; unless that was asked for.
    #[tokio::test]
    async fn a_photo_stands_upright_and_tells_nothing() {
        // Six: to be turned a quarter to the right, so that its left side is on top.
        let held = jpeg(64, 32, Some(6));
        assert!(held.windows(4).any(|bytes| bytes == b"Exif"));
        let (photo, bytes, _dir) = prepared(&held, true).await;
        assert_eq!((photo.width, photo.height), (32, 64));
        assert!(!bytes.windows(4).any(|bytes| bytes == b"Exif"));
        let picture = image::load_from_memory(&bytes).unwrap();
        assert!(is_red(&picture, 16, 5) && !is_red(&picture, 16, 60));
        let (photo, bytes, _dir) = prepared(&held, false).await;
        assert!(photo.cleaned.is_none() && bytes == held);
    }

    /// Protects a picture that has nothing to hide: not one byte of it changes.
    #[tokio::test]
    async fn a_clean_photo_goes_out_as_it_is() {
        let clean = jpeg(64, 32, None);
        let (photo, bytes, _dir) = prepared(&clean, true).await;
        assert_eq!((photo.width, photo.height), (64, 32));
        assert!(photo.cleaned.is_none() && bytes == clean);
    }

    /// Protects pictures with holes: they are white, and not black.
    #[tokio::test]
    async fn what_shows_through_is_white() {
        let mut png = Vec::new();
        image::RgbaImage::from_pixel(8, 8, image::Rgba([0, 0, 0, 0]))
            .write_to(&mut Cursor::new(&mut png), ImageFormat::Png)
            .unwrap();
        let (_, bytes, _dir) = prepared(&png, true).await;
        let picture = image::load_from_memory(&bytes).unwrap();
        assert!(
            picture
                .to_rgb8()
                .get_pixel(4, 4)
                .0
                .iter()
                .all(|colour| *colour > 250)
        );
    }
}
