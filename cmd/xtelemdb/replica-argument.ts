/** One declared replica, as `prefix` and `host` name it. */
import { err, ok, type Result } from "neverthrow";
import { type DesiredState, replicaKey, replicaKeyFromArguments } from "../../internal/config/mod.ts";

/** Its id; undefined where none is named; or what is wrong, with help. */
export function replicaIdOf(
  { replicas }: DesiredState,
  { prefix, host }: { readonly prefix?: string; readonly host?: string },
): Result<string | undefined, string> {
  if (prefix === undefined) {
    return host === undefined ? ok(undefined) : err("host belongs to a prefix\nhelp: host=popeye prefix=ceph/magao-x/");
  }
  const key = replicaKeyFromArguments({ prefix, ...(host === undefined ? {} : { host }) }).unwrapOr(prefix);
  // However it is written there, or here.
  const named: string = replicaKey(key).match(
    ({ id }) => id,
    () => key,
  );
  const known = replicas.find(({ id }) => id === named);
  if (known !== undefined) return ok(known.id);
  return err(`${key} is no replica\nhelp: declared are: ${replicas.map(({ id }) => id).join(", ") || "none"}`);
}
