// A client of mtcute's for the simulated Telegram, and what its control is asked for.
import { createHash } from 'node:crypto'
import { addPublicKey } from '@mtcute/core/utils.js'
import { MemoryStorage, TelegramClient } from '@mtcute/node'

const control = process.env.SIMULATOR_CONTROL

export const get = async path => (await fetch(control + path)).json()

export async function order(name, fields) {
  const answer = await fetch(`${control}/do`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ do: name, ...fields }),
  })
  if (!answer.ok) throw new Error(await answer.text())
  return answer.json()
}

/** Not signed in yet. */
export async function client(logLevel) {
  const info = await get('/info')
  addPublicKey({ sha1: data => new Uint8Array(createHash('sha1').update(data).digest()) }, info.public_key)
  const [, dcId, ipAddress, port] = /^(\d+)@(.*):(\d+)$/.exec(info.dcs[0])
  const dc = { id: Number(dcId), ipAddress, port: Number(port) }
  return new TelegramClient({
    apiId: 1,
    apiHash: 'hash',
    storage: new MemoryStorage(),
    defaultDcs: { main: dc, media: dc },
    logLevel: Number(process.env.MTCUTE_LOG ?? logLevel),
  })
}

/** With the code that Telegram sent. */
export const signIn = (tg, phone, more = {}) => tg.start({ phone, code: async () => (await order('code', { phone })).code, ...more })
