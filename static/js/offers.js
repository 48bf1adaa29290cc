/** What the service can be asked for. What it does not offer yet is not shown. */
const OFFERS = new Set(['files', 'voice', 'orders', 'format', 'quote', 'forward', 'caption_format']);

export function offers(name) {
  return OFFERS.has(name);
}
