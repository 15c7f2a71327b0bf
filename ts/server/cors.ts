/** Which pages of other origins may call. */
export interface CorsOptions {
  /** Origins such as `https://app.example`, or `*` for all (sensible only together with `authorize`). */
  readonly origins: '*' | readonly string[];
  /** Seconds for which a browser may remember the answer to its question beforehand; default 600. */
  readonly maxAge?: number;
}

/** Headers that let the asking page read the answer; none for a page that is not allowed. */
export function corsHeaders(
  cors: CorsOptions | undefined,
  request: Request,
): Record<string, string> {
  if (!cors) return {};
  const origin = request.headers.get('origin');
  if (cors.origins === '*') return { 'access-control-allow-origin': '*', ...EXPOSED };
  if (origin === null || !cors.origins.includes(origin)) return { vary: 'origin' };
  return { 'access-control-allow-origin': origin, vary: 'origin', ...EXPOSED };
}

const EXPOSED = { 'access-control-expose-headers': 'retry-after, www-authenticate' };

/** The answer to a browser's question beforehand; undefined for any other request. */
export function preflight(
  cors: CorsOptions | undefined,
  request: Request,
  methods: readonly string[],
): Response | undefined {
  const asks = request.method === 'OPTIONS' && request.headers.has('access-control-request-method');
  if (!cors || !asks) return undefined;
  return new Response(null, {
    status: 204,
    headers: {
      ...corsHeaders(cors, request),
      'access-control-allow-methods': methods.join(', '),
      'access-control-allow-headers': 'authorization, content-type, idempotency-key',
      'access-control-max-age': String(cors.maxAge ?? 600),
    },
  });
}
