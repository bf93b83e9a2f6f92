/** Everything that can be wrong with a configuration, all at once, each with its place. */
export type ConfigError =
  | { readonly kind: "config-missing"; readonly file: string }
  /** `passing`: it may be readable the next time, with nobody doing anything. */
  | { readonly kind: "config-unreadable"; readonly file: string; readonly detail: string; readonly passing: boolean }
  | { readonly kind: "config-unwritable"; readonly file: string; readonly detail: string }
  | { readonly kind: "config-invalid"; readonly file: string; readonly text: string; readonly mistakes: readonly Mistake[] }
  | { readonly kind: "config-edit"; readonly file: string; readonly message: string; readonly help: string };

export interface Mistake {
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
  readonly message: string;
  /** What to do, or the nearest known word. */
  readonly help: string;
}

/** For a person: `file:line:column: message`, the line itself with a caret, and help, for each mistake. */
export function renderConfigError(error: ConfigError): string {
  switch (error.kind) {
    case "config-missing":
      return `there is no configuration file ${error.file}\nhelp: "xtelemdb add_replica prefix=/mnt/backup" makes one; or name yours with --config FILE or XTELEMDB_CONFIG`;
    case "config-unreadable":
      return `the configuration file ${error.file} cannot be read: ${error.detail}\nhelp: check its path and permissions`;
    case "config-unwritable":
      return `the configuration file ${error.file} cannot be written: ${error.detail}\nhelp: nothing was changed; check its folder and its permissions`;
    case "config-edit":
      return `${error.file}: ${error.message}\nhelp: ${error.help}`;
    case "config-invalid":
      return error.mistakes.map((mistake) => renderMistake(error.file, error.text, mistake)).join("\n\n");
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal must not obey what a broken file holds
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

function renderMistake(file: string, text: string, { line, column, message, help }: Mistake): string {
  const source = (text.split("\n")[line - 1] ?? "").replace(/\r$/, "").replaceAll("\t", " ").replaceAll(CONTROL, "\ufffd");
  const number = String(line);
  const frame = `  ${number} | ${source}\n  ${" ".repeat(number.length)} | ${" ".repeat(Math.max(0, column - 1))}^`;
  return `${file}:${line}:${column}: ${message}\n${frame}\n  help: ${help}`;
}
