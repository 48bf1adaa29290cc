//! Media: what it is, how big, how long, what it says, and the tiny preview; nothing is downloaded. What vanishes has none.

use grammers_client::tl;
use tl::enums::MessageMedia as M;

use super::{
    chat_id, clean, date,
    document::{document_or_gone, photo, stripped},
    people::People,
    poll, some,
};
use crate::domain::{
    ChatId, Contact, Dice, Game, Giveaway, Invoice, Location, Media, MediaDetail, MediaKind, Page,
    Paid, Story, Todo, TodoItem,
};

/// Paid media within paid media is nothing that Telegram makes.
const DEEPEST: u8 = 1;
const MOST: usize = 100;

pub(super) fn describe(media: M, people: &People<'_>) -> Option<Media> {
    described(media, people, 0)
}

fn described(media: M, people: &People<'_>, depth: u8) -> Option<Media> {
    let named = |kind, name: String| Media {
        name: some(clean::line(name)),
        ..Media::of(kind)
    };
    let lines = |text: String| some(clean::block(text));
    Some(match media {
        M::Empty => return None,
        M::Photo(media) => {
            let photo = media
                .photo
                .map_or_else(|| Media::of(MediaKind::Photo), photo);
            vanishing(photo, media.ttl_seconds, media.spoiler)
        }
        M::Document(media) => {
            let (ttl, spoiler) = (media.ttl_seconds, media.spoiler);
            vanishing(document_or_gone(media), ttl, spoiler)
        }
        M::Geo(media) => place(Media::of(MediaKind::Location), &media.geo, |_| ()),
        M::GeoLive(media) => place(
            named(MediaKind::Location, "Live location".to_owned()),
            &media.geo,
            |place| {
                place.live_for = Some(clean::count(media.period));
                place.heading = media.heading.filter(|degrees| (1..=360).contains(degrees));
            },
        ),
        M::Venue(media) => {
            let title = clean::line(media.title);
            place(
                named(MediaKind::Location, title.clone()),
                &media.geo,
                |place| {
                    place.title = some(title);
                    place.address = lines(media.address);
                },
            )
        }
        M::Contact(media) => {
            let contact = Contact {
                first_name: clean::line(media.first_name),
                last_name: clean::line(media.last_name),
                phone: clean::line(media.phone_number),
                user_id: (media.user_id > 0).then(|| ChatId::user(media.user_id)),
            };
            let name = format!("{} {}", contact.first_name, contact.last_name);
            named(MediaKind::Contact, name.trim().to_owned()).with(MediaDetail::Contact(contact))
        }
        M::Poll(media) => {
            let poll = poll::poll(media.poll, media.results);
            named(MediaKind::Poll, poll.question.clone()).with(MediaDetail::Poll(poll))
        }
        M::WebPage(media) => return web_page(media.webpage),
        M::Dice(media) => {
            let emoji = clean::line(media.emoticon);
            named(MediaKind::Dice, format!("{emoji} {}", media.value)).with(MediaDetail::Dice(
                Dice {
                    emoji,
                    value: clean::count(media.value),
                },
            ))
        }
        M::Game(media) => {
            let tl::enums::Game::Game(game) = media.game;
            let title = clean::line(game.title);
            named(MediaKind::Game, title.clone()).with(MediaDetail::Game(Game {
                title,
                description: lines(game.description),
                short_name: clean::line(game.short_name),
            }))
        }
        M::Invoice(media) => {
            let title = clean::line(media.title);
            named(MediaKind::Invoice, title.clone()).with(MediaDetail::Invoice(Invoice {
                title,
                description: lines(media.description),
                amount: media.total_amount,
                currency: clean::line(media.currency),
                test: media.test,
                paid: media.receipt_msg_id.is_some(),
            }))
        }
        M::ToDo(media) => todo(media, people),
        M::Story(media) => {
            let text = match media.story {
                Some(tl::enums::StoryItem::Item(item)) => item.caption.and_then(lines),
                _ => None,
            };
            named(MediaKind::Story, "Story".to_owned()).with(MediaDetail::Story(Story {
                chat_id: chat_id(&media.peer, people.self_id),
                id: media.id,
                text,
                mention: media.via_mention,
            }))
        }
        M::Giveaway(media) => giveaway(Giveaway {
            winners: clean::count(media.quantity),
            winner_ids: Vec::new(),
            finished: false,
            months: media.months,
            stars: media.stars,
            prize: media.prize_description.and_then(lines),
            until: date(media.until_date),
        }),
        M::GiveawayResults(media) => giveaway(Giveaway {
            winners: clean::count(media.winners_count),
            winner_ids: media
                .winners
                .into_iter()
                .take(MOST)
                .map(ChatId::user)
                .collect(),
            finished: true,
            months: media.months,
            stars: media.stars,
            prize: media.prize_description.and_then(lines),
            until: date(media.until_date),
        }),
        M::PaidMedia(media) => paid(media, people, depth),
        M::VideoStream(_) => named(MediaKind::LiveStream, "Live stream".to_owned()),
        M::Unsupported => named(MediaKind::Other, "Unsupported".to_owned()),
    })
}

