import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import t from 'tap';
import { isInstalled } from '../../../setup/run.js';
import { startApp } from '../../helpers/app.js';
import { makeCli } from '../../helpers/cli.js';
import { insertBoxOf } from '../../helpers/credentials.js';

const run = promisify(execFile);

const app = await startApp(t);
const cli = await makeCli(t, app.base);
for (const name of ['one', 'other']) await insertBoxOf(app, 'local', name);
const options = { env: { ...cli.env, TERM: 'dumb' } };

/** What Tab offers in bash after a command line, whose last word may have begun. */
async function bash(...words: string[]): Promise<string> {
  const script = `eval "$(dockbox completion bash)"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _dockbox; echo "\${COMPREPLY[@]}"`;
  const args = ['--unset=NODE_OPTIONS', 'bash', '--norc', '-c', script, 'bash', 'dockbox', ...words];
  const { stdout } = await run('env', args, options);
  return stdout.trim();
}

t.test('bash completes commands, options and names', async (t) => {
  t.equal(await bash('l'), 'ls login');
  t.equal(await bash('connect', ''), 'other one');
  t.equal(await bash('rm', 'one', 'ot'), 'other');
  t.equal(
    await bash('new', '--'),
    '--ref --image --name --directory --credentials --detach --json --url --help',
  );
  t.equal(await bash('completion', 'z'), 'zsh');
  t.equal(await bash('nonsense', ''), '');
});

t.test('without a service it completes what it can, and is silent', async (t) => {
  const env = { ...options.env, DOCKBOX_URL: 'http://127.0.0.1:1' };
  const script = `eval "$(dockbox completion bash)"; COMP_WORDS=(dockbox rm ''); COMP_CWORD=2; _dockbox; echo "<\${COMPREPLY[@]}>"`;
  const answer = await run('env', ['--unset=NODE_OPTIONS', 'bash', '--norc', '-c', script], { env });
  t.match(answer, { stdout: '<>\n', stderr: '' });
});

t.test('fish completes commands, options and names', { skip: !(await isInstalled('fish')) }, async (t) => {
  const complete = async (line: string) => {
    const script = 'dockbox completion fish | source; complete -C "$argv"';
    const { stdout } = await run(
      'env',
      ['--unset=NODE_OPTIONS', 'fish', '--no-config', '-c', script, line],
      options,
    );
    return stdout.split('\n').map((offer) => offer.split('\t')[0]);
  };
  t.same(await complete('dockbox con'), ['connect', '']);
  t.same(await complete('dockbox rm ot'), ['other', '']);
  t.ok((await complete('dockbox share one --')).includes('--expires-in'));
});

t.test('zsh takes its script', { skip: !(await isInstalled('zsh')) }, async (t) => {
  const script =
    'autoload -U compinit && compinit -u -D; eval "$(dockbox completion zsh)"; echo $_comps[dockbox]';
  const { stdout, stderr } = await run('env', ['--unset=NODE_OPTIONS', 'zsh', '-f', '-c', script], options);
  t.match({ stdout, stderr }, { stdout: '_dockbox\n', stderr: '' });
});
