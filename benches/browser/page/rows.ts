/** Fetches the data that the runner left beside the page. */

/** The first `count` rows of a file of float32, or all. */
export async function fetchFloats(name: string, count?: number): Promise<Float32Array> {
  const bytes = await fetchBytes(`${name}.f32`, count === undefined ? undefined : count * 4);
  return new Float32Array(bytes.buffer);
}

export async function fetchCodes(name: string): Promise<Int8Array> {
  const bytes = await fetchBytes(`${name}.i8`);
  return new Int8Array(bytes.buffer);
}

async function fetchBytes(name: string, limit?: number): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(`/data/${name}`);
  if (!response.ok || !response.body) throw new Error(`/data/${name}: ${response.status}`);
  const length = Number(response.headers.get('content-length'));
  const out = new Uint8Array(Math.min(length, limit ?? length));
  const reader = response.body.getReader();
  for (let at = 0; at < out.length; ) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`/data/${name} ended after ${at} of ${out.length} bytes`);
    out.set(value.subarray(0, out.length - at), at);
    at += value.length;
  }
  await reader.cancel();
  return out;
}
