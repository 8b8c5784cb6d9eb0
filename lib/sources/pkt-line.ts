/** One line of Git's wire format, or `null` for a flush or delimiter packet. */
export type PacketLine = string | null;

/**
 * Writes packet lines: four hexadecimal digits of length, themselves included, then the payload
 * (https://git-scm.com/docs/protocol-common#_pkt_line_format). `null` makes a delimiter, and a flush at the end.
 */
export function encodePackets(lines: PacketLine[]): Buffer {
  const packets = lines.map((line) => {
    if (line === null) return '0001';
    const length = Buffer.byteLength(line) + 5;
    return `${length.toString(16).padStart(4, '0')}${line}\n`;
  });
  return Buffer.from(`${packets.join('')}0000`);
}

/**
 * Reads packet lines, each without its closing newline.
 * @throws when the bytes are none
 */
export function decodePackets(bytes: Buffer): PacketLine[] {
  const lines: PacketLine[] = [];
  for (let at = 0; at < bytes.length; ) {
    const digits = bytes.toString('latin1', at, at + 4);
    const length = /^[0-9a-f]{4}$/i.test(digits) ? Number.parseInt(digits, 16) : 0xffff;
    if (length === 3 || (length > 3 && at + length > bytes.length)) throw new Error('not a packet line');
    lines.push(length < 4 ? null : bytes.toString('utf8', at + 4, at + length).replace(/\n$/, ''));
    at += Math.max(length, 4);
  }
  return lines;
}
