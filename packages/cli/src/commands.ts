import type { Command, Option } from './command.js';

const json: Option = { type: 'boolean', summary: 'print JSON' };
const terminal: Option = { type: 'string', value: 'NAME', summary: 'which terminal; main by default' };
const readonly: Option = { type: 'boolean', summary: 'watch without typing' };

export const COMMANDS: Record<string, Command> = {
  new: {
    arguments: 'URL',
    summary: 'make a dockbox from a source, and connect to it',
    count: [1, 1],
    options: {
      ref: { type: 'string', value: 'REF', summary: 'a branch, a tag or a commit' },
      image: { type: 'string', value: 'IMAGE', summary: 'the image to use' },
      name: { type: 'string', value: 'NAME', summary: 'what to call it' },
      directory: { type: 'string', value: 'DIR', summary: 'where in the source to start' },
      credentials: { type: 'boolean', summary: 'the source is private: ask for a token that may read it' },
      detach: { type: 'boolean', short: 'd', summary: 'do not connect: print its name when it is ready' },
      json: { type: 'boolean', summary: 'do not connect: print it as JSON when it is ready' },
    },
    load: () => import('./commands/new.js'),
  },
  connect: {
    arguments: 'BOX|LINK',
    summary: 'connect to a terminal, or run what is piped in',
    count: [1, 1],
    completes: 'boxes',
    options: { terminal, readonly },
    load: () => import('./commands/connect.js'),
  },
  ls: {
    arguments: '',
    summary: 'list dockboxes, newest first',
    count: [0, 0],
    options: {
      limit: { type: 'string', short: 'n', value: 'N', summary: 'how many at most; 100 by default' },
      quiet: { type: 'boolean', short: 'q', summary: 'print names alone' },
      json,
    },
    load: () => import('./commands/ls.js'),
  },
  stop: {
    arguments: 'BOX...',
    summary: 'stop dockboxes now rather than when they are idle',
    count: [1, Number.POSITIVE_INFINITY],
    completes: 'boxes',
    options: {},
    load: () => import('./commands/stop.js'),
  },
  rm: {
    arguments: 'BOX...',
    summary: 'delete dockboxes with their files',
    count: [1, Number.POSITIVE_INFINITY],
    completes: 'boxes',
    options: {},
    load: () => import('./commands/rm.js'),
  },
  share: {
    arguments: 'BOX',
    summary: 'let others in: prints a link that does',
    count: [1, 1],
    completes: 'boxes',
    options: {
      terminal: { ...terminal, summary: 'the only terminal that it is for; any by default' },
      readonly: { type: 'boolean', summary: 'let them watch, not type' },
      'expires-in': { type: 'string', value: 'TIME', summary: 'such as 90s, 30m, 2h or 7d; 1d by default' },
      json,
    },
    load: () => import('./commands/share.js'),
  },
  login: {
    arguments: '[URL]',
    summary: 'keep the address of a service, and your API key for it',
    count: [0, 1],
    options: {},
    load: () => import('./commands/login.js'),
  },
  completion: {
    arguments: 'bash|zsh|fish',
    summary: 'print a script that completes commands in a shell',
    count: [1, 1],
    completes: 'shells',
    options: {},
    load: () => import('./commands/completion.js'),
  },
};
