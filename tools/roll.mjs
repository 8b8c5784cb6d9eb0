// Two replicas behind HAProxy change to the next version while clients type: `npm run roll -- --terminals 50`.
import { prepareTests } from './prepare.mjs';
import { withThrowAways } from './throw-away.mjs';

try {
  await prepareTests();
  const { main } = await import('../build/roll/index.js');
  process.exitCode = await withThrowAways((env) => {
    Object.assign(process.env, { ...env, LOG_LEVEL: 'warn' });
    return main(process.argv.slice(2));
  });
} catch (error) {
  console.error(`\n${error.message}`);
  process.exitCode = 1;
}
process.exit();
