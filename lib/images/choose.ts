import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'jsonc-parser';
import { errors } from '../errors.js';
import { projectRoot } from '../paths.js';
import { safeLine } from '../sources/progress-lines.js';
import { mainLanguage, type SourceFile } from './languages.js';
import { normalizeImage } from './pull.js';

const imagesByLanguage = new Map<string, string>(
  Object.entries(JSON.parse(readFileSync(path.join(projectRoot, 'images', 'languages.json'), 'utf8'))),
);
const commonLanguages = new Set(imagesByLanguage.keys());

/** The images of languages, each once. */
export const languageImages = (): string[] => [...new Set(imagesByLanguage.values())];

export type Choice = {
  image: string;
  /** Whether somebody asked for this very image: then nothing else will do. */
  requested: boolean;
  /** What the user should know about the choice. */
  warnings: string[];
};

type Facts = {
  /** The image that the request names. */
  requested?: string | undefined;
  /** The text of the source's devcontainer.json. */
  devcontainer?: string | undefined;
  files: readonly SourceFile[];
  baseImage: string;
};

/**
 * The image for a source: the request's, else its devcontainer.json's, else that of the language that most of it is
 * written in, else the base image.
 */
export function chooseImage({ requested, devcontainer, files, baseImage }: Facts): Choice {
  if (requested) return { image: requested, requested: true, warnings: [] };

  const declared = devcontainer === undefined ? { warnings: [] } : devcontainerImage(devcontainer);
  if (declared.image) return { image: declared.image, requested: false, warnings: [] };

  const language = mainLanguage(files, commonLanguages);
  const image = language && imagesByLanguage.get(language);
  if (image) return { image, requested: false, warnings: declared.warnings };

  // Shell is what every image speaks.
  const unknown = language !== undefined && language !== 'Shell';
  const warnings = unknown
    ? [`There is no image for ${language}: the base image is used. Name one in "image".`]
    : [];
  return { image: baseImage, requested: false, warnings: [...declared.warnings, ...warnings] };
}

/** The `image` of a devcontainer.json (https://containers.dev/implementors/json_reference/), which is JSON with comments. */
function devcontainerImage(text: string): { image?: string; warnings: string[] } {
  const ignored = (why: string) => ({ warnings: [`The repository's devcontainer.json is ignored: ${why}`] });
  const declared: unknown = parse(text, [], { allowTrailingComma: true });
  if (typeof declared !== 'object' || declared === null) return ignored('it is not a JSON object.');

  const { image } = declared as { image?: unknown };
  if (image === undefined) return ignored('it names no image, and building one is not supported.');
  if (typeof image !== 'string') return ignored('its "image" is not a text.');
  try {
    return { image: normalizeImage(image), warnings: [] };
  } catch (error) {
    if (error instanceof errors.InvalidRequest)
      return ignored(`"${safeLine(image)}" is not an image reference.`);
    throw error;
  }
}
