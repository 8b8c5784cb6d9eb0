// A terminal on a box, for whoever has no WebSocket client at hand: npm run -s connect NAME [URL]
// The API key is that of DOCKBOX_TOKEN.
import WebSocket from 'ws';

const [name, service = 'http://localhost:3000'] = process.argv.slice(2);
if (!name) {
  console.error('Usage: npm run -s connect NAME [URL of the service]');
  process.exit(2);
}
const box = new URL(`/v1/dockbox/`, service);
const { columns, isTTY, rows } = process.stdout;
const query = isTTY ? `?cols=${columns}&rows=${rows}` : '';
const { DOCKBOX_TOKEN: token } = process.env;
const headers = token ? { authorization: `Bearer ${token}` } : {};
const socket = new WebSocket(new URL(`ws/${name}${query}`, box), { headers });

socket.on('open', () => {
  process.stdin.setRawMode?.(true);
  process.stdin.on('data', (keys) => socket.send(keys));
});
socket.on('message', (output) => process.stdout.write(output));
process.stdout.on('resize', () => {
  const size = { cols: process.stdout.columns, rows: process.stdout.rows };
  fetch(new URL(`${name}/terminals/main/size`, box), {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(size),
  }).catch(({ message }) => end(1, message));
});
socket.on('unexpected-response', (_request, response) => {
  let body = '';
  response.on('data', (chunk) => {
    body += chunk;
  });
  response.on('end', () => end(1, body && JSON.parse(body).message));
});
socket.on('error', ({ message }) => end(1, message || `Nothing answers at ${service}.`));
socket.on('close', (code, reason) => end(code === 1000 ? 0 : 1, `${reason}`));

function end(status, message) {
  process.stdin.setRawMode?.(false);
  if (message) console.error(`\n${message}`);
  process.exit(status);
}
