/**
 * Config: the operator's TOML, turned into the desired state, and edited on the operator's behalf.
 *
 * Promises: every mistake is told with file, line, column, what was expected and the nearest known word, all of them at once; a state that was parsed needs no
 * further check; an edit changes what it says and nothing else, atomically.
 * Never: guesses around a mistake, or reads the environment other than through `Environment`.
 */
export { type ConfigError, renderConfigError } from "./config-error.ts";
export * from "./desired-state.ts";
export { addReplica, type NewReplica, removeReplica } from "./edit.ts";
export { defaultConfigurationFile, type Environment, systemEnvironment } from "./environment.ts";
export { type Edit, editConfiguration, loadConfiguration, tryEdit } from "./file.ts";
export { configurationFingerprint } from "./fingerprint.ts";
export { type ImportLayoutName, type Rewrite, rewritten } from "./import-rules.ts";
export { formatListenAddress } from "./listen-address.ts";
export { hostName, replicaKey, replicaKeyFromArguments } from "./names.ts";
export { parseConfiguration } from "./parse.ts";
export { configurationJsonSchema } from "./schema.ts";
export { showConfiguration } from "./show.ts";
export { suggest } from "./suggest.ts";
export { DURATION_EXAMPLES, formatDuration, parseDuration, parseSize, SIZE_EXAMPLES } from "./units.ts";
