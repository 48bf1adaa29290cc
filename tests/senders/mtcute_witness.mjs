// mtcute is the other side of what the service does: it says what it hears, until somebody says goodbye.
import { createHash } from 'node:crypto'
import { addPublicKey } from '@mtcute/core/utils.js'
import { MemoryStorage, TelegramClient } from '@mtcute/node'

const control = process.env.SIMULATOR_CONTROL
const phone = process.argv[2]
setTimeout(() => { console.error('stuck'); process.exit(1) }, 150_000)

async function order(name, fields) {
  const answer = await fetch(`${control}/do`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ do: name, ...fields }),
  })
  if (!answer.ok) throw new Error(await answer.text())
  return answer.json()
}

const info = await (await fetch(`${control}/info`)).json()
addPublicKey({ sha1: data => new Uint8Array(createHash('sha1').update(data).digest()) }, info.public_key)
const [, dcId, ipAddress, port] = /^(\d+)@(.*):(\d+)$/.exec(info.dcs[0])
const dc = { id: Number(dcId), ipAddress, port: Number(port) }
const tg = new TelegramClient({
  apiId: 1,
  apiHash: 'hash',
  storage: new MemoryStorage(),
  defaultDcs: { main: dc, media: dc },
  logLevel: Number(process.env.MTCUTE_LOG ?? 1),
})
await tg.start({ phone, code: async () => (await order('code', { phone })).code })
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