/// Takes what vanishes out of a message that is kept: what it was is still said.
pub(super) fn without_vanishing(media: &mut M) {
    match media {
        M::Photo(media) if media.ttl_seconds.is_some() => {
            media.photo = None;
            media.video = None;
        }
        M::Document(media) if media.ttl_seconds.is_some() => {
            let known = media.document.take().map(|document| {
                document_or_gone(tl::types::MessageMediaDocument {
                    document: Some(document),
                    ..media.clone()
                })
                .kind
            });
            media.voice |= known == Some(MediaKind::Voice);
            media.round |= known == Some(MediaKind::VideoNote);
            media.video |= known == Some(MediaKind::Video);
            media.alt_documents = None;
            media.video_cover = None;
        }
        _ => {}
    }
}

pub(super) const fn vanishes(media: &M) -> bool {
    match media {
        M::Photo(media) => media.ttl_seconds.is_some(),
        M::Document(media) => media.ttl_seconds.is_some(),
        _ => false,
    }
}

fn vanishing(media: Media, ttl: Option<i32>, spoiler: bool) -> Media {
    /// How Telegram writes "once".
    const ONCE: i32 = i32::MAX;
    let Some(seconds) = ttl else {
        return Media { spoiler, ..media };
    };
    Media {
        spoiler,
        vanishes_after: Some(if seconds == ONCE {
            0
        } else {
            clean::count(seconds)
        }),
        thumb: None,
        ..media
    }
}

fn place(media: Media, point: &tl::enums::GeoPoint, more: impl FnOnce(&mut Location)) -> Media {
    let tl::enums::GeoPoint::Point(point) = point else {
        return media;
    };
    let on_earth = point.lat.abs() <= 90.0 && point.long.abs() <= 180.0;
    if !on_earth {
        return media;
    }
    let mut location = Location {
        latitude: point.lat,
        longitude: point.long,
        accuracy: point.accuracy_radius.filter(|metres| *metres >= 0),
        live_for: None,
        heading: None,
        title: None,
        address: None,
    };
    more(&mut location);
    media.with(MediaDetail::Location(location))
}

fn giveaway(giveaway: Giveaway) -> Media {
    Media {
        name: Some("Giveaway".to_owned()),
        ..Media::of(MediaKind::Giveaway)
    }
    .with(MediaDetail::Giveaway(giveaway))
}

fn todo(media: tl::types::MessageMediaToDo, people: &People<'_>) -> Media {
    let tl::enums::TodoList::List(list) = media.todo;
    let done: Vec<_> = media
        .completions
        .into_iter()
        .flatten()
        .map(|tl::enums::TodoCompletion::Completion(done)| done)
        .collect();
    let title = poll::words(list.title);
    let items = list
        .list
        .into_iter()
        .take(MOST)
        .map(|tl::enums::TodoItem::Item(item)| {
            let done = done.iter().find(|done| done.id == item.id);
            TodoItem {
                id: item.id,
                text: poll::words(item.title),
                done_by: done.map(|done| people.peer(&done.completed_by)),
                done_at: done.map(|done| date(done.date)),
            }
        });
    let items = items.collect();
    Media {
        name: some(clean::line(title.clone())),
        ..Media::of(MediaKind::Todo)
    }
    .with(MediaDetail::Todo(Todo { title, items }))
}

fn paid(media: tl::types::MessageMediaPaidMedia, people: &People<'_>, depth: u8) -> Media {
    let mut bought = false;
    let items = media
        .extended_media
        .into_iter()
        .take(MOST)
        .filter_map(|item| match item {
            tl::enums::MessageExtendedMedia::Preview(preview) => Some(Media {
                width: preview.w.and_then(clean::side),
                height: preview.h.and_then(clean::side),
                duration: preview.video_duration.and_then(clean::seconds),
                thumb: preview.thumb.and_then(|size| stripped(&[size])),
                ..Media::of(if preview.video_duration.is_some() {
                    MediaKind::Video
                } else {
                    MediaKind::Photo
                })
            }),
            tl::enums::MessageExtendedMedia::Media(media) if depth < DEEPEST => {
                bought = true;
                described(media.media, people, depth + 1)
            }
            tl::enums::MessageExtendedMedia::Media(_) => None,
        });
    let items = items.collect();
    Media {
        name: Some("Paid media".to_owned()),
        ..Media::of(MediaKind::PaidMedia)
    }
    .with(MediaDetail::Paid(Paid {
        stars: media.stars_amount,
        items,
        bought,
    }))
}

/// `None`: there is no preview, and will be none.
pub(super) fn web_page(page: tl::enums::WebPage) -> Option<Media> {
    use tl::enums::WebPage as W;
    let page = match page {
        W::Empty(_) | W::NotModified(_) => return None,
        W::Pending(page) => {
            let url = page.url.and_then(clean::url);
            return Some(
                Media {
                    name: url.clone(),
                    ..Media::of(MediaKind::WebPage)
                }
                .with(MediaDetail::Page(Page {
                    id: page.id.to_string(),
                    url,
                    site: None,
                    title: None,
                    description: None,
                    author: None,
                    pending: true,
                })),
            );
        }
        W::Page(page) => page,
    };
    let lines = |text: Option<String>| text.map(clean::block).and_then(some);
    let line = |text: Option<String>| text.map(clean::line).and_then(some);
    let told = Page {
        id: page.id.to_string(),
        url: clean::url(page.url),
        site: line(page.site_name),
        title: line(page.title),
        description: lines(page.description),
        author: line(page.author),
        pending: false,
    };
    Some(
        Media {
            name: told
                .title
                .clone()
                .or_else(|| told.site.clone())
                .or_else(|| some(clean::line(page.display_url))),
            thumb: page.photo.and_then(|found| photo(found).thumb),
            ..Media::of(MediaKind::WebPage)
        }
        .with(MediaDetail::Page(told)),
    )
}
