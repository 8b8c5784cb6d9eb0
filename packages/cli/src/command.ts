export type Option = {
  type: 'string' | 'boolean';
  short?: string;
  /** What stands for its value in the help. */
  value?: string;
  summary: string;
};

/** A command line that was understood. */
export type CommandArguments = {
  positionals: string[];
  /** A text option's value. */
  text: (name: string) => string | undefined;
  flag: (name: string) => boolean;
};

export type Command = {
  /** What stands for its arguments in the help. */
  arguments: string;
  summary: string;
  /** The least and the most arguments. */
  count: [least: number, most: number];
  options: Record<string, Option>;
  /** What its arguments are, for who completes them. */
  completes?: 'boxes' | 'shells';
  load: () => Promise<{ run: (parsed: CommandArguments) => Promise<number> }>;
};

/** Options of all commands. */
export const COMMON: Record<string, Option> = {
  url: { type: 'string', value: 'URL', summary: 'the service; DOCKBOX_URL, or the one that login was given' },
  help: { type: 'boolean', short: 'h', summary: 'print this' },
};
