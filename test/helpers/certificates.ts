import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Test } from 'tap';
import { projectRoot } from '../../lib/paths.js';
import type { Scope } from './scope.js';

const openssl = (args: string[], cwd: string) => promisify(execFile)('openssl', args, { cwd });

/** A private certificate authority, in a directory of its own. Made by `openssl`, as an operator would. */
export class Authority {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** Its certificate's file. */
  get file(): string {
    return path.join(this.directory, 'ca.pem');
  }

  /**
   * Makes `<name>.pem` and `<name>-key.pem`, signed by this authority.
   * @param subject what the certificate is for, such as `IP:127.0.0.1` or `DNS:db.example`
   */
  async issue(name: string, subject: string): Promise<{ cert: string; key: string }> {
    const cwd = this.directory;
    await writeFile(path.join(cwd, `${name}.ext`), `subjectAltName=${subject}\n`);
    await openssl([...newKey(name), '-out', `${name}.csr`], cwd);
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca-key.pem', '-CAcreateserial', '-days', '1'];
    await openssl(
      ['x509', '-req', '-in', `${name}.csr`, ...signed, '-extfile', `${name}.ext`, '-out', `${name}.pem`],
      cwd,
    );
    return { cert: path.join(cwd, `${name}.pem`), key: path.join(cwd, `${name}-key.pem`) };
  }
}

/**
 * Makes the certificates of engines at these names or addresses, and of servers, as who deploys dockbox does; the test's end removes
 * them.
 * @returns the directories of an engine and of a server
 */
export async function makeCertificates(t: Scope, ...names: string[]): Promise<Certificates> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'dockbox-certificates-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  await promisify(execFile)(path.join(projectRoot, 'deploy/certificates.sh'), [directory, ...names]);
  return { engine: path.join(directory, 'engine'), client: path.join(directory, 'client') };
}

export type Certificates = { engine: string; client: string };

/** Makes an authority; the end of the test removes it. */
export async function makeAuthority(t: Test): Promise<Authority> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'dockbox-authority-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  await openssl([...newKey('ca'), '-x509', '-days', '1', '-out', 'ca.pem'], directory);
  return new Authority(directory);
}

const newKey = (name: string) => [
  ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
  ...['-keyout', `${name}-key.pem`, '-subj', `/CN=dockbox test ${name}`],
];
