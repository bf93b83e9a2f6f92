import { InvalidArgumentError } from "commander";

/** The value of `continuous=true`, `--continuous`, `--continuous=no`. */
export function booleanOption(text: string): boolean {
  if (["true", "yes", "1", "on"].includes(text)) return true;
  if (["false", "no", "0", "off"].includes(text)) return false;
  throw new InvalidArgumentError("true or false is expected.");
}
