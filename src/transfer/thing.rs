//! Things: media in the layout. Files are named and not included, as Telegram Desktop writes it of files that were not asked for.

use super::entry::{AnswerEntry, ContactEntry, Entry, PointEntry, PollEntry};
use crate::domain::{
    Contact, Game, Location, Media, MediaDetail as Detail, MediaKind as Kind, Poll, PollOption,
    Sticker, Track, clean,
};

const NOT_INCLUDED: &str = "(File not included. Change data exporting settings to download.)";

/// Of files. The last ones are ours: the layout knows no such thing.
const TYPES: [(Kind, &str); 17] = [
    (Kind::Sticker, "sticker"),
    (Kind::VideoNote, "video_message"),
    (Kind::Voice, "voice_message"),
    (Kind::Animation, "animation"),
    (Kind::Video, "video_file"),
    (Kind::Audio, "audio_file"),
    (Kind::WebPage, "web_page"),
    (Kind::Dice, "dice"),
    (Kind::Invoice, "invoice"),
    (Kind::Story, "story"),
    (Kind::Giveaway, "giveaway"),
    (Kind::PaidMedia, "paid_media"),
    (Kind::Todo, "todo"),
    (Kind::LiveStream, "live_stream"),
    (Kind::Contact, "contact"),
    (Kind::Location, "location"),
    (Kind::Other, "other"),
];

pub(super) fn write(media: &Media, entry: &mut Entry) {
    entry.media_spoiler = media.spoiler.then_some(true);
    entry.self_destruct_period_seconds = media.vanishes_after;
    (entry.width, entry.height) = (media.width, media.height);
    let not_included = || Some(NOT_INCLUDED.to_owned());
    match media.kind {
        Kind::Photo => {
            entry.photo = not_included();
            entry.photo_file_size = media.size;
            return;
        }
        Kind::Location | Kind::Contact | Kind::Poll | Kind::Game => {}
        Kind::Document => entry.file = not_included(),
        kind => {
            let named = TYPES.iter().find(|(known, _)| *known == kind);
            entry.media_type = named.map(|(_, name)| (*name).to_owned());
            if media.size.is_some() {
                entry.file = not_included();
            }
        }
    }
    entry.file_size = media.size;
    entry.mime_type.clone_from(&media.mime);
    entry.duration_seconds = media.duration;
    if !matches!(
        media.kind,
        Kind::Sticker | Kind::Poll | Kind::Contact | Kind::Game
    ) {
        entry.file_name.clone_from(&media.name);
    }
    match media.detail.as_deref() {
        Some(Detail::Audio(track)) => {
            entry.performer.clone_from(&track.performer);
            entry.title.clone_from(&track.title);
        }
        Some(Detail::Sticker(sticker)) => entry.sticker_emoji.clone_from(&sticker.emoji),
        Some(Detail::Location(place)) => write_place(place, entry),
        Some(Detail::Contact(contact)) => {
            entry.contact_information = Some(ContactEntry {
                first_name: contact.first_name.clone(),
                last_name: contact.last_name.clone(),
                phone_number: contact.phone.clone(),
            });
        }
        Some(Detail::Poll(poll)) => entry.poll = Some(write_poll(poll)),
        Some(Detail::Game(game)) => {
            entry.game_title = Some(game.title.clone());
            entry.game_description.clone_from(&game.description);
        }
        _ => {}
    }
}

fn write_place(place: &Location, entry: &mut Entry) {
    entry.file_name = None;
    entry.place_name.clone_from(&place.title);
    entry.address.clone_from(&place.address);
    entry.location_information = Some(PointEntry {
        latitude: place.latitude,
        longitude: place.longitude,
    });
    entry.live_location_period_seconds = place.live_for;
}

fn write_poll(poll: &Poll) -> PollEntry {
    let answers = poll.options.iter().map(|option| AnswerEntry {
        text: option.text.clone(),
        voters: option.votes.unwrap_or(0),
        chosen: option.mine,
    });
    PollEntry {
        question: poll.question.clone(),
        closed: poll.closed,
        total_voters: poll.voters.unwrap_or(0),
        answers: answers.collect(),
    }
}

