/**
 * Every migration, in order, by name. A static map, so that the compiled binary carries them. A landed migration is never edited or
 * removed; its name is what a database remembers of it.
 */
import type { Migration } from "kysely";
import { firstSchema } from "./0001-first-schema.ts";
import { controller } from "./0002-controller.ts";
import { identity } from "./0003-identity.ts";
import { evidence } from "./0004-evidence.ts";
import { importing } from "./0005-import.ts";
import { manifest } from "./0006-manifest.ts";
import { generation } from "./0007-generation.ts";
import { carried } from "./0008-carried.ts";
import { mounted } from "./0009-mounted.ts";

export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  "0001-first-schema": firstSchema,
  "0002-controller": controller,
  "0003-identity": identity,
  "0004-evidence": evidence,
  "0005-import": importing,
  "0006-manifest": manifest,
  "0007-generation": generation,
  "0008-carried": carried,
  "0009-mounted": mounted,
};

/** What the tables are after each of them (`schemaDigest`). A migration that is added adds its line; its test tells what it must be. */
export const SCHEMA_DIGESTS: Readonly<Record<string, string>> = {
  "0001-first-schema": "afef297d979092af1e318548816527cbc54ab1f1bb43ae532281a2b9ce11142a",
  "0002-controller": "6a934cf7915e7950b7a33663d1feae0316949ee7aed360a48fe98568ad1ef2a6",
  "0003-identity": "38a7fdff3b212d2abe6c2a875a1afbe710c3e92a6cc4b5584ad37abcb25a7d85",
  "0004-evidence": "f908dcd9183128d1705a6063cb063aef97f3cbbc0ec2dfd0d2747bb362d14809",
  "0005-import": "9c3aea80b5b8f21e07400abbe9425b16fdddfb7c26c8af71c88f1d759ed7576c",
  "0006-manifest": "d90a470594cf4a6a024588071f0a64782f4154168c066f4923ac04441bbb5c3d",
  "0007-generation": "93897be702dd9e94b3c5be7f4a17c25754beeece8d85458fbc17aad287390e30",
  "0008-carried": "43628d9f703004804cc2bdc0efaffd966bb9cfe7177f5148819124c5961976d0",
  "0009-mounted": "76f398c44420b281f43636b0f79825c7c504ae6a06c62ecd5af9351f9ccec82b",
};
