/** Which machine this is. */
import { readFileSync } from "node:fs";

/** machine-id(5): the same from one boot to the next; "" where there is none, as in most containers. */
export function machineId(): string {
  try {
    const text = readFileSync("/etc/machine-id", "utf8").trim();
    return /^[0-9a-f]{32}$/.test(text) ? text : "";
  } catch {
    // Not readable is as good as not there: whoever asks must do without.
    return "";
  }
}
