"""Makes a key with the simulator over every transport that Telethon speaks, and calls help.getConfig.

Arguments: host, port, data centre, file with the server's public key (PEM), rounds per transport.
Prints one line "ok <transport> <key id>" per round.
"""
import asyncio
import sys

import telethon
from telethon.crypto import rsa
from telethon.network import connection as transports
from telethon.sessions import MemorySession
from telethon.tl.functions.help import GetConfigRequest

TRANSPORTS = {
    'full': transports.ConnectionTcpFull,
    'intermediate': transports.ConnectionTcpIntermediate,
    'abridged': transports.ConnectionTcpAbridged,
    'obfuscated': transports.ConnectionTcpObfuscated,
}


async def main(host, port, dc_id, pem, rounds):
    # The recipe: the server's key first, the address into the session, nothing else.
    rsa.add_key(open(pem).read(), old=False)
    for name, transport in TRANSPORTS.items():
        for _ in range(rounds):
            session = MemorySession()
            session.set_dc(dc_id, host, port)
            client = telethon.TelegramClient(
                session, 1, 'hash', connection=transport, receive_updates=False, auto_reconnect=False)
            await asyncio.wait_for(client.connect(), 30)
            config = await asyncio.wait_for(client(GetConfigRequest()), 30)
            assert config.this_dc == dc_id, config
            print('ok', name, f'{session.auth_key.key_id & (2**64 - 1):016x}', flush=True)
            await client.disconnect()


asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], int(sys.argv[5])))
