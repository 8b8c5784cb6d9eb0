import { setTimeout as delay } from 'node:timers/promises';
import type { FaultKind, Ledger } from './ledger.js';
import { FAULTS } from './ledger.js';
import type { Random } from './random.js';
import type { Replica } from './replica.js';

/** Longer than any answer should take: a creation's wait, an engine's time limit, and a lock's before it; in ms. */
const ANSWER_MS = 60_000;

/** How long after a fault's end it still explains that an answer did not come, in ms. */
const FELT_MS = 30_000;

const BACK_OFF_MS = [100, 2000] as const;

export type Answer = {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: whoever asked knows what it is.
  body: any;
};

type Call = { method: string; path: string; body?: object; headers?: Record<string, string> };

/** Sends one request through a server that a load balancer would pick. @returns undefined when nobody answered */
export async function ask(replica: Replica, ledger: Ledger, call: Call): Promise<Answer | undefined> {
  const { method, path, body, headers } = call;
  try {
    const response = await fetch(`${replica.base}${path}`, {
      method,
      headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const text = await response.text();
    const answer = { status: response.status, body: text ? JSON.parse(text) : undefined };
    count(ledger, call, answer);
    return answer;
  } catch (error) {
    ledger.count('requests without an answer');
    const shared: FaultKind[] = [...FAULTS.database, ...FAULTS.engine];
    const explained =
      ledger.explains(FAULTS.replica, [replica.name], ANSWER_MS + FELT_MS) ||
      ledger.explains(shared, ['database', 'engine'], ANSWER_MS + FELT_MS);
    if (!explained) {
      ledger.violation(`${replica.name} did not answer ${method} ${path}: ${(error as Error).message}`);
    }
    return undefined;
  }
}

function count(ledger: Ledger, { method, path }: Call, { status, body }: Answer): void {
  if (status < 400) return;
  ledger.count(`answers ${status} ${body?.code ?? ''}`);
  if (status === 500) ledger.violation(`${method} ${path} was answered with 500: ${JSON.stringify(body)}`);
}

/** What a client waits between attempts: longer each time, and not as long as the others do. */
export async function backOff(attempt: number, random: Random): Promise<void> {
  const [least, most] = BACK_OFF_MS;
  await delay(Math.min(most, least * 2 ** attempt) * random.between(0.5, 1));
}
