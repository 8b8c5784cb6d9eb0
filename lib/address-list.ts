import ipaddr from 'ipaddr.js';

/**
 * Reads a list of networks and addresses, separated by commas; each is a network in CIDR notation then.
 * @throws with the one that is none
 */
export function addressList(text: string): string[] {
  const items = text.split(',').map((item) => item.trim());
  return items.filter(Boolean).map((item) => {
    if (ipaddr.isValidCIDR(item)) return item;
    if (!ipaddr.isValid(item) || item.includes('%'))
      throw new Error(`"${item}" is neither an address nor a network`);
    return `${item}/${ipaddr.parse(item).kind() === 'ipv4' ? 32 : 128}`;
  });
}
