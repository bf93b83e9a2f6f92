/**
 * The tables as Kysely sees them; `migrations/` makes them. Times named `*_at` are milliseconds since 1970, UTC. A modification time is split into
 * seconds and nanoseconds, because a double holds neither 64 bits of nanoseconds nor does every database have an unsigned type.
 */
import type { Generated } from "kysely";
import type { DataDirectoryId, DirectoryId, FileOriginId, HostId, PlaceId, ReplicaId } from "./model.ts";

export interface InventoryTables {
  host: HostTable;
  data_directory: DataDirectoryTable;
  directory: DirectoryTable;
  file_origin: FileOriginTable;
  replica: ReplicaTable;
  file_replica: FileReplicaTable;
  attempt: AttemptTable;
  in_flight: InFlightTable;
  vanished_file: VanishedFileTable;
  vanished_directory: VanishedDirectoryTable;
  tally: TallyTable;
  condition: ConditionTable;
  event: EventTable;
  run: RunTable;
  counter: CounterTable;
  identity: IdentityTable;
  finding: FindingTable;
  place: PlaceTable;
  import_progress: ImportProgressTable;
  manifest: ManifestTable;
}

interface HostTable {
  id: Generated<HostId>;
  name: string;
  declared: number;
}

interface DataDirectoryTable {
  id: Generated<DataDirectoryId>;
  host_id: HostId;
  path: string;
  declared: number;
  /** When the last complete scan began; null before the first. */
  scanned_at: number | null;
  /** JSON of the last scan's `ScanReport`. */
  scan_report: string | null;
  /** When the loss brake froze it; null while it is not frozen. */
  frozen_at: number | null;
}

interface DirectoryTable {
  id: Generated<DirectoryId>;
  host_id: HostId;
  data_directory_id: DataDirectoryId;
  parent_id: DirectoryId | null;
  /** The absolute origin path. */
  path: string;
  /** 1: it is gone, or a pattern leaves it out; it is not expected to be listed below its parent. */
  absent: number;
  /** 1: when it was listed last, something was mounted there. */
  mounted: Generated<number>;
}

interface FileOriginTable {
  id: Generated<FileOriginId>;
  directory_id: DirectoryId;
  name: string;
  size: number;
  mtime_seconds: number;
  mtime_nanoseconds: number;
  state: number;
  revision: number;
  observed_at: number;
  /** When it was first seen growing; null when it does not. */
  growing_since: number | null;
}

interface ReplicaTable {
  id: Generated<ReplicaId>;
  url: string;
  declared: number;
  /** UUID of the marker at its root, once seen or written. */
  marker: string | null;
  /** Every settled file up to this revision is current here, or has a row in `attempt` or a file replica that is not current. */
  reconciled_revision: number;
  /** How often in a row the replica as a whole could not be worked on, and when it is tried again. */
  failed_attempts: Generated<number>;
  next_attempt_at: number | null;
  /** The round that reads all of its copies back, by the origins' ids: the last one read, since when, and how much since then. */
  scrub_position: Generated<number>;
  scrub_begun_at: number | null;
  scrub_files: Generated<number>;
  scrub_bytes: Generated<number>;
  /** When the last round that came to its end began; null before the first. */
  scrub_whole_since: number | null;
  /** When the import of what was there already came to its end; null while it has not. */
  imported_at: number | null;
  /** When it last got a copy of the inventory, and what `inventoryMark` was then; null before the first. */
  inventory_copied_at: number | null;
  inventory_copied_mark: number | null;
  /** The state of its volume that was seen last (`Generation`); null before the first. */
  generation: number | null;
  generation_token: string | null;
  /** 1: copies were recorded since. */
  generation_due: Generated<number>;
  /** Since when another state of its volume is being taken for it, and not all of it has been read; null while none is. */
  taking_since: number | null;
}

interface FileReplicaTable {
  replica_id: ReplicaId;
  file_origin_id: FileOriginId;
  state: number;
  size: number;
  mtime_seconds: number;
  mtime_nanoseconds: number;
  /** What the replica's file system kept of the modification time, where that differs from the source's; else null. */
  kept_mtime_seconds: number | null;
  kept_mtime_nanoseconds: number | null;
  digest_algorithm: number | null;
  digest: Uint8Array | null;
  copied_at: number;
  /** When it was last read back and found equal to its digest; null when it never was. */
  verified_at: number | null;
  /** Null: we made it. 1: it was found there, and what its origin has is not known yet, or is something else. 2: its origin agrees with it. */
  imported: number | null;
  /** When its file was made, of a copy that was found and whose file system knows. */
  created_at: number | null;
  /** Where it lies, if not where a new copy would. */
  place_id: PlaceId | null;
}

interface AttemptTable {
  replica_id: ReplicaId;
  file_origin_id: FileOriginId;
  attempts: number;
  first_at: number;
  last_at: number;
  next_at: number;
  domain: string;
  reason: string;
  message: string;
}

interface InFlightTable {
  replica_id: ReplicaId;
  directory_id: DirectoryId;
}

interface VanishedFileTable {
  data_directory_id: DataDirectoryId;
  file_origin_id: FileOriginId;
}

interface VanishedDirectoryTable {
  data_directory_id: DataDirectoryId;
  directory_id: DirectoryId;
}

interface TallyTable {
  data_directory_id: DataDirectoryId;
  /** 0 counts the origins themselves. */
  replica_id: number;
  category: number;
  files: number;
  bytes: number;
}

interface ConditionTable {
  subject: string;
  type: string;
  status: string;
  reason: string;
  message: string;
  last_transition_at: number;
  observed_generation: number;
}

interface EventTable {
  id: Generated<number>;
  subject: string;
  severity: string;
  reason: string;
  message: string;
  count: number;
  first_at: number;
  last_at: number;
}

interface RunTable {
  id: Generated<number>;
  kind: string;
  started_at: number;
  ended_at: number | null;
  /** Null while it runs, and for ever after a run that was killed. */
  outcome: string | null;
  copied_files: number;
  copied_bytes: number;
  adopted_files: number;
  failed_files: number;
}

interface CounterTable {
  name: string;
  value: number;
}

/** One row. */
interface IdentityTable {
  uuid: string;
}

/** What is wrong with a copy, until a new copy takes its place. */
interface FindingTable {
  replica_id: ReplicaId;
  file_origin_id: FileOriginId;
  /** The state that the copy got by it. */
  state: number;
  found_at: number;
  expected_digest: Uint8Array | null;
  found_digest: Uint8Array | null;
  message: string;
}

/** A folder below a replica's root. */
interface PlaceTable {
  id: Generated<PlaceId>;
  path: string;
}

/** How far an import that is under way has come in one top-level folder. */
interface ImportProgressTable {
  replica_id: ReplicaId;
  folder: string;
  /** The last directory whose files are all recorded, below the folder; null before the first. */
  position: string | null;
  ended: number;
}

/** The manifest of a directory's copies at a replica. */
interface ManifestTable {
  replica_id: ReplicaId;
  directory_id: DirectoryId;
  /** Transactions that changed what it is to say. */
  changes: number;
  /** Since when it lacks one of them; null while it lacks none. */
  due_since: number | null;
  /** Null before it was first written. */
  written_at: number | null;
  /** Copies in it when it was last written. */
  files: number;
  /** Those of them that this inventory does not know; null while nobody has looked. */
  carried: number | null;
}
