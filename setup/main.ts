// What `npm start` runs once it has compiled this.
import { start } from '../server.js';
import { prepare } from './index.js';

try {
  await prepare();
  await start();
} catch (error) {
  console.error(`\n${(error as Error).message}`);
  process.exitCode = 1;
}
