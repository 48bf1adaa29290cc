/** Fetches a file so that one sees how far it is, and can stop it. */

/**
 * @param {string} href
 * @param {{signal: AbortSignal, size: number|undefined, onProgress: (share: number|null) => void}} options
 * @returns {Promise<Blob>} with the type that the service gave it
 */
export async function fetchFile(href, { signal, size, onProgress }) {
  onProgress(size > 0 ? 0 : null);
  const answer = await fetch(href, { signal });
  if (!answer.ok) throw new Error(String(answer.status));
  const parts = [];
  let done = 0;
  for (const reader = answer.body.getReader(); ;) {
    const part = await reader.read();
    if (part.done) break;
    parts.push(part.value);
    done += part.value.length;
    onProgress(size > 0 ? Math.min(1, done / size) : null);
  }
  return new Blob(parts, { type: answer.headers.get('Content-Type') ?? 'application/octet-stream' });
}
