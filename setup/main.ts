// What `npm start` runs once it has compiled this.
import { main } from '../main.js';
import { prepare } from './index.js';

try {
  await prepare();
  await main();
} catch (error) {
  console.error(`\n${(error as Error).message}`);
  process.exitCode = 1;
}
