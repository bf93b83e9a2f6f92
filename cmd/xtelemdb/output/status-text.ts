/** The status document as a person reads it: the verdict first, then what it rests on, then what is wrong and what to do. */
import type { ConditionStatusDocument, HostStatus, ReplicaStatus, StatusDocument } from "../../../internal/agent/mod.ts";
import { amount, bytes, colours, duration, number, printable, table } from "./text.ts";

const ready = (conditions: readonly ConditionStatusDocument[]): ConditionStatusDocument | undefined =>
  conditions.find(({ type }) => type === "Ready");

const mark = (good: boolean, text: string): string => (good ? colours.green(text) : colours.yellow(text));

export function replicaTable(replicas: readonly ReplicaStatus[]): string {
  const rows = replicas.map((replica) => {
    const state = ready(replica.conditions)?.reason ?? "NotLookedAtYet";
    const verdict = replica.declared ? mark(replica.ready, replica.ready ? "ready" : state) : colours.dim("not declared");
    const current = replica.declared ? amount(replica.current) : `${amount(replica.kept)} kept`;
    return [printable(replica.url), verdict, current, amount(replica.pending), amount(replica.failed)];
  });
  return table(["REPLICA", "STATE", "CURRENT", "PENDING", "FAILED"], rows);
}

export function hostTable(hosts: readonly HostStatus[]): string {
  // A column for those who have imported anything.
  const anyImported = hosts.some((host) => host.dataDirectories.some(({ imported }) => imported.files > 0));
  const rows = hosts.flatMap((host) =>
    host.dataDirectories.map((directory) => {
      const wanted = {
        files: directory.settled.files + directory.growing.files,
        bytes: directory.settled.bytes + directory.growing.bytes,
      };
      const scanned = directory.conditions.find(({ type }) => type === "Scanned");
      const state = !directory.declared
        ? "not declared"
        : !host.scannedHere
          ? "another host"
          : (scanned?.reason ?? "NotLookedAtYet");
      return [
        `${host.name}:${printable(directory.path)}`,
        mark(scanned?.status === "True" || !host.scannedHere, state),
        amount(wanted),
        number(directory.growing.files),
        number(directory.absent.files),
        ...(anyImported ? [number(directory.imported.files)] : []),
        directory.lastFullScan ?? "never",
      ];
    }),
  );
  const imported = anyImported ? ["IMPORTED"] : [];
  return table(["DATA DIRECTORY", "STATE", "FILES", "GROWING", "ABSENT", ...imported, "LAST FULL SCAN"], rows);
}

/** What is not as it should be, each with its message and its help. */
function troubles(status: StatusDocument): string[] {
  const lines: string[] = [];
  const seen = new Set<string>();
  const add = (subject: string, { type, reason, message, help }: ConditionStatusDocument): void => {
    const text = `${subject}: ${colours.yellow(reason)}: ${message}`;
    if (type === "Stalled" || seen.has(text)) return;
    seen.add(text);
    lines.push(`  ${text}`, ...(help === "" ? [] : [`    ${colours.cyan("help:")} ${help}`]));
  };
  const bad = (condition: ConditionStatusDocument): boolean => condition.status !== "True";
  for (const condition of status.conditions) if (bad(condition) && condition.type !== "Ready") add("agent", condition);
  for (const condition of status.conditions) if (condition.reason === "HostNotDeclared") add("agent", condition);
  for (const host of status.hosts) {
    for (const directory of host.dataDirectories) {
      if (!host.scannedHere || !directory.declared) continue;
      for (const condition of directory.conditions) if (bad(condition)) add(printable(directory.path), condition);
      for (const problem of directory.scan?.problems.slice(0, 5) ?? []) lines.push(`    ${problem.message}`);
    }
  }
  for (const replica of status.replicas) {
    if (!replica.declared) continue;
    const shown = new Set<string>();
    for (const condition of replica.conditions) {
      if (!bad(condition) || shown.has(condition.reason)) continue;
      shown.add(condition.reason);
      add(printable(replica.url), condition);
    }
    for (const { reason, files, example } of replica.failures) {
      lines.push(`    ${number(files)} x ${reason}, such as ${printable(example)}`);
    }
    if (replica.lastError !== null) {
      const { at, host, path, message } = replica.lastError;
      lines.push(`    last error, ${at}: ${host}:${printable(path)}: ${message}`);
    }
    if (replica.oldestPending !== null)
      lines.push(
        `    the oldest waits since ${replica.oldestPending.since} (${duration(replica.oldestPending.ageSeconds * 1000)})`,
      );
  }
  return lines;
}

