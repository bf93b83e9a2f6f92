/** Which machine a far end is: by its machine-id(5), which everybody may read, so that one machine under two names is known. Else by its name. */
import { hostname } from "node:os";
import { IoBuffer, machineId } from "../../sys/mod.ts";
import { THIS_MACHINE } from "../this-machine.ts";
import type { VolumeDirectory } from "../volume.ts";

const ID = /^[0-9a-f]{32}$/;
const HERE = /^(localhost|127\.[\d.]+|::1|\[::1\])$/i;

/** `etc`: the far end's /etc, where it can be opened. `name`: how the far end is reached. */
export async function farMachine(etc: VolumeDirectory | undefined, name: string): Promise<string> {
  const id = etc === undefined ? "" : await readId(etc);
  if (ID.test(id)) return id;
  const here = HERE.test(name) || name.toLowerCase() === hostname().toLowerCase();
  return here ? machineId() || THIS_MACHINE : `host ${name.toLowerCase()}`;
}

async function readId(etc: VolumeDirectory): Promise<string> {
  const source = await etc.openSource("machine-id");
  if (source.isErr()) return "";
  const buffer = new IoBuffer(64);
  const length = await source.value.read(buffer, 64, 0);
  source.value.close();
  return length.isErr() ? "" : new TextDecoder().decode(buffer.bytes.subarray(0, length.value)).trim();
}
