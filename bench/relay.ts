// A process of its own, for the echo's second floor: copies between one TCP client and a shell, and does nothing else.
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { BareEngine, shell } from './bare-engine.js';

const [address = '', container = ''] = process.argv.slice(2);
const engine = new BareEngine(address);
const server = net.createServer({ noDelay: true, pauseOnConnect: true });
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.on('disconnect', () => process.exit());

const [client] = (await once(server, 'connection')) as [net.Socket];
const stream = await engine.exec(container, shell);
for (const end of [client, stream]) end.on('error', () => {});
client.pipe(stream).pipe(client);
