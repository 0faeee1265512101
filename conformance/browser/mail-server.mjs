/** A mail server on loopback with TLS from the first byte and a certificate of its own; it keeps what it is sent. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';

const REQUEST = '[req]\ndistinguished_name=dn\nx509_extensions=ext\nprompt=no\n[dn]\nCN=mail.test\n[ext]\nsubjectAltName=IP:127.0.0.1\n';

/** `{key, cert}` in PEM, signed by itself. */
function certificate() {
  const dir = mkdtempSync(join(tmpdir(), 'mail-'));
  try {
    const at = (name) => join(dir, name);
    writeFileSync(at('request'), REQUEST);
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    execFileSync('openssl', ['req', '-x509', '-config', at('request'), ...curve, '-days', '30', '-keyout', at('key'), '-out', at('cert')], { stdio: 'pipe' });
    return { key: readFileSync(at('key'), 'utf8'), cert: readFileSync(at('cert'), 'utf8') };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

export class MailServer {
  /** `{from, to, text}` in the order in which they came. */
  messages = [];

  static async start() {
    const self = new MailServer();
    const pair = certificate();
    self.certificate = pair.cert;
    self.server = createServer(pair, (socket) => self.talk(socket)).listen(0, '127.0.0.1');
    await once(self.server, 'listening');
    self.port = self.server.address().port;
    return self;
  }

  talk(socket) {
    let rest = '';
    let message = null;
    const say = (line) => socket.write(`${line}\r\n`);
    socket.setEncoding('utf8');
    // A client that leaves in the middle is no fault of the server.
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      rest += data;
      for (;;) {
        if (message?.open) {
          const end = rest.indexOf('\r\n.\r\n');
          if (end < 0) return;
          this.messages.push({ from: message.from, to: message.to, text: rest.slice(0, end) });
          rest = rest.slice(end + 5);
          message = null;
          say('250 taken');
          continue;
        }
        const end = rest.indexOf('\r\n');
        if (end < 0) return;
        const line = rest.slice(0, end);
        rest = rest.slice(end + 2);
        const address = /<([^>]*)>/.exec(line)?.[1];
        const [word] = line.toUpperCase().split(/[ :]/);
        if (word === 'MAIL') message = { from: address, to: [], open: false };
        if (word === 'RCPT') message.to.push(address);
        if (word === 'DATA') message.open = true;
        say(word === 'DATA' ? '354 go on' : word === 'QUIT' ? '221 bye' : '250 sink');
        if (word === 'QUIT') socket.end();
      }
    });
    say('220 sink ESMTP');
  }

  async stop() {
    this.server.close();
    await once(this.server, 'close');
  }
}
