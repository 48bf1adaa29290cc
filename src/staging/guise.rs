//! Guise: as what a file goes out, and what keeps it from going out so, in words and before it is uploaded
//! (core.telegram.org/api/files, core.telegram.org/api/config#client-configuration).

use uuid::Uuid;

use super::{Staged, Staging, StagingError, container, photo};
use crate::domain::{FileShape, OutgoingFile};

/// Files of one album.
const MOST_TOGETHER: usize = 10;
const LONGEST_NAME: usize = 128;
/// What a browser says of a file that it knows nothing of.
const UNKNOWN_MIME: &str = "application/octet-stream";

/// What the sender wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum As {
    /// To be looked at: pictures and videos.
    Photo,
    File,
    Voice,
}

impl As {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "photo" => Some(Self::Photo),
            "file" => Some(Self::File),
            "voice" => Some(Self::Voice),
            _ => None,
        }
    }
}

/// A file as the sender describes it.
#[derive(Clone, Debug, Default)]
pub struct Offered {
    pub name: Option<String>,
    pub mime: Option<String>,
    /// Photos keep what else is written in them: where, when and with what they were taken.
    pub keep_metadata: bool,
    /// Of a voice message: loudness from 0 to 31, evenly over its length.
    pub waveform: Option<Vec<u8>>,
}

/// Why a file does not go out like this.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    #[error("{name:?} is empty")]
    Empty { name: String },
    #[error("{name:?} is no picture or video that Telegram shows: send it as a file")]
    NoPhoto { name: String },
    #[error("a photo has at most 10 MB, and {name:?} has more: send it as a file")]
    PhotoTooLarge { name: String },
    #[error(
        "width and height of a photo are at most 10,000 together and at most 20 to 1, and {name:?} has {width} × {height}: send it as a file"
    )]
    PhotoShape {
        name: String,
        width: u32,
        height: u32,
    },
    #[error(
        "a voice message is Opus in an Ogg or WebM file, and {name:?} is not: send it as a file"
    )]
    NoVoice { name: String },
    #[error("at most 10 files go out together, and these are {0}")]
    TooMany(usize),
    #[error("a voice message goes out alone")]
    VoiceAlone,
    #[error(transparent)]
    Staging(#[from] StagingError),
}

impl Unfit {
    /// Telegram would refuse it as it is, and takes it as a file.
    const fn fits_as_file(&self) -> bool {
        matches!(
            self,
            Self::NoPhoto { .. } | Self::PhotoTooLarge { .. } | Self::PhotoShape { .. }
        )
    }
}

/// A file and what it goes out as. Nothing is left of it unless it is kept.
pub struct Guised {
    pub staged: Staged,
    /// As it came, whatever was done to it since.
    pub sha256: String,
    pub file: OutgoingFile,
}

