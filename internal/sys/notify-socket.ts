/**
 * What a service manager is told through (sd_notify(3)): single datagrams to a unix socket, which Bun cannot send.
 */
import { dlopen, FFIType } from "bun:ffi";
import { err, ok, type Result } from "neverthrow";
import { call, Memory, nothing, pointer } from "./_libc.ts";
import { type SysError, sysError } from "./errno.ts";

const I32 = FFIType.i32;

const { socket, setsockopt, sendto, close } = dlopen("libc.so.6", {
  socket: { args: [I32, I32, I32], returns: I32 },
  setsockopt: { args: [I32, I32, I32, "ptr", "u32"], returns: I32 },
  sendto: { args: [I32, "ptr", "u64", I32, "ptr", "u32"], returns: FFIType.i64_fast },
  close: { args: [I32], returns: I32 },
}).symbols;

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const SOL_SOCKET = 1;
const SO_SNDTIMEO = 21;
const MSG_NOSIGNAL = 0x4000;

const EINVAL = 22;
const ENAMETOOLONG = 36;
const EMSGSIZE = 90;
const EAFNOSUPPORT = 97;

/** struct sockaddr_un: the family in 16 bits, then the path (unix(7)). */
const SUN_PATH = 2;
const SUN_PATH_BYTES = 108;
const address = new Memory(SUN_PATH + SUN_PATH_BYTES);

/** struct timeval: two numbers of 64 bits. */
const timeout = new Memory(16);

/** A reader that does not read holds the whole program up for this long, at most. */
const SEND_TIMEOUT_SECONDS = 1n;

/** What systemd takes in one message (NOTIFY_BUFFER_MAX): it drops longer ones whole. */
export const NOTIFY_MESSAGE_BYTES = 4096;
const message = new Memory(NOTIFY_MESSAGE_BYTES);
const encoder = new TextEncoder();

/** Fills `address`; the number of bytes that count. */
function fillAddress(name: string): Result<number, SysError> {
  const abstract = name.startsWith("@");
  // "vsock:" and whatever comes after it are for virtual machines.
  if (!abstract && !name.startsWith("/")) return err(sysError("socket", EAFNOSUPPORT));
  if (name.includes("\0")) return err(sysError("sendto", EINVAL));
  const bytes = encoder.encode(name);
  // A path ends in a NUL; an abstract name begins with one, where the "@" stands.
  if (bytes.length + (abstract ? 0 : 1) > SUN_PATH_BYTES) return err(sysError("sendto", ENAMETOOLONG));
  address.bytes.fill(0);
  address.view.setUint16(0, AF_UNIX, true);
  address.bytes.set(bytes, SUN_PATH);
  if (abstract) address.bytes[SUN_PATH] = 0;
  return ok(SUN_PATH + bytes.length + (abstract ? 0 : 1));
}

/**
 * Sends one datagram to a unix socket: the path of one, or "@" and an abstract name, as in $NOTIFY_SOCKET. Waits a second at most (EAGAIN) when the
 * reader's queue is full. A message that is too long for a service manager is refused with EMSGSIZE, never cut.
 */
export function sendDatagram(name: string, text: string): Result<undefined, SysError> {
  const length = fillAddress(name);
  if (length.isErr()) return err(length.error);
  const { read, written } = encoder.encodeInto(text, message.bytes);
  if (read < text.length) return err(sysError("sendto", EMSGSIZE));
  const opened = call("socket", () => socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0));
  if (opened.isErr()) return err(opened.error);
  timeout.view.setBigInt64(0, SEND_TIMEOUT_SECONDS, true);
  timeout.view.setBigInt64(8, 0n, true);
  const sent = call("setsockopt", () => setsockopt(opened.value, SOL_SOCKET, SO_SNDTIMEO, pointer(timeout.address), 16)).andThen(
    () =>
      call("sendto", () =>
        sendto(opened.value, pointer(message.address), written, MSG_NOSIGNAL, pointer(address.address), length.value),
      ),
  );
  close(opened.value);
  return sent.map(nothing);
}
