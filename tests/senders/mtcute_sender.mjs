// mtcute sends every kind that it can to a supergroup, and says of each what a reader has to be told.
import { InputMedia, html } from '@mtcute/node'
import { client, signIn } from './client.mjs'

const [phone, group] = [process.argv[2], Number(process.argv[3])]
setTimeout(() => { console.error('stuck'); process.exit(1) }, 60_000)

const tell = (message, wanted) => console.log(JSON.stringify({ id: message.id, wanted }))

const tg = await client(1)
await signIn(tg, phone)
for await (const dialog of tg.iterDialogs()) void dialog

const text = 'a bold and hidden word'
const formatted = await tg.sendText(group, html`a <b>bold</b> and <spoiler>hidden</spoiler> <a href="https://example.org/b">word</a>`)
tell(formatted, {
  text,
  entities: [
    { type: 'bold', offset: 2, length: 4 },
    { type: 'spoiler', offset: 11, length: 6 },
    { type: 'text_url', offset: 18, length: 4, url: 'https://example.org/b' },
  ],
})
const where = { latitude: 33.5, longitude: 36.25 }
tell(await tg.sendMedia(group, InputMedia.geo(33.5, 36.25)), { media: { kind: 'location', location: where } })
tell(
  await tg.sendMedia(group, InputMedia.venue({ latitude: 33.5, longitude: 36.25, title: 'Office', address: '1 Example Street' })),
  { media: { kind: 'location', name: 'Office', location: { ...where, address: '1 Example Street' } } },
)
tell(
  await tg.sendMedia(group, InputMedia.contact({ phone: '99966', firstName: 'Amal', lastName: 'S' })),
  { media: { kind: 'contact', contact: { first_name: 'Amal', last_name: 'S', phone: '99966' } } },
)
tell(await tg.sendMedia(group, InputMedia.dice('🎯', {})), { media: { kind: 'dice', dice: { emoji: '🎯' } } })
tell(
  await tg.sendMedia(group, InputMedia.geoLive(33.5, 36.25, { period: 900 })),
  { media: { kind: 'location', location: { ...where, live_for: 900 } } },
)
tell(
  await tg.sendMedia(group, InputMedia.todo({ title: 'Shopping', items: ['Bread', 'Tea'] })),
  { media: { kind: 'todo', name: 'Shopping', todo: { title: 'Shopping' } } },
)
const quiz = await tg.sendMedia(group, InputMedia.quiz({ question: 'Which?', answers: ['This', 'That'], correct: 1 }))
tell(quiz, { media: { kind: 'poll', name: 'Which?', poll: { question: 'Which?', quiz: true, closed: false } } })
const liked = await tg.sendText(group, 'liked by mtcute')
await tg.sendReaction({ chatId: group, message: liked.id, emoji: '🔥' })
tell(liked, { text: 'liked by mtcute', reactions: [{ emoji: '🔥', count: 1, mine: false, who: [{ id: String((await tg.getMe()).id), name: 'Second sender' }] }] })
const edited = await tg.sendText(group, 'before')
await tg.editMessage({ chatId: group, message: edited.id, text: html`<code>after</code>` })
tell(edited, { text: 'after', entities: [{ type: 'code', offset: 0, length: 5 }] })
// A dot.
const png = Buffer.from(
  '89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc0000003010100'
  + '18dd8db00000000049454e44ae426082',
  'hex',
)
const album = await tg.sendMediaGroup(group, [0, 1].map(at =>
  InputMedia.photo(png, { fileName: `${at}.png`, caption: at === 0 ? 'two of them' : undefined })))
for (const [at, message] of album.entries()) {
  tell(message, {
    text: at === 0 ? 'two of them' : '',
    album_id: message.groupedId.toString(),
    media: { kind: 'photo', mime: 'image/jpeg', width: 1, height: 1 },
  })
}
tell(
  await tg.sendMedia(group, InputMedia.voice(Buffer.from('OggS and sounds'), { duration: 3, fileMime: 'audio/ogg' })),
  { media: { kind: 'voice', mime: 'audio/ogg', duration: 3, size: 15 } },
)
tell(
  await tg.sendMedia(group, InputMedia.sticker(Buffer.from('RIFF a sticker'), { alt: '🙂', fileMime: 'image/webp' })),
  { media: { kind: 'sticker', name: '🙂', mime: 'image/webp', sticker: { emoji: '🙂' } } },
)
await tg.destroy()
console.log(JSON.stringify({ done: true }))
process.exit(0)