impl Guised {
    /// Looks into a staged file.
    ///
    /// # Errors
    /// When it can't go out as what it is wanted as.
    pub async fn look(
        staging: &Staging,
        staged: Staged,
        offered: Offered,
        wanted: Option<As>,
    ) -> Result<Self, Unfit> {
        let name = clean_name(offered.name.as_deref());
        if staged.size == 0 {
            return Err(Unfit::Empty { name });
        }
        let sha256 = staged.sha256.clone();
        let told = told_mime(offered.mime.as_deref(), &name);
        let head = container::head(staged.path()).await?;
        let mime = head.mime().map_or(told, str::to_owned);
        let mut file = OutgoingFile {
            staged: staged.name().name.clone(),
            shape: FileShape::File,
            name,
            mime,
            size: staged.size,
            md5: staged.md5.clone(),
            width: None,
            height: None,
            duration: None,
            waveform: None,
            upload_id: upload_id(),
            at: staging.at(),
        };
        let mut staged = staged;
        match (wanted, &head) {
            (Some(As::File), _) => {}
            (Some(As::Voice), _) => {
                let replaced = container::as_voice(staging, &staged, &head).await?;
                let Some((replaced, length)) = replaced else {
                    return Err(Unfit::NoVoice { name: file.name });
                };
                file.shape = FileShape::Voice;
                file.mime = "audio/ogg".to_owned();
                file.duration = Some(length);
                file.waveform = offered.waveform;
                staged = replaced.unwrap_or(staged);
            }
            (_, container::Head::Picture(_)) => {
                match photo::prepare(staging, &staged, &file.name, !offered.keep_metadata).await {
                    Ok(prepared) => {
                        file.shape = FileShape::Photo;
                        file.width = i32::try_from(prepared.width).ok();
                        file.height = i32::try_from(prepared.height).ok();
                        if let Some(cleaned) = prepared.cleaned {
                            file.mime = "image/jpeg".to_owned();
                            staged = cleaned;
                        }
                    }
                    Err(unfit) if wanted.is_none() && unfit.fits_as_file() => {}
                    Err(unfit) => return Err(unfit),
                }
            }
            (_, container::Head::Film(film)) => {
                file.shape = FileShape::Video;
                file.width = Some(film.width);
                file.height = Some(film.height);
                file.duration = Some(film.seconds);
            }
            (Some(As::Photo), _) => return Err(Unfit::NoPhoto { name: file.name }),
            (None, container::Head::Sound { seconds }) => {
                file.shape = FileShape::Audio;
                file.duration = *seconds;
            }
            (None, _) if file.mime.starts_with("audio/") => file.shape = FileShape::Audio,
            (None, _) => {}
        }
        file.staged.clone_from(&staged.name().name);
        file.size = staged.size;
        file.md5.clone_from(&staged.md5);
        staged.show().await?;
        Ok(Self {
            staged,
            sha256,
            file,
        })
    }
}

/// Several files are one album. What does not mix goes out as files, unless the sender said what they are.
///
/// # Errors
/// When they can't go out together.
pub fn check_together(files: &mut [Guised]) -> Result<(), Unfit> {
    if files.len() > MOST_TOGETHER {
        return Err(Unfit::TooMany(files.len()));
    }
    if files.len() < 2 {
        return Ok(());
    }
    if files.iter().any(|one| one.file.shape == FileShape::Voice) {
        return Err(Unfit::VoiceAlone);
    }
    let family = |one: &Guised| match one.file.shape {
        FileShape::Photo | FileShape::Video => 0,
        FileShape::Audio => 1,
        FileShape::File | FileShape::Voice => 2,
    };
    let first = files.first().map(family);
    if files.iter().any(|one| Some(family(one)) != first) {
        for one in files {
            one.file.shape = FileShape::File;
        }
    }
    Ok(())
}

/// Chosen by whoever uploads.
fn upload_id() -> i64 {
    let (high, low) = Uuid::new_v4().as_u64_pair();
    (high ^ low).cast_signed()
}

fn told_mime(told: Option<&str>, name: &str) -> String {
    let told = told.map(|told| told.split(';').next().unwrap_or_default().trim());
    match told.filter(|told| !told.is_empty() && *told != UNKNOWN_MIME) {
        Some(told) => told.to_ascii_lowercase(),
        None => mime_guess::from_path(name)
            .first_or_octet_stream()
            .essence_str()
            .to_owned(),
    }
}