/** A line a replica of which copies were read back, or are promised to be. */
function verificationLines(replicas: readonly ReplicaStatus[]): string[] {
  return replicas.flatMap(({ url, declared, verification }) => {
    if (!declared || verification === null) return [];
    const { round, wholeSince, promisedSeconds, neededSeconds, total } = verification;
    if (round === null && wholeSince === null && promisedSeconds === null) return [];
    const parts = [
      round === null
        ? "no round is under way"
        : `${Math.floor(round.share * 100)} % of ${amount(total)} read back since ${round.begunAt}, ${bytes(round.bytesPerSecond)}/s`,
      ...(wholeSince === null ? [] : [`the last whole round began ${wholeSince}`]),
      ...(promisedSeconds === null ? [] : [`${duration(promisedSeconds * 1000)} promised`]),
      ...(neededSeconds === null ? [] : [`${duration(neededSeconds * 1000)} needed`]),
    ];
    return [`${printable(url)}: verify: ${parts.join("; ")}`];
  });
}

/** A line a replica that has fewer of the files that are gone at their origin than another: nothing copies them, and nobody would know. */
function tombstoneLines(replicas: readonly ReplicaStatus[]): string[] {
  const declared = replicas.filter((replica) => replica.declared);
  const keptAt = ({ tombstones }: ReplicaStatus): number => tombstones?.files ?? 0;
  const most = replicas.toSorted((one, other) => keptAt(other) - keptAt(one) || Number(other.declared) - Number(one.declared))[0];
  if (most === undefined) return [];
  const where = printable(most.url);
  const whatToDo = most.declared
    ? '"xtelemdb restore" brings them back to their origin, and then the next sync does'
    : 'if that volume is still there, mount it at a path of its own, declare it ("xtelemdb add_replica prefix=PATH"), and "xtelemdb restore" brings them back to their origin';
  return declared
    .filter((replica) => keptAt(replica) < keptAt(most))
    .map(
      (replica) =>
        `${printable(replica.url)}: of ${number(keptAt(most))} files that are gone at their origin and kept at ${where}${most.declared ? "" : " (not declared)"} it has ${number(keptAt(replica))}; the others are not copied: ${whatToDo}`,
    );
}

/** `verdict`: whether to begin with it; a sync has said it already. */
export function statusText(status: StatusDocument, { verdict: withVerdict } = { verdict: true }): string {
  const { agent, configuration, runs } = status;
  const verdict = status.converged
    ? colours.green("converged: every replica holds every file of the data directories")
    : colours.yellow("not converged yet");
  const doing =
    agent.process === undefined
      ? "no sync is running"
      : `${agent.process.command} is running (process ${agent.process.pid}, ${agent.phase ?? "working"})`;
  const last = runs.last;
  const lines = [
    ...(withVerdict ? [verdict] : []),
    `${agent.hostname}: ${doing}; configuration ${configuration.file}, generation ${configuration.generation}`,
    ...(last === null
      ? []
      : [
          `last run: ${last.kind} ${last.startedAt}, ${last.outcome ?? "interrupted"}; copied ${number(last.copiedFiles)} files (${bytes(last.copiedBytes)})`,
        ]),
  ];
  if (status.hosts.length > 0) lines.push("", hostTable(status.hosts));
  if (status.replicas.length > 0) lines.push("", replicaTable(status.replicas));
  const verified = verificationLines(status.replicas);
  if (verified.length > 0) lines.push("", ...verified);
  const fewer = tombstoneLines(status.replicas);
  if (fewer.length > 0) lines.push("", ...fewer);
  const wrong = troubles(status);
  if (wrong.length > 0) lines.push("", ...wrong);
  if (status.replicas.length === 0)
    lines.push("", 'no replica is declared; "xtelemdb add_replica prefix=/mnt/backup" declares one');
  return lines.join("\n");
}
