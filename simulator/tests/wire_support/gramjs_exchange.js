// Makes a key with the simulator over every transport that GramJS speaks, and calls help.getConfig.
//
// Arguments: host, port, data centre, modulus of the server's key (decimal), its fingerprint, rounds per transport.
// Prints one line "ok <transport>" per round.
'use strict';

const bigInt = require('big-integer');
const { Api, TelegramClient } = require('telegram');
const { _serverKeys } = require('telegram/crypto/RSA');
const { ConnectionTCPAbridged, ConnectionTCPFull, ConnectionTCPObfuscated } = require('telegram/network');
const { StringSession } = require('telegram/sessions');

const [host, port, dcId, modulus, fingerprint, rounds] = process.argv.slice(2);
const transports = {
  full: ConnectionTCPFull,
  abridged: ConnectionTCPAbridged,
  obfuscated: ConnectionTCPObfuscated,
};

// GramJS dials port 80 whatever the session says; the connection class is the place to say otherwise.
function onPort(Connection) {
  return class extends Connection {
    constructor(options) {
      super({ ...options, port: Number(port) });
    }
  };
}

async function main() {
  _serverKeys.set(fingerprint, { n: bigInt(modulus), e: 65537 });
  for (const [name, connection] of Object.entries(transports)) {
    for (let round = 0; round < Number(rounds); round += 1) {
      const session = new StringSession('');
      session.setDC(Number(dcId), host, 80); // it keeps ports as signed 16-bit numbers
      const client = new TelegramClient(session, 1, 'hash', {
        connection: onPort(connection), connectionRetries: 1, useWSS: false,
      });
      client.setLogLevel('error');
      await client.connect();
      const config = await client.invoke(new Api.help.GetConfig());
      if (config.thisDc !== Number(dcId)) {
        throw new Error(`data centre ${config.thisDc}`);
      }
      console.log('ok', name);
      await client.destroy();
    }
  }
}

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