/// The last part of a path, without what a file system or a terminal would stumble over.
fn clean_name(name: Option<&str>) -> String {
    let last = name
        .unwrap_or_default()
        .rsplit(['/', '\\'])
        .next()
        .unwrap_or_default();
    let clean: String = last
        .chars()
        .filter(|letter| !letter.is_control())
        .take(LONGEST_NAME)
        .collect();
    match clean.trim() {
        "" | "." | ".." => "file".to_owned(),
        clean => clean.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::AccountId;

    /// Protects the other side: what arrives is a name, and not a path or an escape.
    #[test]
    fn names_are_names() {
        for (told, wanted) in [
            (None, "file"),
            (Some(""), "file"),
            (Some(".."), "file"),
            (Some("../../etc/passwd"), "passwd"),
            (Some("C:\\Users\\Прайс.pdf"), "Прайс.pdf"),
            (Some("a\n\u{1b}[31mb"), "a[31mb"),
        ] {
            assert_eq!(clean_name(told), wanted, "{told:?}");
        }
    }

    #[test]
    fn a_type_comes_from_the_sender_else_from_the_name() {
        for (told, name, wanted) in [
            (Some("text/csv; charset=utf-8"), "a.pdf", "text/csv"),
            (Some(UNKNOWN_MIME), "a.pdf", "application/pdf"),
            (None, "a.mp3", "audio/mpeg"),
            (None, "a", UNKNOWN_MIME),
        ] {
            assert_eq!(told_mime(told, name), wanted);
        }
    }

    async fn guised(
        staging: &Staging,
        (name, bytes): (&str, &[u8]),
        wanted: Option<As>,
    ) -> Result<Guised, Unfit> {
        let mut writer = staging.begin(AccountId::random(), 1 << 20, None).unwrap();
        writer.write(bytes).await.unwrap();
        let offered = Offered {
            name: Some(name.to_owned()),
            ..Offered::default()
        };
        let staged = writer.finish().await.unwrap();
        Guised::look(staging, staged, offered, wanted).await
    }

    /// Protects what is told before the upload: each kind is found, and what Telegram would refuse is refused in words.
    #[tokio::test]
    async fn files_go_out_as_what_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let staging = Staging::open(dir.path().to_owned()).unwrap();
        let picture = photo::tests::jpeg(40, 30, None);
        let strip = photo::tests::jpeg(42, 2, None);
        let paper: &[u8] = b"%PDF-1.7";
        for (name, bytes, wanted, shape) in [
            ("a.jpg", picture.as_slice(), None, "Ok(Photo)"),
            ("a.jpg", &picture, Some(As::Photo), "Ok(Photo)"),
            ("a.jpg", &picture, Some(As::File), "Ok(File)"),
            ("strip.jpg", &strip, None, "Ok(File)"),
            ("strip.jpg", &strip, Some(As::Photo), "Err(PhotoShape"),
            ("a.pdf", paper, None, "Ok(File)"),
            ("a.pdf", paper, Some(As::Photo), "Err(NoPhoto"),
            ("a.pdf", paper, Some(As::Voice), "Err(NoVoice"),
            ("a.mp3", paper, None, "Ok(Audio)"),
            ("a.txt", b"", None, "Err(Empty"),
        ] {
            let found = guised(&staging, (name, bytes), wanted).await;
            let found = format!("{:?}", found.map(|one| one.file.shape));
            assert!(found.starts_with(shape), "{name} {wanted:?}: {found}");
        }
    }

    /// Protects albums: what Telegram does not mix goes out as files, and no more than it takes.
    #[tokio::test]
    async fn what_does_not_mix_goes_out_as_files() {
        let dir = tempfile::tempdir().unwrap();
        let staging = Staging::open(dir.path().to_owned()).unwrap();
        let picture = photo::tests::jpeg(40, 30, None);
        let mut files = Vec::new();
        for _ in 0..2 {
            files.push(guised(&staging, ("a.jpg", &picture), None).await.unwrap());
        }
        check_together(&mut files).unwrap();
        assert_eq!(files[1].file.shape, FileShape::Photo);
        files.push(guised(&staging, ("a.txt", b"text"), None).await.unwrap());
        check_together(&mut files).unwrap();
        assert!(files.iter().all(|one| one.file.shape == FileShape::File));
        while files.len() < 11 {
            files.push(guised(&staging, ("a.txt", b"text"), None).await.unwrap());
        }
        assert!(matches!(
            check_together(&mut files),
            Err(Unfit::TooMany(11))
        ));
    }
}
