// mtcute is the other side of what the service does: it says what it hears, until somebody says goodbye.
import { createHash } from 'node:crypto'
import { client, signIn } from './client.mjs'

const phone = process.argv[2]
setTimeout(() => { console.error('stuck'); process.exit(1) }, 150_000)

const tg = await client(1)
await signIn(tg, phone)
for await (const dialog of tg.iterDialogs()) void dialog

const tell = heard => console.log(JSON.stringify(heard))
// As Telethon names them, so that both are held against the same words.
const marks = message => (message.raw.entities ?? [])
  .map(one => [one._[0].toUpperCase() + one._.slice(1), one.offset, one.length])

tg.onNewMessage.add(async message => {
  const file = ['photo', 'document'].includes(message.media?.type) ? await tg.downloadAsBuffer(message.media) : null
  tell({
    heard: 'new',
    text: message.text,
    forwarded: message.forward !== null,
    entities: marks(message),
    quote: message.raw.replyTo?.quoteText ?? null,
    sha256: file && createHash('sha256').update(file).digest('hex'),
  })
  if (message.text === 'goodbye') {
    await tg.destroy()
    process.exit(0)
  }
})
tg.onEditMessage.add(message => tell({
  heard: 'edited',
  text: message.text,
  entities: marks(message),
  reactions: (message.raw.reactions?.results ?? []).map(one => one.reaction.emoticon),
}))
tg.onDeleteMessage.add(update => tell({ heard: 'deleted', count: update.messageIds.length }))
tg.onRawUpdate.add(({ update }) => {
  if (update._ === 'updatePinnedMessages') tell({ heard: 'pinned', pinned: update.pinned === true })
})
tell({ heard: 'ready' })
