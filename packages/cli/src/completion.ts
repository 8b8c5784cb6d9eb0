import { COMMON, type Command } from './command.js';
import { COMMANDS } from './commands.js';

/** Scripts that complete in a shell, by its name. They ask the service for the names of boxes, and are silent without one. */
export const COMPLETIONS: Record<string, () => string> = { bash, zsh, fish };

const names = Object.keys(COMMANDS).join(' ');

const options = (command: Command) => ({ ...command.options, ...COMMON });

const flags = (command: Command) =>
  Object.keys(options(command))
    .map((name) => `--${name}`)
    .join(' ');

const BOXES = 'dockbox ls --quiet 2>/dev/null';

const WORDS = { boxes: `$(${BOXES})`, shells: 'bash zsh fish' };

/** The words for a command's arguments, as a shell's word list. */
const words = ({ completes }: Command) => (completes ? WORDS[completes] : '');

function bash(): string {
  const cases = Object.entries(COMMANDS).map(
    ([name, command]) => `    ${name}) options='${flags(command)}' words="${words(command)}" ;;`,
  );
  return `\
# dockbox completion bash: put into ~/.bashrc  eval "$(dockbox completion bash)"
_dockbox() {
  local word=\${COMP_WORDS[COMP_CWORD]} options='' words=''
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${names} --help --version' -- "$word"))
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join('\n')}
  esac
  [[ $word == -* ]] && words=$options
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -F _dockbox dockbox
`;
}

function zsh(): string {
  const commands = Object.entries(COMMANDS).map(([name, { summary }]) => `    '${name}:${quoted(summary)}'`);
  const cases = Object.entries(COMMANDS).map(([name, command]) => {
    const described = Object.entries(options(command)).map(
      ([option, { summary, value }]) => `'--${option}[${quoted(summary)}]${value ? `:${value}:` : ''}'`,
    );
    const rest = command.completes ? [`"*:${command.completes}:(${words(command)})"`] : [];
    return `    ${name}) _arguments ${[...described, ...rest].join(' ')} ;;`;
  });
  return `\
#compdef dockbox
# dockbox completion zsh: put into ~/.zshrc, after compinit  eval "$(dockbox completion zsh)"
_dockbox() {
  local -a commands
  commands=(
${commands.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join('\n')}
  esac
}
compdef _dockbox dockbox
`;
}

function fish(): string {
  const lines = Object.entries(COMMANDS).flatMap(([name, command]) => {
    const here = `complete -c dockbox -n '__fish_seen_subcommand_from ${name}'`;
    return [
      `complete -c dockbox -n __fish_use_subcommand -a ${name} -d '${quoted(command.summary)}'`,
      ...Object.entries(options(command)).map(
        ([option, { summary, value, short }]) =>
          `${here} -l ${option}${short ? ` -s ${short}` : ''}${value ? ' -x' : ''} -d '${quoted(summary)}'`,
      ),
      ...(command.completes === 'boxes' ? [`${here} -a '(${BOXES})'`] : []),
      ...(command.completes === 'shells' ? [`${here} -a '${WORDS.shells}'`] : []),
    ];
  });
  return `\
# dockbox completion fish: put into ~/.config/fish/config.fish  dockbox completion fish | source
complete -c dockbox -f
${lines.join('\n')}
`;
}

/** A summary for a text in single quotes; zsh would end it at a colon or a bracket. */
const quoted = (text: string) => text.replace(/['[\]:]/g, '');
