// mtcute signs in, reads every kind of chat, writes, and hears what is said.
import assert from 'node:assert/strict'
import { client, get, order, signIn } from './client.mjs'

const LIMIT_MS = 30_000
let step = 'starting'
setTimeout(() => { console.error(`stuck at: ${step}`); process.exit(1) }, 2 * LIMIT_MS)

async function until(what, holds) {
  for (const end = Date.now() + LIMIT_MS; Date.now() < end;) {
    if (holds()) return
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  assert.fail(`waited in vain for ${what}`)
}

async function texts(user, chat) {
  const { messages } = (await get(`/ledger/${user}`))[String(chat)]
  return messages.filter(m => !m.deleted && !m.service).map(m => m.text)
}

const phone = '+99966 2 3001'
const { id: me } = await order('add_account', { phone, first_name: 'Second', password: 'a secret' })
const { id: friend } = await order('add_person', { first_name: 'Nadia', username: 'nadia_mt' })
const chats = {
  private: friend,
  group: (await order('add_group', { title: 'Neighbours', members: [friend, me] })).id,
  supergroup: (await order('add_supergroup', { title: 'Street', members: [friend, me] })).id,
  channel: (await order('add_channel', { title: 'News', members: [friend, me] })).id,
}
for (const [kind, chat] of Object.entries(chats)) {
  const lines = Array.from({ length: 130 }, (_, n) => `${kind} ${n} مرحبا`)
  await order('say_many', { from: friend, chat: kind === 'private' ? me : chat, texts: lines })
}
await order('say_media', {
  from: friend, chat: me, caption: 'which?', media: { kind: 'poll', question: 'Which?', answers: ['one', 'two'] },
})

const tg = await client(2)

step = 'signing in'
const self = await signIn(tg, phone, { password: 'a secret' })
assert.equal(self.id, me)

step = 'reading'
const heard = []
tg.onNewMessage.add(message => heard.push(message.text))
const titles = []
for await (const dialog of tg.iterDialogs()) titles.push(dialog.peer.displayName)
assert.deepEqual([...titles].sort(), ['Nadia', 'Neighbours', 'News', 'Street'])

for (const [kind, chat] of Object.entries(chats)) {
  const read = []
  for await (const message of tg.iterHistory(chat)) if (!message.isService) read.push(message.text)
  assert.deepEqual(read.reverse(), await texts(me, chat), kind)
}

step = 'writing'
const sent = await tg.sendText(friend, 'hello from elsewhere')
assert.equal((await texts(me, friend)).at(-1), 'hello from elsewhere')
await tg.editMessage({ chatId: friend, message: sent.id, text: 'hello, corrected' })
assert.equal((await texts(me, friend)).at(-1), 'hello, corrected')
await tg.sendText(chats.supergroup, 'hello, street')
await tg.deleteMessagesById(friend, [sent.id])
assert.equal((await texts(me, friend)).at(-1), 'which?')

step = 'listening'
await order('say', { from: friend, chat: me, text: 'now in private' })
await order('say', { from: friend, chat: chats.supergroup, text: 'now in the street' })
await until('what was said', () => heard.includes('now in private') && heard.includes('now in the street'))

await tg.destroy()
const { unknown_methods: unknown } = await get('/counters')
assert.deepEqual(unknown, [])
console.log('ok')
process.exit(0)
