import pg from 'pg';

export type Statement = { text: string; values: unknown[] };

const recorded = new Map<string, Statement>();

/** A client that notes what it is asked, each text once. */
class RecordingClient extends pg.Client {
  // biome-ignore lint/suspicious/noExplicitAny: all the ways that pg can be called in.
  override query(...args: any[]): any {
    const [query, values = []] = args;
    const text = typeof query === 'string' ? query : query?.text;
    if (/^\s*(select|insert|update|delete|with)/i.test(text)) recorded.set(text, { text, values });
    // @ts-expect-error handed on as it came
    return super.query(...args);
  }
}

/** Options for a pool whose statements can be had with {@link statementsOf}. */
export const recording: pg.PoolConfig = { Client: RecordingClient };

/** The statements that `work` asks of the database. */
export async function statementsOf(work: () => Promise<unknown>): Promise<Statement[]> {
  recorded.clear();
  await work();
  return [...recorded.values()];
}

type Node = {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Shared Hit Blocks': number;
  'Shared Read Blocks': number;
  Plans?: Node[];
};
type Explained = {
  Plan: Node;
  'Execution Time': number;
  Triggers?: { 'Trigger Name': string; 'Constraint Name'?: string; Time: number; Calls: number }[];
};

/** How PostgreSQL carries a statement out, in lines; what it changes is rolled back. */
export async function explain(pool: pg.Pool, { text, values }: Statement): Promise<string[]> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    const { rows } = await client.query(`explain (analyze, buffers, format json) ${text}`, values);
    const { Plan: plan, Triggers: triggers = [], ...facts } = rows[0]['QUERY PLAN'][0] as Explained;
    const pages = plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
    return [
      `${text.replace(/\s+/g, ' ').trim().slice(0, 90)}: ${facts['Execution Time'].toFixed(2)} ms, ${pages} pages`,
      ...scans(plan).map((line) => `  ${line}`),
      ...triggers.map(
        (trigger) => `  ${trigger['Constraint Name'] ?? trigger['Trigger Name']}: ${trigger.Time} ms`,
      ),
    ];
  } finally {
    await client.query('rollback');
    client.release();
  }
}

/** The nodes that read a table. */
function scans(node: Node): string[] {
  const { 'Relation Name': relation, 'Index Name': index, Plans: plans = [] } = node;
  const pages = node['Shared Hit Blocks'] + node['Shared Read Blocks'];
  const rows = node['Actual Rows'] * node['Actual Loops'];
  const line = `${node['Node Type']} ${index ?? relation}: ${rows} rows, ${pages} pages`;
  const own = /Scan/.test(node['Node Type']) && (index || relation) ? [line] : [];
  return [...own, ...plans.flatMap(scans)];
}
