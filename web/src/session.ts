import { computed, signal } from '@preact/signals';
import { DockboxError, service, unwrap, wordsOf } from './api.js';

export type Session =
  | { state: 'unknown' }
  | { state: 'out'; problem?: string }
  /** `canLeave` is false where nobody has to sign in. */
  | { state: 'in'; owner: string; canLeave: boolean; canChange: boolean };

export const session = signal<Session>({ state: 'unknown' });

/** Whether one may do more than look. */
export const mayChange = computed(() => session.value.state === 'in' && session.value.canChange);

/** Finds out whether this browser is signed in. */
export async function findSession(): Promise<void> {
  try {
    const { owner, scope, credential } = await unwrap(service.GET('/v1/session'));
    session.value = {
      ...{ state: 'in', owner },
      canLeave: credential === 'session',
      canChange: scope !== 'readonly',
    };
  } catch (error) {
    const isSignedOut = error instanceof DockboxError && error.code === 'DBX_NO_CREDENTIAL';
    session.value = { state: 'out', ...(!isSignedOut && { problem: wordsOf(error) }) };
  }
}

/**
 * Signs this browser in. The key is kept nowhere here.
 * @throws {DockboxError}
 */
export async function signIn(key: string): Promise<void> {
  await unwrap(service.POST('/v1/session', { body: { key } }));
  await findSession();
}

export async function signOut(): Promise<void> {
  await unwrap(service.DELETE('/v1/session'));
  session.value = { state: 'out' };
}

/** Heeds an error that says that this browser is not signed in any more. */
export function heedSignOut(error: unknown): void {
  if (error instanceof DockboxError && error.statusCode === 401 && session.value.state === 'in') {
    session.value = { state: 'out', problem: error.message };
  }
}
