import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import type Docker from 'dockerode';
import { hasImage, pullImage } from '../lib/images/pull.js';
import { projectRoot } from '../lib/paths.js';
import { install, isInstalled, keepOutput, mayInstall, step } from './run.js';

const OURS = 'dockbox/base';
const RECIPE_LABEL = 'dockbox.recipe';
const recipeDirectory = path.join(projectRoot, 'images', 'base');

/**
 * Sees to it that the engine has the base image: ours is built, from Docker's Debian image where a registry answers and
 * from Debian's packages otherwise; another is pulled.
 * @throws with what to do, when it can't be had
 */
export async function ensureBaseImage(docker: Docker, image: string): Promise<void> {
  if (image !== OURS) {
    if (await hasImage(docker, image)) return;
    return step(`Pulling the base image ${image}`, () => pullImage(docker, image));
  }
  const recipe = hashRecipe();
  if (await isCurrent(docker, recipe)) return;
  try {
    await step('Building the base image', () => build(docker, recipe));
  } catch (error) {
    if (!(await mayInstall())) {
      const { message, cause } = error as Error;
      throw new Error(
        `${cause ?? ''}\nThe base image can't be built: ${message}. Is a container registry reachable?`,
      );
    }
    console.log(`  no registry answers: ${(error as Error).message}`);
    if (!(await isInstalled('mmdebstrap'))) await install('mmdebstrap');
    await step("Making the base image from Debian's packages", () => bootstrap(docker, recipe));
  }
}

function hashRecipe(): string {
  const hash = createHash('sha256');
  const entries = readdirSync(recipeDirectory, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  for (const file of files.sort())
    hash.update(path.relative(recipeDirectory, file)).update(readFileSync(file));
  return hash.digest('hex');
}

async function isCurrent(docker: Docker, recipe: string): Promise<boolean> {
  if (!(await hasImage(docker, OURS))) return false;
  const { Config } = await docker.getImage(OURS).inspect();
  return Config.Labels?.[RECIPE_LABEL] === recipe;
}

/** @throws with what the recipe printed as its cause */
async function build(docker: Docker, recipe: string): Promise<void> {
  const src = readdirSync(recipeDirectory);
  const stream = await docker.buildImage(
    { context: recipeDirectory, src },
    { t: OURS, labels: { [RECIPE_LABEL]: recipe }, forcerm: true },
  );
  const output = new PassThrough();
  const printed = keepOutput(output);
  for await (const line of createInterface({ input: stream })) {
    const { stream: text, error } = JSON.parse(line) as { stream?: string; error?: string };
    if (error) throw new Error(error.trim(), { cause: printed() });
    if (text) output.write(text);
  }
}

/** The same image without a registry: mmdebstrap's tar, imported. */
async function bootstrap(docker: Docker, recipe: string): Promise<void> {
  const packages = readFileSync(path.join(recipeDirectory, 'packages.txt'), 'utf8').trim().split('\n');
  const sources = ['/etc/apt/sources.list.d/debian.sources', '/etc/apt/sources.list'].find(existsSync);
  if (!sources)
    throw new Error('There is no list of package sources in /etc/apt to make the base image from.');
  const child = spawn(
    'mmdebstrap',
    [
      '--variant=minbase',
      `--include=${packages.join(',')}`,
      '--dpkgopt=path-exclude=/usr/share/man/*',
      '--dpkgopt=path-exclude=/usr/share/doc/*',
      '--dpkgopt=path-exclude=/usr/share/locale/*',
      '--customize-hook=cp -R "$RECIPE/tools" "$1/opt/dockbox" && chroot "$1" sh -s <"$RECIPE/tools.sh"',
      '--customize-hook=chroot "$1" git config --system safe.directory "*"',
      ...['bookworm', '-', sources],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, RECIPE: recipeDirectory } },
  );
  const messages = keepOutput(child.stderr);
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${messages()}\n\nmmdebstrap failed (status ${code}).`)),
    );
  });
  const changes = [
    'ENV LANG=C.UTF-8',
    'WORKDIR /workspace',
    'CMD ["bash"]',
    `LABEL ${RECIPE_LABEL}=${recipe}`,
  ];
  // Imported without a name first: a tar that was cut short never becomes the base image.
  const imported = await docker.importImage(child.stdout, { changes } as object);
  let output = '';
  for await (const chunk of imported) output += chunk;
  await ended;
  const id = /sha256:[0-9a-f]{64}/.exec(output)?.[0];
  if (!id) throw new Error(`The engine did not take the base image: ${output}`);
  await docker.getImage(id).tag({ repo: OURS, tag: 'latest' });
}
