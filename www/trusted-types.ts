interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): unknown;
}

/**
 * The page's policy demands Trusted Types, which leaves one way for script to enter: workers. This
 * default policy lets through those of the page's own origin and nothing else.
 */
export function allowOwnWorkers(): void {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  trustedTypes?.createPolicy('default', {
    createScriptURL(url) {
      if (new URL(url, location.href).origin !== location.origin) {
        throw new TypeError(`A worker must come from ${location.origin}, not from ${url}.`);
      }
      return url;
    },
  });
}