pub(super) fn read(entry: &mut Entry) -> Option<Media> {
    let media = of_its_kind(entry)?;
    Some(Media {
        width: entry.width.and_then(clean::side),
        height: entry.height.and_then(clean::side),
        spoiler: entry.media_spoiler.unwrap_or(false),
        vanishes_after: entry.self_destruct_period_seconds.and_then(clean::seconds),
        ..media
    })
}

fn of_its_kind(entry: &mut Entry) -> Option<Media> {
    if entry.photo.is_some() {
        return Some(Media {
            size: entry.photo_file_size.and_then(clean::size),
            ..Media::of(Kind::Photo)
        });
    }
    if let Some(point) = &entry.location_information {
        return read_place(point, entry);
    }
    if let Some(contact) = entry.contact_information.take() {
        let (first, last) = (
            clean::line(contact.first_name),
            clean::line(contact.last_name),
        );
        let name = format!("{first} {last}").trim().to_owned();
        let contact = Contact {
            first_name: first,
            last_name: last,
            phone: clean::line(contact.phone_number),
            user_id: None,
        };
        return Some(Media {
            name: Some(name),
            ..Media::of(Kind::Contact).with(Detail::Contact(contact))
        });
    }
    if let Some(poll) = entry.poll.take() {
        let poll = read_poll(poll);
        return Some(Media {
            name: Some(poll.question.clone()),
            ..Media::of(Kind::Poll).with(Detail::Poll(poll))
        });
    }
    if let Some(title) = entry.game_title.take().map(clean::line) {
        let game = Game {
            title: title.clone(),
            description: entry.game_description.take().map(clean::block),
            short_name: String::new(),
        };
        return Some(Media {
            name: Some(title),
            ..Media::of(Kind::Game).with(Detail::Game(game))
        });
    }
    let said = entry.media_type.as_deref();
    let kind = TYPES.iter().find(|(_, name)| Some(*name) == said);
    let kind = match (kind, &entry.file) {
        (Some((kind, _)), _) => *kind,
        (None, Some(_)) => Kind::Document,
        (None, None) => return None,
    };
    let media = Media {
        name: entry.file_name.take().and_then(clean::file_name),
        size: entry.file_size.and_then(clean::size),
        mime: entry.mime_type.take().map(clean::line),
        duration: entry.duration_seconds.and_then(clean::seconds),
        ..Media::of(kind)
    };
    Some(match kind {
        Kind::Sticker => {
            let emoji = entry.sticker_emoji.take().map(clean::line);
            let sticker = Sticker {
                emoji: emoji.clone(),
                set: None,
            };
            Media {
                name: emoji,
                ..media.with(Detail::Sticker(sticker))
            }
        }
        Kind::Audio => media.with(Detail::Audio(Track {
            title: entry.title.take().map(clean::line),
            performer: entry.performer.take().map(clean::line),
        })),
        _ => media,
    })
}

fn read_place(point: &PointEntry, entry: &Entry) -> Option<Media> {
    let on_earth = point.latitude.abs() <= 90.0 && point.longitude.abs() <= 180.0;
    let title = entry.place_name.clone().map(clean::line);
    let place = Location {
        latitude: point.latitude,
        longitude: point.longitude,
        accuracy: None,
        live_for: entry.live_location_period_seconds.and_then(clean::seconds),
        heading: None,
        title: title.clone(),
        address: entry.address.clone().map(clean::line),
    };
    on_earth.then(|| Media {
        name: title,
        ..Media::of(Kind::Location).with(Detail::Location(place))
    })
}

fn read_poll(poll: PollEntry) -> Poll {
    /// More than Telegram takes.
    const MOST: usize = 100;
    let options = poll
        .answers
        .into_iter()
        .take(MOST)
        .map(|answer| PollOption {
            text: clean::line(answer.text),
            votes: Some(clean::count(answer.voters)),
            mine: answer.chosen,
            ..PollOption::default()
        });
    Poll {
        question: clean::line(poll.question),
        options: options.collect(),
        voters: Some(clean::count(poll.total_voters)),
        closed: poll.closed,
        ..Poll::default()
    }
}
