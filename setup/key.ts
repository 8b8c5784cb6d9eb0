import { parseArgs } from 'node:util';
import pg from 'pg';
import { type Key, Keys } from '../lib/auth/keys.js';
import { isOwner, LOCAL, LOCAL_OWNER, SCOPES, type Scope } from '../lib/auth/principal.js';
import { readConfig } from '../lib/config.js';
import { checkConnection, migrate, poolOptions } from '../lib/database.js';
import { provideDatabase } from '../lib/provide-database.js';

const USAGE = `Usage: npm run -s key -- create NAME [--owner OWNER] [--scope ${SCOPES.join('|')}] [--expires-in SECONDS]
       npm run -s key -- list
       npm run -s key -- revoke ID`;

/** Keys in a page of a list. */
const PAGE = 100;

/** What `npm run key` runs. @returns its exit status */
export async function main(args: string[]): Promise<number> {
  const work = parse(args);
  if (!work) {
    console.error(USAGE);
    return 2;
  }
  await withDatabase((pool) => work(new Keys(pool)));
  return 0;
}

/** @returns undefined when that is not how it is used */
function parse(args: string[]): ((keys: Keys) => Promise<void>) | undefined {
  const options = {
    owner: { type: 'string', default: LOCAL_OWNER },
    scope: { type: 'string', default: 'user' },
    'expires-in': { type: 'string' },
  } as const;
  let parsed: ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true }>>;
  try {
    parsed = parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    console.error((error as Error).message);
    return undefined;
  }
  const [command, subject, ...rest] = parsed.positionals;
  const { owner, scope, 'expires-in': expiresIn } = parsed.values;
  if (rest.length > 0) return undefined;
  if (command === 'list' && subject === undefined) return list;
  if (command === 'revoke' && subject !== undefined) return (keys) => keys.revoke(LOCAL, subject);
  const isScope = (text: string): text is Scope => (SCOPES as readonly string[]).includes(text);
  const isUsable = isOwner(subject) && subject.length <= 64 && isOwner(owner) && isScope(scope);
  if (command !== 'create' || !isUsable || !/^[1-9]\d{0,8}$/.test(expiresIn ?? '1')) return undefined;
  const request = { name: subject, owner, scope, ...(expiresIn && { expiresIn: Number(expiresIn) }) };
  return async (keys) => {
    // Alone on its line, so that a script can take it.
    console.log((await keys.create(LOCAL, request)).key);
  };
}

async function list(keys: Keys): Promise<void> {
  let cursor: string | undefined;
  do {
    const page = await keys.list(LOCAL, PAGE, cursor);
    for (const key of page.items) console.log(describe(key));
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
}

function describe({ id, name, owner, scope, expiresAt, lastUsedAt, revokedAt }: Key): string {
  const used = lastUsedAt ? `last used ${lastUsedAt.toISOString()}` : 'never used';
  const end = expiresAt ? [`expires ${expiresAt.toISOString()}`] : [];
  const state = revokedAt ? [`revoked ${revokedAt.toISOString()}`] : end;
  return [id, scope.padEnd(8), owner, name, used, ...state].join('  ');
}

/** Runs `work` on the database of the configuration; the embedded one is started when no server has. */
async function withDatabase(work: (pool: pg.Pool) => Promise<void>): Promise<void> {
  const config = readConfig();
  const { address, stop } = await provideDatabase(config, console.error);
  const pool = new pg.Pool({ ...poolOptions(config), ...address });
  pool.on('error', () => {});
  try {
    await checkConnection(pool, config);
    await migrate(pool);
    await work(pool);
  } finally {
    await pool.end();
    await stop();
  }
}
